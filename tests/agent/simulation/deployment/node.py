"""A data node's container: Redis, its agent, and what is kept on its volume."""

from typing import TYPE_CHECKING

from agent.act.datanode import DataNode
from agent.settings import NodeSettings
from agent.view.mark import Mark
from agent.wire.answers import Address
from tests.agent.simulation.deployment.container import Container
from tests.agent.simulation.redis.server import Server, Volume
from tests.agent.simulation.sentinel.sentinel import NAME
from tests.agent.simulation.world import LOCAL, SimWorld

if TYPE_CHECKING:
    from tests.agent.simulation.deployment.cluster import Cluster

SHUTDOWN = 1.0
"""shutdown-timeout of the server: how long a leaving master waits for its replicas."""
GRACE = 10.0
"""Docker kills after so long."""


class NodeContainer(Container):
    """A data node: Redis and its agent."""

    def __init__(self, cluster: "Cluster", name: str, address: Address, machine: str, declared: bool) -> None:
        super().__init__(cluster, name, address, machine)
        self.volume = Volume()
        self.declared = declared
        self.world: SimWorld | None = None
        self.agent: DataNode | None = None

    @property
    def server(self) -> Server | None:
        return self.cluster.servers.get(self.address)

    def mark(self) -> Mark:
        """As agent.serve.data reads it."""
        kept, there = self.volume.memory or {}, bool(self.volume.log) or self.volume.whole
        return Mark.from_memory(kept, there)

    def _begin(self) -> None:
        cluster = self.cluster
        server = Server(cluster, self.address, self.machine, self.volume, self.mark().title(), cluster.load_seconds())
        self.process = cluster.servers[self.address] = server
        self.world = None
        cluster.clock.after(0.1, self._begin_agent, self.incarnation)

    def _begin_agent(self, incarnation: int) -> None:
        if incarnation == self.incarnation:
            self.run_agent(self.mark())

    def run_agent(self, mark: Mark) -> None:
        """Start the agent in this container."""
        self.world = SimWorld(self.cluster, self.name, self.machine, self.address, self._remember)
        self.agent = DataNode(self.world, self.settings(), mark)
        incarnation = self.incarnation
        self.world.group.spawn(self.agent.run(), lambda _: self._agent_ended(incarnation))

    def _agent_ended(self, incarnation: int) -> None:
        """As agent.serve.node does: a server that is not to go on is killed, and started anew."""
        if incarnation == self.incarnation and self.agent is not None and self.agent.end_server:
            self.end()
            self.start()

    def settings(self) -> NodeSettings:
        cluster = self.cluster
        return NodeSettings(
            name=self.name,
            me=self.address,
            local=Address("127.0.0.1", self.address.port),
            declared_master=self.declared,
            master=cluster.declared_master(),
            sentinels=tuple(cluster.known_sentinels()),
            master_name=NAME,
            consistent=cluster.consistent,
            down_after=cluster.down_after,
        )

    def _remember(self, memory: dict[str, object]) -> None:
        self.volume.memory = memory

    def _end_agent(self) -> None:
        if self.world is not None:
            self.world.group.kill()
            self.world = None

    @property
    def frozen(self) -> bool:
        """Whether its agent stands still, too."""
        return self.world is not None and self.world.group.frozen

    def freeze(self) -> None:
        """SIGSTOP of the whole container."""
        self.stop_server()
        if self.world is not None:
            self.world.group.frozen = True

    def go_on(self) -> None:
        super().go_on()
        if self.world is not None and self.frozen:
            self.world.group.thaw()

    def leave(self) -> None:
        """SIGTERM: the agent hands over, then the server stops."""
        if not self.running or self.leaving:
            return
        self.leaving = True
        self.cluster.say(self.name, "-- SIGTERM")
        self.cluster.judge.leaves(self)
        self.cluster.clock.after(GRACE, self._too_late, self.incarnation)
        if self.world is None or self.agent is None:
            self._shut_down(self.incarnation)
            return
        self.world.group.spawn(self.agent.leave(), lambda _: self._left(self.incarnation))

    def _too_late(self, incarnation: int) -> None:
        if incarnation == self.incarnation:
            self.kill()

    def _left(self, incarnation: int) -> None:
        if incarnation == self.incarnation and self.process is not None:
            self.cluster.clock.after(LOCAL, self.process.arrive, self._shut_down, incarnation)

    def _shut_down(self, incarnation: int) -> None:
        """SHUTDOWN: a master holds writes back and waits for its replicas."""
        server = self.server
        if incarnation != self.incarnation or server is None:
            return
        server.paused_until = float("inf")
        self.cluster.judge.look(server)
        self._await_replicas(incarnation, self.cluster.clock.now + SHUTDOWN)

    def _await_replicas(self, incarnation: int, until: float) -> None:
        server = self.server
        if incarnation != self.incarnation or server is None:
            return
        stream = server.replication
        behind = any(each.up and each.offset < stream.offset for each in stream.followers)
        if server.is_master and behind and self.cluster.clock.now < until:
            self.cluster.clock.after(0.02, server.arrive, self._await_replicas, incarnation, until)
            return
        self.cluster.say(self.name, "-- stopped")
        self.end()
