"""What status has seen of a stack at one moment. None and empty: not seen."""

from dataclasses import dataclass, field

from redis_ha.docker.daemon import Container
from redis_ha.outputs import Address


@dataclass(frozen=True)
class Said:
    """What a container's agent has written into its state file."""

    role: str
    joined: bool
    why: str
    """What it is, or what it waits for."""
    age: float
    """Seconds since it was written."""
    master: str | None = None
    epoch: int | None = None
    paused: tuple[str, ...] = ()
    """Why writes are held back."""
    storing: bool = True
    """Whether it can write to its disk."""
    missing: tuple[str, ...] = ()
    """The addresses that a Sentinel does not see."""


@dataclass(frozen=True)
class Replica:
    """What a master says of one of its replicas."""

    address: Address
    online: bool
    lag: int
    """Seconds since its last acknowledgement."""
    offset: int


@dataclass(frozen=True)
class Data:
    """What a data node answers."""

    role: str
    """master or replica."""
    version: str
    """Such as 8.0.2, or valkey 8.1.1."""
    offset: int
    memory: int
    """Bytes in use."""
    max_memory: int
    """Bytes; 0: no limit."""
    evicts: bool = False
    """At its limit it drops keys, instead of refusing writes."""
    stores: bool = True
    """Its last write to disk went well."""
    priority: int = 100
    """0: it cannot be promoted."""
    loading: bool = False
    follows: Address | None = None
    link: bool = False
    """Of a replica: whether its link to the master is up."""
    replicas: tuple[Replica, ...] = ()
    in_sync: int | None = None
    """Under `durability: consistent`: how many replicas the master counts as in sync."""


@dataclass(frozen=True)
class Watch:
    """What a Sentinel answers."""

    master: Address
    flags: tuple[str, ...]
    quorum: int
    replicas: int
    sentinels: int
    """Other ones that it knows."""
    epoch: int
    tilt: bool = False


@dataclass(frozen=True)
class Backup:
    """What has become of the last backups."""

    age: float | None
    """Seconds since the last one that was kept; None: there is none yet."""
    every: float
    """Seconds that are to be between two."""
    keys: int = 0
    id: str = ""
    why: str | None = None
    """Why the last attempt has failed, where it has."""


@dataclass(frozen=True)
class Node:
    """A data node, a Sentinel, an endpoint, or what takes backups."""

    name: str
    kind: str
    """redis, sentinel, endpoint, backup."""
    address: Address | None = None
    host: str | None = None
    container: Container | None = None
    said: Said | None = None
    data: Data | None = None
    watch: Watch | None = None
    backup: Backup | None = None
    silence: str | None = None
    """Why it has not answered, where it was asked."""

    @property
    def where(self) -> str:
        """Its address as host:port."""
        return f"{self.address[0]}:{self.address[1]}" if self.address else ""

    @property
    def role(self) -> str | None:
        """Of a data node: what it answers, else what its agent says."""
        return self.data.role if self.data else self.said.role if self.said else None


@dataclass(frozen=True)
class Certificate:
    """A certificate that clients or nodes use."""

    of: str
    days: float
    """Until it ends; negative: since."""


@dataclass(frozen=True)
class Facts:
    """All of it."""

    stack: str
    nodes: tuple[Node, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    silent_dockers: dict[str, str] = field(default_factory=dict)
    """Why the Docker of a host (empty: that of the environment) has not answered."""
    no_outputs: str | None = None
    """Why the stack's outputs could not be read: then no node has been asked."""
    swarm: bool = False

    def of_kind(self, kind: str) -> list[Node]:
        """The nodes of one kind."""
        return [node for node in self.nodes if node.kind == kind]

    @property
    def masters(self) -> list[Node]:
        """The data nodes that are master."""
        return [node for node in self.of_kind("redis") if node.role == "master"]
