"""A cluster of virtual containers: data nodes with their agents, Sentinels, writers, and the judge."""

from collections.abc import Callable
from random import Random

from agent.view.mark import Mark
from agent.wire.answers import Address, Command
from tests.agent.simulation.clock import Clock
from tests.agent.simulation.deployment.container import Container
from tests.agent.simulation.deployment.node import NodeContainer
from tests.agent.simulation.deployment.watcher import SentinelContainer
from tests.agent.simulation.network import Network
from tests.agent.simulation.redis.process import Process
from tests.agent.simulation.redis.server import Server
from tests.agent.simulation.schedule.judge import Judge
from tests.agent.simulation.schedule.writers import Writer
from tests.agent.simulation.sentinel.sentinel import Sentinel


class Cluster:
    """What one schedule runs on. Times are in seconds."""

    def __init__(self, random: Random, nodes: int = 3, sentinels: int = 3, consistent: bool = False) -> None:
        self.random = random
        self.clock = Clock()
        slow = random.choice((0.0, 0.0, 0.002, 0.01, 0.03))
        self.network = Network(self.clock, random, slow)
        self.judge = Judge(self)
        self.consistent = consistent
        self.down_after = random.choice((0.6, 1.25, 1.25, 1.25))
        self.lag = random.choice((0.0, 0.0, 0.005, 0.05))
        """Seconds that replication is behind, beside the network."""
        self.rewrite_seconds = random.choice((0.01, 0.05, 0.3))
        self.copying = random.choice((0.02, 0.05, 0.2, 1.0))
        self.loading = random.choice((0.0, 0.02, 0.2))
        self.first_start = False
        self.calm = False
        """Nothing happens for which anybody may be promoted."""
        self.tripwire: Callable[[Process, tuple[Command, ...]], None] | None = None
        """Called with the process at which a request of an agent arrives, and that, before it is carried out."""
        self.silent: set[Address] = set()
        """Addresses that answer nothing at all, where no process runs."""
        self.servers: dict[Address, Server] = {}
        self.sentinels: dict[Address, Sentinel] = {}
        self.writers: list[Writer] = []
        self.trace: list[str] | None = None
        self._writes = 0
        self._histories = 0
        self.nodes = [
            NodeContainer(self, f"redis-{index}", Address(f"10.0.0.{index}", 6379), f"m{index}", index == 0)
            for index in range(nodes)
        ]
        self.watchers = [
            SentinelContainer(self, f"sentinel-{index}", Address(f"10.0.1.{index}", 26379), f"m{index}")
            for index in range(sentinels)
        ]
        self.containers: dict[str, Container] = {each.name: each for each in (*self.nodes, *self.watchers)}

    def known_nodes(self) -> list[Address]:
        return [each.address for each in self.nodes]

    def known_sentinels(self) -> list[Address]:
        return [each.address for each in self.watchers]

    def sentinel_ids(self) -> dict[Address, str]:
        """The run id of each Sentinel, for good."""
        return {each.address: f"{index + 1:040x}" for index, each in enumerate(self.watchers)}

    def declared_master(self) -> Address:
        return self.nodes[0].address

    def server_at(self, address: Address) -> Server | None:
        """The living server there."""
        server = self.servers.get(address)
        return server if server is not None and server.up else None

    def node_at(self, address: Address) -> NodeContainer:
        return next(each for each in self.nodes if each.address == address)

    def process_at(self, address: Address) -> Process | None:
        return self.servers.get(address) or self.sentinels.get(address)

    def refuses(self, address: Address) -> bool:
        """Whether a kernel there refuses connections, where no process takes them."""
        process = self.process_at(address)
        return (process is not None and process.up) or address not in self.silent

    def new_write(self) -> int:
        self._writes += 1
        return self._writes

    def new_history(self) -> str:
        self._histories += 1
        return f"history-{self._histories}"

    def copy_seconds(self) -> float:
        return self.copying * (0.5 + self.random.random())

    def load_seconds(self) -> float:
        return self.loading * (0.5 + self.random.random())

    def hopeless(self) -> bool:
        """Whether nobody has whole data any more, on any disk."""
        return not any(
            each.volume.whole or (each.server and each.server.up and each.server.whole) for each in self.nodes
        )

    def say(self, who: str, text: str) -> None:
        """A line of the trace, where one is kept."""
        if self.trace is not None:
            self.trace.append(f"{self.clock.now:9.4f} {who}: {text}")

    def form(self) -> None:
        """Begin with a formed cluster: the first node is the master since epoch 1, with some data."""
        data = [self.new_write() for _ in range(5)]
        self.judge.acknowledged.update(data)
        for node in self.nodes:
            node.volume.log, node.volume.whole = list(data), True
            node.volume.memory = {"whole": True, "epoch": 1, "master": node.declared, "offset": 0, "empty": False}
            node.start()
            server = node.server
            assert server is not None, "the simulation: just started"
            server.starting = False
        first = self.servers[self.declared_master()]
        first.replication.promote()
        first.whole = True
        for node in self.nodes[1:]:
            self.servers[node.address].replication.adopt(first.replication)
        for watcher in self.watchers:
            kept = watcher.volume
            kept.master, kept.config_epoch, kept.current_epoch = first.address, 1, 1
            watcher.start_at_once()
        for node in self.nodes:
            node.incarnation += 1
            server = self.servers[node.address]
            mark = Mark(True, True, 1, node.declared, server.replication.offset, False)
            server.title, server.priority = mark.title(), 100
            node.run_agent(mark)
        self.judge.look(first)

    def heal(self) -> None:
        """Messages that were cut off on the way arrive."""
        for server in self.servers.values():
            if server.up:
                server.replication.catch_up()
