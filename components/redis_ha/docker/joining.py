"""Waiting until a node has joined: the next one of a roll-out starts only then."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pulumi

from redis_ha.docker.aside import aside
from redis_ha.docker.clients import docker_client, left_out, why_unreachable
from redis_ha.docker.health import HEALTH_CHECK, POLL_SECONDS, RUN_FOLDER, TRIES, health
from redis_ha.plan import labels
from redis_ha.plan.topology import Node, Part, Topology

if TYPE_CHECKING:
    from docker.models.containers import Container

JOIN_TIMEOUT_SECONDS = 60.0
BUSY = ("loading", "copying", "writing")
MAX_RESTARTS = 3  # a node that ends that often before it has joined will not join
JOINED_MARKER = "/data/.joined"  # inside the container: the id of the last one that has joined with this volume
FIRST_START_SIGNAL = f"{RUN_FOLDER}/first-start"  # read by its agent
FIRST_START = "waiting for a first master"  # in the health check's line of such a replica
LOG_LINES = 10
# The provider has no setting for it. Enough for the scripts' questions to more than 200 nodes at the same time.
MAX_PROCESSES = 1024


class NotJoinedError(pulumi.RunError):
    """A node did not join in time; the message has its reason and its last log lines."""


async def joined(node: Part, topology: Topology, health_check: Sequence[str] = HEALTH_CHECK) -> None:
    """Return when the container of `node` has joined, by its `health_check`.

    A bootstrap master's is told to start an empty master at once where no other data node of its stack exists that
    could hold data.

    Raises NotJoinedError after JOIN_TIMEOUT_SECONDS, or as soon as the container is gone.
    """
    bootstrap = isinstance(node, Node) and node.role == "master"
    await aside(_wait_until_joined, node, topology, bootstrap, health_check)


async def started(node: Node, first: bool) -> None:
    """Let `node` begin together with the others.

    `first`: nothing of its cluster was there, so its master may begin empty.
    Raises NotJoinedError where Docker cannot be asked.
    """
    await aside(_let_begin, node, first)


def _let_begin(node: Node, first: bool) -> None:
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        container = docker_client(node.host).containers.get(node.container)
        _limit_processes(container, node)
        if first and node.role == "master":
            container.exec_run(["touch", FIRST_START_SIGNAL])
    except (DockerException, RequestException) as error:
        raise NotJoinedError(f"{node.container} cannot be started: {error}") from None


async def joined_once(node: Node, topology: Topology) -> None:
    """Return when the node's container has joined at some time since it was created.

    An earlier roll-out may have stopped at this node: then nothing may be replaced behind it.
    A node that had joined and is down now does not hold anything up, and none on a host that this run leaves out.
    """
    await aside(_wait_until_joined_once, node, topology)


def _wait_until_joined_once(node: Node, topology: Topology) -> None:
    from docker.errors import DockerException, NotFound
    from requests.exceptions import RequestException

    if node.host is not None and node.host.name in left_out():
        return
    try:
        container = docker_client(node.host).containers.get(node.container)
        _limit_processes(container, node)
        chunks, _ = container.get_archive(JOINED_MARKER)
        if str(container.id).encode() in b"".join(chunks):
            return
    except NotFound:
        pass
    except (DockerException, RequestException) as error:
        raise NotJoinedError(f"{node.full_name}: cannot be asked whether it has joined: {error}") from None
    _wait_until_joined(node, topology, bootstrap=False)


def _wait_until_joined(
    node: Part, topology: Topology, bootstrap: bool, health_check: Sequence[str] = HEALTH_CHECK
) -> None:
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    name = node.container if node.host is None else f"{node.container} on host {node.host.name}"
    deadline = time.monotonic() + JOIN_TIMEOUT_SECONDS
    reason = "its container does not exist"
    signalled = not bootstrap
    absent = _absent(topology)
    try:
        container = docker_client(node.host).containers.get(node.container)
        _limit_processes(container, node)
        while time.monotonic() < deadline:
            try:
                if not signalled:
                    _signal_bootstrap(container, topology)
                    signalled = True
                healthy, reason = health(container, health_check, absent, 0 if absent else TRIES)
                if reason.startswith(BUSY):  # however much data there is, it gets on
                    deadline = time.monotonic() + JOIN_TIMEOUT_SECONDS
                if health_check != HEALTH_CHECK and (healthy or not _master_is_declared(topology)):
                    return
                if healthy:
                    container.exec_run(["sh", "-c", f"echo {container.id} >{JOINED_MARKER}"])
                    return
            except APIError:  # not running, or between two restarts
                container.reload()
                restarts = int(container.attrs["RestartCount"])
                reason = f"its container is {container.status}, after {restarts} restarts"
                if container.status in ("exited", "dead") or restarts >= MAX_RESTARTS:
                    break
            time.sleep(POLL_SECONDS)
        log = b"".join(container.logs(tail=LOG_LINES, stream=True, follow=False)).decode(errors="replace").rstrip()
    except (DockerException, RequestException) as error:
        raise NotJoinedError(f"{name} has not joined: {error}") from None
    raise NotJoinedError(
        f"{name} has not joined: {reason}. The roll-out stops here; the others keep serving. Its last log lines:\n{log}"
    )


def _master_is_declared(topology: Topology) -> bool:
    """False where the master is a node that goes at the end of this run: an endpoint cannot send to it any more."""
    nodes = [node for node in topology.data_nodes if node.host is None or node.host.name not in left_out()]
    containers = (docker_client(node.host).containers.get(node.container) for node in nodes)
    return any(health(container)[1].startswith("master") for container in containers)


def _limit_processes(container: "Container", node: Part) -> None:
    """So that a fork bomb inside ends there; Docker keeps the limit for as long as there is the container."""
    if container.attrs["HostConfig"].get("PidsLimit") != MAX_PROCESSES:
        api = docker_client(node.host).api  # a session of requests; docker-py's own update has no argument for this
        url = f"{api.base_url}/v{api.api_version}/containers/{container.id}/update"
        api.post(url, json={"PidsLimit": MAX_PROCESSES}, timeout=api.timeout).raise_for_status()


def _absent(topology: Topology) -> frozenset[str]:
    """The addresses of the hosts that this run leaves out: no Sentinel needs to see the nodes there."""
    return frozenset(host.address for host in topology.hosts if host is not None and host.name in left_out())


def _signal_bootstrap(container: "Container", topology: Topology) -> None:
    """Only where no other data node exists: elsewhere an empty master could wipe the others."""
    identity = topology.identity
    filters: dict[str, str | list[str] | bool] = {"label": [f"{labels.STACK}={identity.stack}", f"{labels.KIND}=redis"]}
    for host in topology.hosts:
        if host is not None and (host.name in left_out() or why_unreachable(host)):
            return  # it may hold data
        listed = docker_client(host).containers.list(all=True, filters=filters)
        others = [one for one in listed if identity.owns(one.labels, str(one.name))]
        if not all(_is_new(other) for other in others if other.id != container.id):
            return
    container.exec_run(["touch", FIRST_START_SIGNAL])


def _is_new(container: "Container") -> bool:
    """Whether a data node has never held data: it is up and waits for its first master."""
    from docker.errors import APIError

    try:
        healthy, reason = health(container)
    except APIError:  # not running: it may hold data
        return False
    return healthy and FIRST_START in reason
