"""The nodes of a cluster and what runs beside them: where each is, and how it is reached. Pure."""

import hashlib
import ipaddress
from dataclasses import dataclass
from typing import Literal

from redis_ha.plan.identity import OWN, Identity
from redis_ha.settings.hosts import Host

Kind = Literal["redis", "sentinel"]
Role = Literal["master", "replica", "sentinel"]
FOLDER = "/etc/redis-ha/node"
"""Where a container's own files are: its directives, users, certificates. Only the image's Redis user may enter it."""
ExporterName = Literal["exporter", "figures"]


class OnHost:
    """What is on one of several hosts, or on the only machine."""

    host: Host | None

    @property
    def host_name(self) -> str | None:
        return self.host.name if self.host else None


@dataclass(frozen=True)
class Node(OnHost):
    """One Redis or Sentinel process in a container of its own.

    `address` and `port` are what the node announces and clients connect to; `fixed_address` is
    the container's own address on a bridge network, None with host networking. `host` is None on one machine.
    `container` is its name, or in a Swarm the name of its service.
    """

    name: str
    kind: Kind
    role: Role
    index: int
    container: str
    address: str
    port: int
    fixed_address: str | None
    host: Host | None = None

    @property
    def full_name(self) -> str:
        """With its host, where there are several."""
        return self.name if self.host is None else f"{self.name}.{self.host.name}"

    @property
    def endpoint(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True)
class Endpoint(OnHost):
    """Where clients that do not ask the Sentinels connect: a port for writes, one for reads. Addresses as in Node."""

    container: str
    address: str
    write: int
    read: int
    fixed_address: str | None
    host: Host | None = None
    kind: Literal["endpoint"] = "endpoint"
    name: Literal["endpoint"] = "endpoint"


@dataclass(frozen=True)
class Backup(OnHost):
    """What takes snapshots. Nobody connects to it."""

    container: str
    fixed_address: str | None
    host: Host | None = None
    kind: Literal["backup"] = "backup"
    name: Literal["backup"] = "backup"


@dataclass(frozen=True)
class Exporter(OnHost):
    """One of the two on one host: its address and port, as in Node."""

    name: ExporterName
    container: str
    address: str
    port: int
    fixed_address: str | None
    host: Host | None = None
    kind: Literal["exporter"] = "exporter"

    @property
    def endpoint(self) -> str:
        return f"{self.address}:{self.port}"

    @property
    def listens(self) -> str:
        """Where it takes connections: everywhere in its own network, on a host only where it is to be found."""
        return self.endpoint if self.fixed_address is None else f"0.0.0.0:{self.port}"

    @property
    def from_inside(self) -> str:
        """Where its own container reaches it."""
        return self.endpoint if self.fixed_address is None else f"127.0.0.1:{self.port}"


Part = Node | Endpoint | Exporter | Backup
"""Each has a container of its own."""


@dataclass(frozen=True)
class Topology:
    """All nodes of a cluster. `data_nodes[0]` is the bootstrap master."""

    identity: Identity
    data_nodes: tuple[Node, ...]
    sentinels: tuple[Node, ...]
    sentinel_slots: tuple[Node, ...]
    """Where Sentinels are or would be: what data nodes are told, so that scaling Sentinels replaces none."""
    subnet: ipaddress.IPv4Network | None
    endpoints: tuple[Endpoint, ...] = ()
    """One on each host that is not drained; none without the setting."""
    further: tuple[Node, ...] = ()
    """Where data nodes would be after scaling: an endpoint is told of them, too. None where there is no endpoint."""
    exporters: tuple[Exporter, ...] = ()
    """Two on each host that has nodes; none without the setting `metrics`."""
    backup: Backup | None = None
    hosts: tuple[Host | None, ...] = (None,)
    """In the order of the setting, drained ones too; one None: a single machine."""
    tls: bool = False
    notify: bool = False

    @property
    def addresses(self) -> list[str]:
        """All that clients connect to, and that a certificate must be for."""
        return [
            *(node.address for node in (*self.data_nodes, *self.sentinels)),
            *(one.address for one in self.endpoints),
        ]

    @property
    def master(self) -> Node:
        return self.data_nodes[0]

    @property
    def rollout_order(self) -> tuple[Node, ...]:
        """Replicas first, the bootstrap master last of the data nodes, then the Sentinels."""
        return (*self.data_nodes[1:], self.data_nodes[0], *self.sentinels)

    def sentinel_id(self, sentinel: Node) -> str:
        """A Sentinel's `myid`: 40 hex digits, the same however often it is made anew.

        On another host it is another Sentinel: while it moves, both are there.
        """
        identity = self.identity
        cluster = [identity.project, *([] if identity.name == OWN else [identity.name]), identity.stack]
        name = "/".join([*cluster, sentinel.full_name])
        return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
