"""Clusters of agents and their servers on loopback, each node declared as the component declares it."""

import os
import random
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import redis

from redis_ha.plan.acl import data_node_acl, sentinel_acl
from redis_ha.plan.directives import redis_directives, sentinel_directives
from redis_ha.settings.model import Settings
from tests.agent.harness.node import HOST, INTERNAL, PASSWORD, Node, eventually

MASTER_NAME: Final = "mymaster"
DOWN_AFTER: Final = Settings.model_validate({"password": PASSWORD}).timing.down_after / 1000
"""Seconds, of the default profile."""


@dataclass
class Cluster:
    """Data nodes and Sentinels on loopback, each declared as the component declares it."""

    root: Path
    replicas: int = 2
    sentinel_count: int = 3
    secrets: bool = True
    settings: dict[str, object] = field(default_factory=dict)
    """Of the component, by their names in Python."""
    directives: str = ""
    """Further ones of the data nodes."""
    data: list[Node] = field(default_factory=list)
    sentinels: list[Node] = field(default_factory=list)
    _taken: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.base = self._ports()
        self.declared = Settings.model_validate({"password": PASSWORD, **self.settings})
        for index in range(self.replicas + 1):
            self.data.append(self._data_node(index))
        for index in range(self.sentinel_count):
            self.sentinels.append(self._sentinel(index))
        self.declare_sentinels()

    @property
    def nodes(self) -> list[Node]:
        return [*self.data, *self.sentinels]

    def move(self) -> None:
        """Declare all nodes at other ports: those of processes that do not run."""
        self.base, before = self._ports(), self.base
        for node in self.nodes:
            node.port += self.base - before
            for name in ("master_port", "redis_port", "sentinel_port"):
                if name in node.env:
                    node.env[name] = str(int(node.env[name]) + self.base - before)
        for node in self.data:
            node.env["sentinels"] = self._slots()
        self.declare_sentinels()

    def declare_sentinels(self) -> None:
        """Tell every Sentinel of the nodes and Sentinels in the lists, as a changed declaration would."""
        every = " ".join(f"{node.endpoint}:{_myid(node.name)}" for node in self.sentinels)
        for node in self.sentinels:
            node.env |= {
                "sentinels": every,
                "data_nodes": " ".join(f"{one.name}={one.endpoint}" for one in self.data),
                "quorum": str(len(self.sentinels) // 2 + 1),
            }

    def form(self) -> None:
        """A first start: everything is started and waited for together."""
        self.data[0].say_first_start()
        for node in self.nodes:
            node.start()
        self.wait_joined(seconds=40)
        # A replica has joined, too, while it waits for a first master.
        for node in self.data[1:]:
            eventually(lambda: node.follows(self.data[0].port), 20, f"{node.name} follows")  # noqa: B023
            eventually(lambda: node.setting("replica-priority") == "100", 10, f"{node.name} may be promoted")  # noqa: B023

    def wait_joined(self, nodes: Sequence[Node] | None = None, seconds: float = 20) -> None:
        for node in self.nodes if nodes is None else nodes:
            eventually(lambda: node.joined() or self._gone(node), seconds, f"{node.name} joins")  # noqa: B023
            code = node.process.poll() if node.process else None
            # One that has joined may be busy again by now: with its first copy.
            assert not self._gone(node), f"{node.name} has ended with {code}: {node.log()[-1000:]}"

    def master(self) -> Node:
        """The data node that all Sentinels which answer name; AssertionError where they do not agree."""
        named = {tuple(addr) for addr in self.named() if addr}
        assert len(named) == 1, f"the Sentinels name {named}"
        _, port = named.pop()
        return next(node for node in self.data if node.port == port)

    def wait_failover(self, old: Node, seconds: float = 15, of: int = 1) -> None:
        """Until all Sentinels that answer, which are at least `of`, name the same other node than `old`."""

        def switched() -> bool:
            named = [tuple(addr) for addr in self.named() if addr]
            return len(named) >= of and len(set(named)) == 1 and named[0] != (HOST, old.port)

        eventually(switched, seconds, f"failover from {old.name}")

    def named(self) -> list[tuple[str, int] | None]:
        found: list[tuple[str, int] | None] = []
        for node in self.sentinels:
            try:
                found.append(node.client("handover").execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", MASTER_NAME))
            except redis.RedisError:
                found.append(None)
        return found

    def undisturbed(self) -> bool:
        """Whether all Sentinels answer, and none takes the master for down or fails it over."""
        try:
            said = [s.client("handover").execute_command("SENTINEL MASTER", MASTER_NAME) for s in self.sentinels]
        except redis.RedisError:
            return False
        return all(one["flags"] == "master" for one in said)

    def masters(self) -> list[Node]:
        """The data nodes that say that they are master."""
        return [node for node in self.data if node.role_now() == "master"]

    def epoch(self) -> int:
        """The newest configuration epoch that a Sentinel knows."""
        found = [0]
        for node in self.sentinels:
            with suppress(redis.RedisError):
                answer = node.client("handover").execute_command("SENTINEL MASTER", MASTER_NAME)
                found.append(int(answer["config-epoch"]))
        return max(found)

    def promotions(self) -> int:
        """How many times a Sentinel has been told of, or has seen, another master: of the one that has seen most."""
        return max(node.log().count("+switch-master") for node in self.sentinels)

    def copied(self) -> None:
        """Wait until every replica that is linked has all that the master has now, and has noted so on its volume."""
        master = self.master()
        said = master.client("handover").info("replication")
        count, offset = int(said["connected_slaves"]), int(said["master_repl_offset"])
        assert master.client(timeout=60).execute_command("WAIT", count, 30_000) == count
        linked = [node for node in self.data if node is not master and node.follows(master.port)]
        eventually(lambda: all(node.noted(offset) for node in linked), 60, "noted on the volumes")

    def kill_all(self) -> None:
        """At one moment, as in a power failure: nobody notices the end of another."""
        for pid in [pid for node in self.nodes for pid in node.pids()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.end()

    def end(self) -> None:
        for node in self.nodes:
            node.kill()

    def give_ports_back(self) -> None:
        """Others may use them: no node of this cluster is started any more."""
        while self._taken:
            self._taken.pop().close()

    def _ports(self) -> int:
        base, taken = free_ports()
        self._taken.append(taken)
        return base

    @staticmethod
    def _gone(node: Node) -> bool:
        return node.process is None or node.process.poll() is not None

    def declare_elsewhere(self, node: Node) -> Node:
        """Declare a replica to be in another place, where it has no data; the new one. `node` itself runs on."""
        index = self.data.index(node)
        self.data[index] = self._data_node(index, self.base + len(self.data), "-elsewhere")
        self.declare_sentinels()
        return self.data[index]

    def _data_node(self, index: int, port: int | None = None, place: str = "") -> Node:
        port = self.base + index if port is None else port
        node = Node(f"redis-{index}", "replica" if index else "master", port, self.root / f"redis-{index}{place}", {})
        node.env = self._common(node) | {
            "redis_port": str(port),
            "sentinels": self._slots(),
            "durability": self.declared.durability,
            "down_after": str(self.declared.timing.down_after),
        }
        self.direct(node, redis_directives(self.declared) + self.directives)
        self._give_secrets(node, data_node_acl(self.declared, INTERNAL))
        return node

    def _slots(self) -> str:
        """What data nodes are told: three places, whether or not a Sentinel is there."""
        slots = range(3) if self.sentinel_count else []
        return " ".join(f"{HOST}:{self.base + 100 + slot}" for slot in slots)

    def _sentinel(self, index: int) -> Node:
        port = self.base + 100 + index
        node = Node(f"sentinel-{index}", "sentinel", port, self.root / f"sentinel-{index}", {})
        node.env = self._common(node) | {
            "sentinel_port": str(port),
            "sentinel_index": str(index),
            "sentinel_periods": self.declared.timing.periods,
        }
        self.direct(node, sentinel_directives(self.declared))
        self._give_secrets(node, sentinel_acl(self.declared, INTERNAL))
        return node

    @staticmethod
    def direct(node: Node, directives: str) -> None:
        """Give it other directives, for its next start."""
        (node.root / "etc/node/directives.conf").write_text(directives)

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
            (node.root / "etc/node/users.acl").write_text(acl)
            (node.root / "etc/node/internal").write_text(f"{INTERNAL}\n")


def _myid(name: str) -> str:
    return name.encode().hex().ljust(40, "0")[:40]


def free_ports() -> tuple[int, socket.socket]:
    """The first port of a block of which none that a cluster uses is taken, and what keeps the block for this one.

    Another test run may look while this cluster's nodes are down: its last port is held for as long as the cluster
    lives, or the other's nodes and tests would speak to this one's.
    """
    blocks = list(range(20000, 26000, 200))  # above those are the ports of the deploy tests' stacks
    random.shuffle(blocks)
    for base in blocks:
        taken = socket.socket()
        try:
            taken.bind((HOST, base + 199))
        except OSError:
            taken.close()
            continue
        if all(_is_free(base + offset) for start in (0, 100) for offset in range(start, start + 5)):
            return base, taken
        taken.close()
    raise RuntimeError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
