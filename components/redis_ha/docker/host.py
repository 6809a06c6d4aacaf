"""The program's own look at Docker: what is there of a cluster."""

import pulumi

from redis_ha.docker.clients import docker_client, left_out
from redis_ha.plan import labels
from redis_ha.plan.topology import Topology
from redis_ha.settings.hosts import Host


def refuse_switching_tls(topology: Topology, swarm: bool) -> None:
    """A node with TLS cannot replicate from one without it: the roll-out would stop at the first node.

    Raises pulumi.RunError when containers of the cluster exist that differ. No daemon, no containers: no error here.
    """
    hosts = (None,) if swarm else topology.hosts
    if any(_differs(topology, host) for host in hosts):
        raise pulumi.RunError(
            f"tls: cannot be switched {'on' if topology.tls else 'off'} while stack {topology.identity.stack} is up, "
            "since nodes with and without it do not understand each other. Destroy the stack first; with retainData "
            "its data stays"
        )


def _differs(topology: Topology, host: Host | None) -> bool:
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    if host is not None and host.name in left_out():
        return False
    identity = topology.identity
    filters: dict[str, str | list[str] | bool] = {"label": [f"{labels.STACK}={identity.stack}", labels.TRANSPORT]}
    try:
        # One call, without a look at each container: this is done in every preview.
        nodes = docker_client(host).api.containers(all=True, filters=filters)
    except (DockerException, RequestException):
        return False
    return any(
        (node["Labels"][labels.TRANSPORT] == "tls") != topology.tls
        for node in nodes
        if identity.owns(node["Labels"], node["Names"][0])
    )


def image_is_lost(image: str, host: Host) -> bool:
    """Whether a host that answers does not have an image; a host that is left out is not asked."""
    from docker.errors import DockerException, ImageNotFound
    from requests.exceptions import RequestException

    if host.name in left_out():
        return False
    try:
        docker_client(host).images.get(image)
    except ImageNotFound:
        return True
    except (DockerException, RequestException):
        return False
    return False
