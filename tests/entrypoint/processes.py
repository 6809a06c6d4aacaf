"""Clusters of the entrypoint's processes on loopback, each node declared as the component declares it."""

import random
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import redis

from redis_ha.plan.acl import data_node_acl, sentinel_acl
from redis_ha.settings.model import Settings
from tests.entrypoint.node import HOST, INTERNAL, PASSWORD, Node, eventually

MASTER_NAME: Final = "mymaster"
SENTINEL_TIMERS: Final = "".join(
    f"sentinel {name} {MASTER_NAME} {value}\n"
    for name, value in {"down-after-milliseconds": 1250, "failover-timeout": 10000, "parallel-syncs": 1}.items()
)


@dataclass
class Cluster:
    """Data nodes and Sentinels on loopback, each declared as the component declares it."""

    root: Path
    replicas: int = 2
    sentinel_count: int = 3
    directives: str = "appendonly yes\nappendfsync everysec\n"
    durability: str = "available"
    secrets: bool = True
    data: list[Node] = field(default_factory=list)
    sentinels: list[Node] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.base = _free_ports()
        for index in range(self.replicas + 1):
            self.data.append(self._data_node(index))
        for index in range(self.sentinel_count):
            self.sentinels.append(self._sentinel(index))
        self.declare_sentinels()

    @property
    def nodes(self) -> list[Node]:
        return [*self.data, *self.sentinels]

    def declare_sentinels(self) -> None:
        """Tell every Sentinel of the nodes and Sentinels in the lists, as a changed declaration would."""
        every = " ".join(f"{node.endpoint}:{_myid(node.name)}" for node in self.sentinels)
        for node in self.sentinels:
            node.env |= {
                "sentinels": every,
                "data_nodes": " ".join(one.endpoint for one in self.data),
                "quorum": str(len(self.sentinels) // 2 + 1),
            }

    def form(self) -> None:
        """Start everything and wait until each has joined."""
        (self.data[0].root / "run/bootstrap").touch()
        self.data[0].start()
        # A replica that finds no master tries again a second later only.
        eventually(lambda: self.data[0].role_now() == "master", 20, "the master is up")
        for node in self.data[1:]:
            node.start()
        for node in self.data[1:]:
            eventually(partial(node.follows, self.data[0].port), 20, f"{node.name} follows")
        for node in self.sentinels:
            node.start()
        self.wait_joined()

    def wait_joined(self, nodes: Sequence[Node] | None = None, seconds: float = 20) -> None:
        for node in self.nodes if nodes is None else nodes:
            eventually(node.joined, seconds, f"{node.name} joins: {node.health()}")

    def master(self) -> Node:
        """The data node that all Sentinels which answer name; AssertionError where they do not agree."""
        named = {tuple(addr) for addr in self.named() if addr}
        assert len(named) == 1, f"the Sentinels name {named}"
        _, port = named.pop()
        return next(node for node in self.data if node.port == port)

    def wait_failover(self, old: Node, seconds: float = 15) -> None:
        """Until all Sentinels that answer name the same other node than `old`."""

        def switched() -> bool:
            named = {addr and tuple(addr) for addr in self.named()} - {None}
            return len(named) == 1 and named != {(HOST, old.port)}

        eventually(switched, seconds, f"failover from {old.name}")

    def named(self) -> list[tuple[str, int] | None]:
        found: list[tuple[str, int] | None] = []
        for node in self.sentinels:
            try:
                found.append(node.client("handover").execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", MASTER_NAME))
            except redis.RedisError:
                found.append(None)
        return found

    def end(self) -> None:
        for node in self.nodes:
            node.kill()

    def _data_node(self, index: int) -> Node:
        port = self.base + index
        node = Node(f"redis-{index}", "replica" if index else "master", port, self.root / f"redis-{index}", {})
        slots = [f"{HOST}:{self.base + 100 + slot}" for slot in range(3)] if self.sentinel_count else []
        node.env = self._common(node) | {
            "redis_port": str(port),
            "sentinels": " ".join(slots),
            "durability": self.durability,
        }
        (node.root / "etc/node/directives.conf").write_text(self.directives)
        self._give_secrets(node, data_node_acl(_settings(), INTERNAL))
        return node

    def _sentinel(self, index: int) -> Node:
        port = self.base + 100 + index
        node = Node(f"sentinel-{index}", "sentinel", port, self.root / f"sentinel-{index}", {})
        node.env = self._common(node) | {"sentinel_port": str(port), "sentinel_index": str(index)}
        (node.root / "etc/node/directives.conf").write_text(SENTINEL_TIMERS)
        self._give_secrets(node, sentinel_acl(_settings(), INTERNAL))
        return node

    def _common(self, node: Node) -> dict[str, str]:
        return {
            "master_port": str(self.base),
            "master_address": HOST,
            "announce_address": HOST,
            "bind_address": HOST,
            "master_name": MASTER_NAME,
            "node_name": node.name,
        }

    def _give_secrets(self, node: Node, acl: str) -> None:
        if self.secrets:
            # Debian's Redis 7.0 does not know these yet, and refuses the file.
            acl = acl.replace(" +quit", "").replace(" +reset", "").replace(" +client|setinfo", "")
            (node.root / "etc/node/users.acl").write_text(acl)
            (node.root / "etc/node/internal").write_text(f"{INTERNAL}\n")


@contextmanager
def cluster(root: Path, **options: object) -> Iterator[Cluster]:
    """A cluster that is not started yet; its processes end with the block, its logs are shown if that fails."""
    made = Cluster(root, **options)  # type: ignore[arg-type]
    try:
        yield made
    except BaseException:
        for node in made.nodes:
            if (node.root / "log").exists():
                print(f"----- {node.name} ({node.role})", *node.log().splitlines()[-25:], sep="\n")
        raise
    finally:
        made.end()


def _myid(name: str) -> str:
    return name.encode().hex().ljust(40, "0")[:40]


def _settings() -> Settings:
    return Settings.model_validate({"password": PASSWORD})


def _free_ports() -> int:
    """The first port of a block of which none that a cluster uses is taken, by another test run for instance."""
    blocks = list(range(20000, 32000, 200))
    random.shuffle(blocks)
    for base in blocks:
        if all(_is_free(base + offset) for start in (0, 100) for offset in range(start, start + 5)):
            return base
    raise RuntimeError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
