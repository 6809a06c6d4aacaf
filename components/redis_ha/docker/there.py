"""What of a stack was there when a run began: whether its data nodes can go one after the other."""

from dataclasses import dataclass

import pulumi

from redis_ha.docker.clients import docker_client
from redis_ha.plan import labels
from redis_ha.plan.topology import Topology


@dataclass(frozen=True)
class There:
    """What of a stack was there when a run began. Where a host cannot be asked, there may be anything."""

    anything: bool
    """Containers or volumes."""
    serving: bool
    """A data node ran."""
    unled: str
    """Why no node could join the others: nobody would tell it of them. Empty where they can go one after the other.

    They can where most Sentinels ran, and one of them is at the address that it is to have: that one tells them of the
    others, which are moved or removed later.
    """


UNKNOWN = There(anything=True, serving=False, unled="")


def what_is_there(topology: Topology) -> There:
    """What of the stack is there now, on all of its hosts."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    identity = topology.identity
    of_stack = {"label": f"{labels.STACK}={identity.stack}"}
    wanted = {(node.name, node.address) for node in topology.sentinels}
    anything, serving, running, stay, told = False, False, 0, 0, 0
    try:
        for host in topology.hosts:
            api = docker_client(host).api
            containers = api.containers(all=True, filters=of_stack)
            containers = [one for one in containers if identity.owns(one["Labels"], one["Names"][0])]
            volumes = api.volumes(filters=of_stack)["Volumes"] or []
            anything = anything or bool(containers) or any(identity.owns(one["Labels"], one["Name"]) for one in volumes)
            for container in containers:
                runs = container["State"] == "running"
                kind = container["Labels"].get(labels.KIND)
                serving = serving or (runs and kind == "redis")
                if kind == "sentinel":
                    lines = api.inspect_container(container["Id"])["Config"]["Env"] or []
                    env = dict(line.split("=", 1) for line in lines)
                    told = max(told, len(env.get("sentinels", "").split()))
                    running += runs
                    stay += runs and (container["Labels"].get(labels.NODE), env.get("announce_address")) in wanted
    except (DockerException, RequestException):
        return UNKNOWN
    if 2 * running <= told:
        return There(anything, serving, "most of its Sentinels do not run")
    return There(anything, serving, "" if stay else "no Sentinel stays at its address")


def warn_of_outage(topology: Topology) -> None:
    """In a preview, where the data nodes that run will not go one after the other."""
    there = what_is_there(topology)
    if there.serving and there.unled:
        pulumi.log.warn(
            f"{there.unled}: the data nodes that this replaces are replaced at the same time, "
            "and clients have no master until the data is loaded"
        )
