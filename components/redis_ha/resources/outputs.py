"""What a cluster tells the program: where clients connect, and what drills and an operator's tools need besides."""

from typing import NotRequired, TypedDict
from urllib.parse import quote

from redis_ha.plan.topology import Endpoint, Topology
from redis_ha.settings.model import Settings


class NodeOutput(TypedDict):
    """A data node."""

    name: str
    """Such as redis-0, which is the master at first."""
    host: str
    """The address that it announces."""
    port: int
    """The port that it announces."""
    container: str
    """The container's name; in a Swarm that of the service."""
    host_name: NotRequired[str]
    """The name of its host, where there are several."""


class EndpointOutput(TypedDict):
    """Where clients connect that do not ask the Sentinels: host:port."""

    write: str
    """Leads to the master."""
    read: str
    """Leads to the replicas."""


class HostOutput(TypedDict):
    """One of several hosts."""

    docker: str
    """How its Docker is reached."""
    address: str
    """The address that its nodes announce."""


def nodes(topology: Topology) -> list[NodeOutput]:
    """The data nodes, the first master first."""
    found: list[NodeOutput] = []
    for node in topology.data_nodes:
        one: NodeOutput = {"name": node.name, "host": node.address, "port": node.port, "container": node.container}
        if node.host:
            one["host_name"] = node.host.name
        found.append(one)
    return found


def of_endpoint(one: Endpoint) -> EndpointOutput:
    """Where one endpoint is."""
    return {"write": f"{one.address}:{one.write}", "read": f"{one.address}:{one.read}"}


def of_hosts(settings: Settings) -> dict[str, HostOutput] | None:
    """Which Docker holds what, where there is more than one; no TLS material. A Swarm's need not be known."""
    if not settings.hosts or not all(host.docker for host in settings.hosts):
        return None
    return {host.name: {"docker": host.docker, "address": host.address} for host in settings.hosts}


def url(settings: Settings, topology: Topology) -> str:
    """The bootstrap master as a redis:// or rediss:// URL, percent-encoded; after a failover ask a Sentinel."""
    password = quote(settings.password.get_secret_value(), safe="")
    return f"{'rediss' if topology.tls else 'redis'}://:{password}@{topology.master.endpoint}/0"


def sentinel_url(settings: Settings, topology: Topology) -> str:
    """All that a client by a recipe of clients/ needs: redis+sentinel://:PASSWORD@HOST:PORT,.../MASTER."""
    password, name = (quote(one, safe="") for one in (settings.password.get_secret_value(), settings.master_name))
    sentinels = ",".join(node.endpoint for node in topology.sentinels)
    return f"{'rediss' if topology.tls else 'redis'}+sentinel://:{password}@{sentinels}/{name}"
