"""What a container is told: by its environment, and by the files of its kind of node."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent.wire.answers import Address

MASTER, REPLICA, SENTINEL = "master", "replica", "sentinel"
ROLES = {"master": MASTER, "replica": REPLICA, "slave": REPLICA, "sentinel": SENTINEL}
USAGE, CONFIGURATION, NO_ACCESS = 64, 78, 74
"""Exit codes, of sysexits.h: a wrong call, a wrong configuration, a folder that cannot be written to."""


class StartError(Exception):
    """It cannot start; `code` is the exit code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Environment:
    """The container's environment, read once."""

    role: str
    port: int
    announce: str
    """The address that it is known by; empty where it was started by hand."""
    master: Address
    """The declared master."""
    sentinels: tuple[str, ...]
    """HOST:PORT each; a Sentinel is told HOST:PORT:ID."""
    values: Mapping[str, str] = field(repr=False)
    etc: Path = Path("/etc/redis-ha")
    data: Path = Path("/data")
    run: Path = Path("/run/redis-ha")

    def get(self, name: str, default: str = "") -> str:
        """A variable; the default where it is missing or empty."""
        return self.values.get(name) or default

    @property
    def me(self) -> Address:
        return Address(self.announce or "127.0.0.1", self.port)

    @property
    def local(self) -> Address:
        return Address("127.0.0.1", self.port)

    @property
    def name(self) -> str:
        return self.get("node_name", "redis-ha")

    @property
    def master_name(self) -> str:
        return self.get("master_name", "mymaster")

    @property
    def down_after(self) -> float:
        """Seconds."""
        return _number("down_after", self.get("down_after", "1250")) / 1000

    @property
    def secret(self) -> str:
        """What nodes log in to each other with; empty where there are no users."""
        path = self.etc / "node" / "internal"
        if not path.exists():
            return ""
        secret = path.read_text().strip()
        if not secret:
            raise StartError(CONFIGURATION, f"{path} is empty")
        return secret

    @property
    def tls(self) -> tuple[str, str, str] | None:
        """Paths of the CA, the certificate and the key, where nodes speak TLS and nothing else."""
        folder = self.etc / "node"
        if not (folder / "tls.crt").exists():
            return None
        return str(folder / "tls-ca.crt"), str(folder / "tls.crt"), str(folder / "tls.key")


def read(arguments: list[str], values: Mapping[str, str] = os.environ) -> Environment:
    """The environment of `redis-ha ROLE`. Raises StartError for what nobody could mean."""
    role = arguments[0] if arguments else MASTER
    if role not in ROLES:
        raise StartError(USAGE, f"unknown role '{role}': master, replica (or slave) and sentinel are known")
    if len(arguments) > 1:
        raise StartError(USAGE, f"one role is all that is taken, but there is more: {' '.join(arguments)}")
    role = ROLES[role]
    told = dict(values)
    _take_place(told)
    variable = "sentinel_port" if role == SENTINEL else "redis_port"
    port = _number(variable, told.get(variable, ""))
    default = "16379" if role == SENTINEL else str(port) if role == MASTER else ""
    master = Address(
        told.get("master_address") or "redis-master", _number("master_port", told.get("master_port") or default)
    )
    announce = told.get("announce_address", "")
    if role != SENTINEL and Address(announce, port) == master:
        role = MASTER  # in a Swarm all are told to be replicas, the declared master too
    sentinels = tuple(told.get("sentinels", "").split())
    if role != SENTINEL and sentinels and not announce:
        raise StartError(CONFIGURATION, "with sentinels, announce_address must be set")
    places = {
        name: Path(told[f"REDIS_HA_{name.upper()}"])
        for name in ("etc", "data", "run")
        if told.get(f"REDIS_HA_{name.upper()}")
    }
    environment = Environment(role, port, announce, master, sentinels, told, **places)
    if not os.access(environment.data, os.W_OK):
        raise StartError(NO_ACCESS, f"{environment.data} cannot be written to by user {os.getuid()}")
    return environment


def _number(name: str, text: str) -> int:
    if not text.isdigit():
        raise StartError(CONFIGURATION, f"{name} must be a number, but is '{text}'")
    return int(text)


def _take_place(told: dict[str, str]) -> None:
    """A task of a Swarm service is told the same on every host: its place follows from the host's name.

    `swarm_places` is "HOST=ADDRESS:PORT ...", in the order of the nodes.
    """
    host = told.get("swarm_host", "")
    if not host:
        return
    for index, entry in enumerate(told.get("swarm_places", "").split()):
        name, _, place = entry.partition("=")
        if name == host:
            address = Address.parse(place)
            told["announce_address"] = address.host
            told["bind_address"] = f"{address.host} 127.0.0.1"
            if told.get("sentinel_port"):
                told["sentinel_port"], told["sentinel_index"] = str(address.port), str(index)
            else:
                told["redis_port"] = str(address.port)
            return
    raise StartError(CONFIGURATION, f"this host, {host}, is not among those of the stack: {told.get('swarm_places')}")
