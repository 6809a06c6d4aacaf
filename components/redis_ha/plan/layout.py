"""Settings -> nodes with host, address and ports. Pure: nothing here touches Docker or Pulumi."""

import ipaddress
import math
from dataclasses import replace

from redis_ha.plan.exporters import exporters
from redis_ha.plan.identity import Identity
from redis_ha.plan.placement import PlacementError, Seat, check_sentinels, place_data_nodes, place_sentinels
from redis_ha.plan.topology import Backup, Endpoint, Kind, Node, Role, Topology
from redis_ha.settings.hosts import Host
from redis_ha.settings.model import Settings

# Fixed addresses inside the stack's /24. They depend on a node's index alone, never on how many
# there are: scaling moves nobody. The gateway is .1.
FIRST_DATA_ADDRESS = 10
FIRST_SENTINEL_ADDRESS = 130
ENDPOINT_ADDRESS = 250
BACKUP_ADDRESS = 253
PORT_STEP = 10
# Data nodes are told this many Sentinel addresses, declared or not (scaling never restarts them).
SENTINEL_SLOTS = 3
# The endpoint is told this many data nodes' addresses, or a multiple, so that scaling seldom replaces it.
DATA_SLOTS = 5
LAST_PORT = 65535


def strangers_range(subnet: ipaddress.IPv4Network) -> str:
    """The addresses that Docker gives to containers that ask for none: never a node's, though it be down."""
    return f"{subnet[0]}/29"


class TopologyError(ValueError):
    """The settings lead to nodes that cannot exist side by side."""


def plan(settings: Settings, identity: Identity) -> Topology:
    """The topology that `settings` ask for.

    Raises TopologyError when two nodes would share an address and port, or a port is above 65535.
    """
    subnet = identity.subnet(settings.subnet) if settings.bridged else None
    hosts = tuple(settings.hosts)
    counts: dict[Kind, int] = {"redis": settings.replicas + 1, "sentinel": settings.sentinels}
    seats = _seats(settings, hosts, counts)

    def node(kind: Kind, index: int) -> Node:
        name = f"{kind}-{index}"
        seat = seats[kind][index] if hosts else None
        host = hosts[seat.host] if seat else None
        fixed = None
        if subnet is not None:
            first = FIRST_DATA_ADDRESS if kind == "redis" else FIRST_SENTINEL_ADDRESS
            fixed = str(subnet[first + index])
        return Node(
            name=name,
            kind=kind,
            role=_role(kind, index),
            index=index,
            container=f"{identity.prefix}-{kind if settings.swarm else name}",
            address=host.address if host else settings.advertise or fixed or "127.0.0.1",
            port=_port(settings, kind, index, seat.slot if seat else _only_slot(kind, index)),
            fixed_address=fixed,
            host=host,
        )

    data_nodes, sentinels = (tuple(node(kind, i) for i in range(count)) for kind, count in counts.items())
    told = exporters(settings, identity.prefix, subnet, (*data_nodes, *sentinels)) if settings.metrics else ()
    topology = Topology(
        identity=identity,
        data_nodes=data_nodes,
        sentinels=sentinels,
        sentinel_slots=tuple(node("sentinel", i) for i in range(SENTINEL_SLOTS)),
        subnet=subnet,
        endpoints=_endpoints(settings, f"{identity.prefix}-endpoint", subnet) if settings.endpoint else (),
        exporters=told,
        backup=_backup(settings, f"{identity.prefix}-backup", subnet) if settings.backup is not None else None,
        hosts=hosts or (None,),
        tls=settings.tls is not None,
        notify=settings.notify is not None,
    )
    _check_ports(topology)
    if not settings.endpoint:
        return topology
    more = math.ceil(counts["redis"] / DATA_SLOTS) * DATA_SLOTS
    seats = _seats(settings, hosts, {**counts, "redis": more})
    used = _used_ports(topology)
    others = (node("redis", index) for index in range(counts["redis"], more))
    free = tuple(one for one in others if one.port <= LAST_PORT and (one.host, one.port) not in used)
    return replace(topology, further=free)


def _endpoints(settings: Settings, container: str, subnet: ipaddress.IPv4Network | None) -> tuple[Endpoint, ...]:
    fixed = str(subnet[ENDPOINT_ADDRESS]) if subnet is not None else None
    hosts: list[Host | None] = [host for host in settings.hosts if not host.drain]
    return tuple(
        Endpoint(
            container=container,
            address=host.address if host else settings.advertise or fixed or "127.0.0.1",
            write=settings.ports.write,
            read=settings.ports.read,
            fixed_address=fixed,
            host=host,
        )
        for host in hosts or [None]
    )


def _backup(settings: Settings, container: str, subnet: ipaddress.IPv4Network | None) -> Backup:
    wanted = settings.backup.host if settings.backup else None
    usable = [host for host in settings.hosts if (host.name == wanted if wanted else not host.drain)]
    fixed = str(subnet[BACKUP_ADDRESS]) if subnet is not None else None
    return Backup(container, fixed, usable[0] if usable else None)


def _role(kind: Kind, index: int) -> Role:
    if kind == "sentinel":
        return "sentinel"
    return "master" if index == 0 else "replica"


def _seats(settings: Settings, hosts: tuple[Host, ...], counts: dict[Kind, int]) -> dict[Kind, list[Seat]]:
    """Each node's host and slot, also for Sentinels that are not declared but told of; nothing on one machine."""
    if not hosts:
        return {}
    hard = settings.swarm or settings.sentinel_placement == "hard"
    if hard:
        try:
            check_sentinels(hosts, counts["sentinel"])
        except PlacementError as error:
            raise TopologyError(str(error)) from None
    return {
        "redis": _swarm_seats(hosts, counts["redis"]) if settings.swarm else place_data_nodes(hosts, counts["redis"]),
        "sentinel": place_sentinels(hosts, max(counts["sentinel"], SENTINEL_SLOTS), hard),
    }


def _swarm_seats(hosts: tuple[Host, ...], count: int) -> list[Seat]:
    """Each data node alone on a host, as Sentinels are: it is found, and has its data, by the host's name."""
    usable = sum(not host.drain for host in hosts)
    if count > usable:
        raise TopologyError(
            f"replicas: {count - 1} and a master need a host each in a Swarm, but `hosts` has {usable} that are not "
            f"drained; allowed: 0 to {usable - 1}"
        )
    return place_sentinels(hosts, count, hard=True)


def _only_slot(kind: Kind, index: int) -> int:
    """The slot of a node where all are on one machine."""
    return index if kind == "sentinel" else max(index - 1, 0)


def _port(settings: Settings, kind: Kind, index: int, slot: int) -> int:
    if kind == "sentinel":
        return settings.ports.sentinel + PORT_STEP * slot
    if index == 0:
        return settings.ports.master
    return settings.ports.replica + PORT_STEP * slot


def _used_ports(topology: Topology) -> dict[tuple[Host | None, int], list[str]]:
    """Which ports of which hosts are taken, and by what."""
    used: dict[tuple[Host | None, int], list[str]] = {}
    for node in (*topology.data_nodes, *topology.sentinels):
        used.setdefault((node.host, node.port), []).append(node.name)
    for endpoint in topology.endpoints:
        used.setdefault((endpoint.host, endpoint.write), []).append("the endpoint's write port")
        used.setdefault((endpoint.host, endpoint.read), []).append("its read port")
    for one in topology.exporters:
        used.setdefault((one.host, one.port), []).append(f"{one.name} of `metrics`")
    return used


def _check_ports(topology: Topology) -> None:
    errors = []
    for (_, port), names in _used_ports(topology).items():
        if port > LAST_PORT:
            errors += [f"ports: {name} would get {port}; allowed: 1 to {LAST_PORT}" for name in names]
        if len(names) > 1:
            errors.append(f"ports: {', '.join(names)} would share {port}; allowed: ports of their own")
    if errors:
        raise TopologyError("\n".join(errors))
