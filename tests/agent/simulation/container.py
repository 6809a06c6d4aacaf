"""Containers: their start, their end by any means, and what is kept on their volumes."""

from typing import TYPE_CHECKING

from agent.act.datanode import DataNode
from agent.decide.watched import Watch, watched
from agent.settings import NodeSettings
from agent.view import council as council_view
from agent.view import node as node_view
from agent.view.council import Council
from agent.view.mark import Mark
from agent.wire.answers import Address
from tests.agent.simulation.process import Process
from tests.agent.simulation.sentinel import NAME, Sentinel, SentinelVolume
from tests.agent.simulation.server import Server, Volume
from tests.agent.simulation.world import LOCAL, SimWorld

if TYPE_CHECKING:
    from tests.agent.simulation.cluster import Cluster

SHUTDOWN = 1.0
"""shutdown-timeout of the server: how long a leaving master waits for its replicas."""
GRACE = 10.0
"""Docker kills after so long."""


class Container:
    """One that runs a server process."""

    def __init__(self, cluster: "Cluster", name: str, address: Address, machine: str) -> None:
        self.cluster = cluster
        self.name = name
        self.address = address
        self.machine = machine
        self.running = False
        self.leaving = False
        self.process: Process | None = None
        self.incarnation = 0

    def start(self) -> None:
        """Docker starts it, unless it runs."""
        if self.running:
            return
        self.running, self.leaving = True, False
        self.incarnation += 1
        self.cluster.say(self.name, "-- started")
        self._begin()

    def kill(self, silent: bool = False) -> None:
        """SIGKILL; `silent`: the machine is gone, nobody is told."""
        if not self.running:
            return
        self.cluster.say(self.name, "-- killed, in silence" if silent else "-- killed")
        self.cluster.judge.dies(self)
        self.end(silent)

    def end(self, silent: bool = False) -> None:
        """The processes end."""
        self.running = False
        self.incarnation += 1
        self._end_agent()
        if silent or self.cluster.random.random() < 0.5:
            self.cluster.silent.add(self.address)
        else:
            self.cluster.silent.discard(self.address)
        if self.process is not None and self.process.up:
            if silent:
                self.process.vanish()
            else:
                self.process.die()

    def stop_server(self) -> None:
        """SIGSTOP of the server alone."""
        if self.process is not None:
            self.cluster.say(self.name, "-- server stopped by SIGSTOP")
            self.process.stop()

    def go_on(self) -> None:
        """Everything goes on."""
        if self.process is not None and self.process.stopped:
            self.cluster.say(self.name, "-- goes on")
            self.process.go_on()

    def _begin(self) -> None:
        raise NotImplementedError

    def _end_agent(self) -> None:
        """Nothing, where there is no agent in the simulation."""


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
        return Mark(
            known=True,
            whole=bool(kept.get("whole", False)) and there,
            epoch=int(kept.get("epoch", -1)),
            master=bool(kept.get("master", False)) and there,
            offset=int(kept.get("offset", 0)),
            empty=bool(kept.get("empty", True)) or not there,
        )

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
        self.world.group.spawn(self.agent.run())

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

    def freeze(self) -> None:
        """SIGSTOP of the whole container."""
        self.stop_server()
        if self.world is not None:
            self.world.group.frozen = True

    def go_on(self) -> None:
        super().go_on()
        if self.world is not None and self.world.group.frozen:
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


class SentinelContainer(Container):
    """A Sentinel. Its agent is not here, but for how it finds the master of a Sentinel that remembers none."""

    def __init__(self, cluster: "Cluster", name: str, address: Address, machine: str) -> None:
        super().__init__(cluster, name, address, machine)
        self.volume = SentinelVolume()

    def _begin(self) -> None:
        self.cluster.clock.after(0.05, self._find, self.incarnation, self.cluster.clock.now)

    def _find(self, incarnation: int, began: float) -> None:
        if incarnation != self.incarnation:
            return
        cluster = self.cluster
        if self.volume.master is None:
            found = self._watched(cluster.clock.now - began)
            if not isinstance(found, Watch):
                cluster.clock.after(0.2, self._find, incarnation, began)
                return
            kept = self.volume
            kept.master, kept.config_epoch = found.master, found.epoch
            kept.leader_epoch = kept.current_epoch = found.epoch
        self._run()

    def start_at_once(self) -> None:
        """At the beginning of a schedule, with what is on the volume."""
        self.running = True
        self._run()

    def _run(self) -> None:
        cluster = self.cluster
        self.process = cluster.sentinels[self.address] = Sentinel(
            cluster, self.address, self.machine, self.volume, cluster.sentinel_ids()
        )

    def _watched(self, waited: float) -> Watch | str:
        cluster, reaches = self.cluster, self.cluster.network.both_ways
        nodes = {}
        for address in cluster.known_nodes():
            server = cluster.servers.get(address)
            nodes[address] = None
            if server is not None and server.up and not server.stopped and reaches(self.machine, server.machine):
                nodes[address] = node_view.from_info(address, server.info(), Mark.parse(server.title))
        answers = {
            at: [other.answer_one(("SENTINEL", "MASTER", NAME))]
            for at, other in cluster.sentinels.items()
            if at != self.address and other.up and not other.stopped and reaches(self.machine, other.machine)
        }
        council: Council = council_view.council(answers)
        return watched(cluster.declared_master(), nodes, council, waited)
