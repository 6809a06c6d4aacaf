"""Settings -> nodes with host, address and ports. Pure: nothing here touches Docker or Pulumi."""

import hashlib
import ipaddress
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from components.settings import Settings

Kind = Literal["redis", "sentinel"]
Role = Literal["master", "replica", "sentinel"]

# Fixed addresses inside the stack's /24. They depend on a node's index alone, never on how many
# there are: scaling moves nobody. The gateway is .1.
FIRST_DATA_ADDRESS = 10
FIRST_SENTINEL_ADDRESS = 130
ENDPOINT_ADDRESS = 250
PORT_STEP = 10
# Data nodes are told this many Sentinel addresses, declared or not (scaling never restarts them).
SENTINEL_SLOTS = 3


@dataclass(frozen=True)
class Node:
    """One Redis or Sentinel process in a container of its own.

    `address` and `port` are what the node announces and clients connect to; `fixed_address` is
    the container's own address on a bridge network, None with host networking.
    """

    name: str
    kind: Kind
    role: Role
    index: int
    container: str
    address: str
    port: int
    fixed_address: str | None

    @property
    def endpoint(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True)
class Endpoint:
    """Where clients that do not ask the Sentinels connect: a port for writes, one for reads. Addresses as in Node."""

    container: str
    address: str
    write: int
    read: int
    fixed_address: str | None


@dataclass(frozen=True)
class Topology:
    """All nodes of a stack. `data_nodes[0]` is the bootstrap master."""

    project: str
    stack: str
    data_nodes: tuple[Node, ...]
    sentinels: tuple[Node, ...]
    sentinel_slots: tuple[Node, ...]
    subnet: ipaddress.IPv4Network | None
    endpoint: Endpoint | None

    @property
    def addresses(self) -> list[str]:
        """All that clients connect to, and that a certificate must be for."""
        endpoint = [self.endpoint.address] if self.endpoint is not None else []
        return [*(node.address for node in (*self.data_nodes, *self.sentinels)), *endpoint]

    @property
    def master(self) -> Node:
        return self.data_nodes[0]

    @property
    def rollout_order(self) -> tuple[Node, ...]:
        """Replicas first, the bootstrap master last of the data nodes, then the Sentinels."""
        return (*self.data_nodes[1:], self.data_nodes[0], *self.sentinels)

    def sentinel_id(self, sentinel: Node) -> str:
        """A Sentinel's `myid`: 40 hex digits, the same however often it is made anew."""
        name = f"{self.project}/{self.stack}/{sentinel.name}"
        return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


class TopologyError(ValueError):
    """The settings lead to nodes that cannot exist side by side."""


def plan(settings: Settings, project: str, stack: str) -> Topology:
    """The topology that `settings` ask for.

    Raises TopologyError when two nodes would share an address and port, or a port is above 65535.
    """
    subnet = settings.subnet_of(stack) if settings.network == "bridge" else None

    def node(kind: Kind, index: int) -> Node:
        name = f"{kind}-{index}"
        fixed = None
        if subnet is not None:
            first = FIRST_DATA_ADDRESS if kind == "redis" else FIRST_SENTINEL_ADDRESS
            fixed = str(subnet[first + index])
        return Node(
            name=name,
            kind=kind,
            role=_role(kind, index),
            index=index,
            container=f"{project}-{stack}-{name}",
            address=settings.advertise or fixed or "127.0.0.1",
            port=_port(settings, kind, index),
            fixed_address=fixed,
        )

    topology = Topology(
        project=project,
        stack=stack,
        data_nodes=tuple(node("redis", i) for i in range(settings.replicas + 1)),
        sentinels=tuple(node("sentinel", i) for i in range(settings.sentinels)),
        sentinel_slots=tuple(node("sentinel", i) for i in range(SENTINEL_SLOTS)),
        subnet=subnet,
        endpoint=_endpoint(settings, f"{project}-{stack}-endpoint", subnet) if settings.endpoint else None,
    )
    _check_ports(topology)
    return topology


def _endpoint(settings: Settings, container: str, subnet: ipaddress.IPv4Network | None) -> Endpoint:
    fixed = str(subnet[ENDPOINT_ADDRESS]) if subnet is not None else None
    return Endpoint(
        container=container,
        address=settings.advertise or fixed or "127.0.0.1",
        write=settings.ports.write,
        read=settings.ports.read,
        fixed_address=fixed,
    )


def _role(kind: Kind, index: int) -> Role:
    if kind == "sentinel":
        return "sentinel"
    return "master" if index == 0 else "replica"


def _port(settings: Settings, kind: Kind, index: int) -> int:
    if kind == "sentinel":
        return settings.ports.sentinel + PORT_STEP * index
    if index == 0:
        return settings.ports.master
    return settings.ports.replica + PORT_STEP * (index - 1)


def _check_ports(topology: Topology) -> None:
    ports = [(node.name, node.port) for node in (*topology.data_nodes, *topology.sentinels)]
    if topology.endpoint is not None:
        ports += [("the endpoint's write port", topology.endpoint.write), ("its read port", topology.endpoint.read)]
    errors = [f"ports: {name} would get {port}; allowed: 1 to 65535" for name, port in ports if port > 65535]
    for port, count in Counter(port for _, port in ports).items():
        if count > 1:
            names = ", ".join(name for name, own in ports if own == port)
            errors.append(f"ports: {names} would share {port}; allowed: ports of their own")
    if errors:
        raise TopologyError("\n".join(errors))
