"""What gives a Prometheus its figures, on each host with nodes: where it is, and what there is to be scraped. Pure.

`exporter` is redis_exporter, which asks the host's nodes and Sentinels; `figures` tells what they cannot be asked for:
how long certificates are valid, how full the disk is.
"""

import ipaddress
from collections.abc import Iterable
from typing import TypedDict

from redis_ha.plan.topology import Exporter, ExporterName, Node, Topology
from redis_ha.settings.model import Settings

# Fixed addresses inside the stack's /24, behind the endpoint's.
_ADDRESSES: dict[ExporterName, int] = {"exporter": 251, "figures": 252}


class MetricsTarget(TypedDict):
    """One thing to scrape, as Prometheus reads it from a file (file_sd)."""

    targets: list[str]
    """Where to ask: host:port, one."""
    labels: dict[str, str]
    """What the figures are labelled with; by those with `__` Prometheus asks for the right node's."""


def exporters(
    settings: Settings, prefix: str, subnet: ipaddress.IPv4Network | None, nodes: Iterable[Node]
) -> tuple[Exporter, ...]:
    """Both, on each host that has one of the `nodes`."""
    return tuple(
        Exporter(
            name=name,
            container=f"{prefix}-{name}",
            address=host.address if host else settings.advertise or fixed or "127.0.0.1",
            port=settings.ports.metrics if name == "exporter" else settings.ports.figures,
            fixed_address=fixed,
            host=host,
        )
        for host in dict.fromkeys(node.host for node in nodes)
        for name, fixed in ((name, str(subnet[i]) if subnet is not None else None) for name, i in _ADDRESSES.items())
    )


def url(node: Node, tls: bool) -> str:
    """What redis_exporter is asked by for a node's figures."""
    return f"{'rediss' if tls else 'redis'}://{node.endpoint}"


def nodes_of(topology: Topology, exporter: Exporter) -> list[Node]:
    """The nodes and Sentinels that an exporter tells of: those on its host."""
    return [node for node in (*topology.data_nodes, *topology.sentinels) if node.host == exporter.host]


def targets(topology: Topology) -> list[MetricsTarget]:
    """All that a Prometheus scrapes: each node and Sentinel through the exporter of its host, and the exporters."""
    found = []
    for exporter in topology.exporters:
        common = {"cluster": topology.identity.prefix, **({"host": exporter.host_name} if exporter.host_name else {})}
        found.append(_target(exporter, {**common, "kind": exporter.kind, "node": exporter.name}))
        if exporter.name == "exporter":
            found += [
                _target(
                    exporter,
                    {
                        **common,
                        "kind": node.kind,
                        "node": node.name,
                        "instance": node.endpoint,
                        "__metrics_path__": "/scrape",
                        "__param_target": url(node, topology.tls),
                    },
                )
                for node in nodes_of(topology, exporter)
            ]
    return found


def _target(exporter: Exporter, labels: dict[str, str]) -> MetricsTarget:
    return {"targets": [exporter.endpoint], "labels": labels}
