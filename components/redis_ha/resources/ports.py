"""Two clusters of one program on one port: Docker would find that out half-way through the `up`."""

from collections.abc import Iterator
from weakref import WeakKeyDictionary

import pulumi
from pulumi.runtime.settings import get_monitor

from redis_ha.plan.topology import Exporter, Node, Topology
from redis_ha.settings.model import Settings

_claimed: WeakKeyDictionary[object, dict[str, str]] = WeakKeyDictionary()
"""Of each program, known by its engine's side: the names of its clusters by where they listen."""


def claim_ports(name: str, settings: Settings, topology: Topology) -> None:
    """Raises pulumi.RunError naming the other cluster, and where both would listen."""
    # A process may see several: a component host does, and tests with mocks.
    claimed = _claimed.setdefault(get_monitor(), {})
    for where in _listening(settings, topology):
        other = claimed.setdefault(where, name)
        if other != name:
            raise pulumi.RunError(
                f"RedisHa {name!r}: ports: {where} is where {other!r} listens already; allowed: `ports` that no other "
                "cluster of the program has on the same machine"
            )


def _listening(settings: Settings, topology: Topology) -> Iterator[str]:
    parts: list[Node | Exporter] = [*topology.data_nodes, *topology.sentinels, *topology.exporters]
    found = [(part.fixed_address, part.address, part.port) for part in parts]
    for endpoint in topology.endpoints:
        found += [(endpoint.fixed_address, endpoint.address, port) for port in (endpoint.write, endpoint.read)]
    for fixed, address, port in found:
        if fixed is None:
            yield f"{address}:{port}"
        elif settings.published:
            yield f"{settings.published}:{port}"
