"""What a change would cost of what is there: said in the preview, or refused.

Where Docker cannot be asked nothing is known, and nothing is said here.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pulumi

from redis_ha.docker.clients import docker_client, left_out
from redis_ha.plan import labels
from redis_ha.plan.acl import internal_hashes
from redis_ha.plan.topology import FOLDER, Topology
from redis_ha.plan.versions import Server, Version, of_config, of_tag, rdb_version, reads
from redis_ha.settings.hosts import Host
from redis_ha.settings.model import Settings

SHARED = "Valkey reads what Redis 7.2 and older write, and Redis 7.2 and up what Valkey 7.2 to 8 write"
"""The moves between the two."""

ANY_USER = "user handover on"
"""Is in every node's list of users."""

if TYPE_CHECKING:
    from docker.api import APIClient


def removed_volumes(topology: Topology) -> list[str]:
    """The data volumes of nodes that are no longer declared, by their names in Docker.

    Also those on this machine where the cluster goes to several hosts. Not those on hosts that are no longer declared
    either: how they are reached is not known any more.
    """
    identity = topology.identity
    filters: dict[str, str | list[str] | bool] = {"label": [f"{labels.STACK}={identity.stack}"]}
    found = []
    daemons = list(_daemons(topology, False))
    if None not in topology.hosts:
        here = _asked(lambda: docker_client(None).api)
        if here is not None and _identity(here) not in [_identity(api) for _, api in daemons]:
            daemons.append((None, here))
    for host, api in daemons:
        declared = {node.name for node in topology.data_nodes if node.host == host}
        for volume in _asked(lambda api=api: api.volumes(filters=filters)["Volumes"]) or []:
            marks = volume["Labels"] or {}
            if marks.get(labels.KIND) != "redis" or not identity.owns(marks, volume["Name"]):
                continue
            if marks.get(labels.NODE, volume["Name"].removeprefix(f"{identity.prefix}-")) not in declared:
                found.append(f"{volume['Name']}{f' on host {host.name}' if host else ''}")
    return found


def warn_of_removed_data(topology: Topology) -> None:
    """Of a cluster that does not retain its data."""
    for volume in removed_volumes(topology):
        pulumi.log.warn(f"this removes the data volume {volume}, with all that is in it")


def refuse_another_master_name(name: str, topology: Topology, swarm: bool) -> None:
    """To a node that asks for the new name, Sentinels that know the old one say nothing: nobody would fail over.

    Raises pulumi.RunError naming both.
    """
    for _, api in _daemons(topology, swarm):
        for container in _data_nodes(api, topology):
            env = dict(line.split("=", 1) for line in container["Config"].get("Env") or [])
            there = env.get("master_name", name)
            if there != name:
                raise pulumi.RunError(
                    f"masterName: {name}: cannot be changed while the cluster is up, since its Sentinels know the "
                    f"master as {there}, and clients ask for that. Destroy the stack first; with retainData its data "
                    "stays"
                )
            break  # those of a host are told alike


def refuse_strange_password(settings: Settings, topology: Topology, swarm: bool) -> None:
    """A node with another system password would be let in by none of those that are there: the roll-out ends with it.

    Raises pulumi.RunError where the first node that runs has none of those that are declared.
    """
    accepted = internal_hashes(settings)
    for _, api in _daemons(topology, swarm):
        for container in _data_nodes(api, topology):
            users = _file(api, container, f"{FOLDER}/users.acl") if container["State"]["Running"] else ""
            if ANY_USER not in users:  # such as in a Swarm, whose secrets Docker shows nobody
                continue
            if not any(one in users for one in accepted):
                which = "systemPassword" if settings.system_password else "password, and with it systemPassword"
                stack, project = topology.identity.stack, topology.identity.project
                raise pulumi.RunError(
                    f"{which}: {container['Name'].removeprefix('/')} knows another one, and would let no node in that "
                    "has this one. To change it: make rotate. Where it was made by another user's `up`, or as another "
                    f"one (sudo): run as that one, or take over ~/.config/redis-ha/{project}/{stack}.json"
                )
            return


def _file(api: "APIClient", container: dict[str, Any], path: str) -> str:
    """What a file in a container says; empty where that cannot be told."""
    archive = _asked(lambda: b"".join(api.get_archive(container["Id"], path)[0]))
    return archive.decode(errors="replace") if archive else ""


def refuse_older_redis(base_image: str, topology: Topology, swarm: bool) -> None:
    """A server that cannot read what is there would not start; and were it copied to, it could not take it.

    The node with the oldest format counts: where a roll-out to a newer one has stopped half-way, the way back stays
    open. Raises pulumi.RunError naming both. What either of them is may not be known: then there is no error here, and
    the roll-out stops at the first node, a replica.
    """
    oldest: tuple[Server, str] | None = None
    wanted: Server | None = None
    for _, api in _daemons(topology, swarm):
        for container in _data_nodes(api, topology):
            config = container["Config"]
            server = of_config(config.get("Env") or [], config.get("Labels") or {})
            if server and (oldest is None or _age(server) < _age(oldest[0])):
                oldest = server, container["Name"].removeprefix("/")
        image = _asked(lambda api=api: api.inspect_image(base_image))
        if image:
            config = image.get("Config") or {}
            wanted = wanted or of_config(config.get("Env") or [], config.get("Labels") or {})
    wanted = wanted or of_tag(base_image)
    if oldest is None or wanted is None or reads(wanted, oldest[0]):
        return
    others = "" if wanted.name == oldest[0].name else f"; {SHARED}"
    raise pulumi.RunError(
        f"baseImage: {base_image}: has {wanted}, which cannot read the data that {oldest[1]} has written "
        f"with {oldest[0]}; allowed: a {oldest[0].name} that is not older than that{others}"
    )


def _identity(api: "APIClient") -> Any:
    """Which daemon it is: one may be reached in two ways."""
    return _asked(lambda: [api.info()[key] for key in ("ID", "Name")])


def _age(server: Server) -> tuple[int, Version]:
    return rdb_version(server), server.version


def _daemons(topology: Topology, swarm: bool) -> Iterator[tuple[Host | None, "APIClient"]]:
    for host in (None,) if swarm else topology.hosts:
        if host is not None and host.name in left_out():
            continue
        client = _asked(lambda host=host: docker_client(host))
        if client is not None:
            yield host, client.api


def _data_nodes(api: "APIClient", topology: Topology) -> Iterator[dict[str, Any]]:
    identity = topology.identity
    marks = [f"{labels.STACK}={identity.stack}", f"{labels.KIND}=redis"]
    filters: dict[str, str | list[str] | bool] = {"label": marks}
    for one in _asked(lambda: api.containers(all=True, filters=filters)) or []:
        if identity.owns(one["Labels"], one["Names"][0]):
            found = _asked(lambda one=one: api.inspect_container(one["Id"]))
            if found:
                yield found


def _asked(question: Any) -> Any:
    """The answer; None where there is none."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        return question()
    except (DockerException, RequestException, OSError):
        return None
