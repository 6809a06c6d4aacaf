"""What befalls a cluster: each fault by itself."""

from collections.abc import Callable, Iterable

from agent.wire.answers import Command
from tests.agent.simulation.deployment.cluster import Cluster
from tests.agent.simulation.deployment.container import Container
from tests.agent.simulation.deployment.node import NodeContainer
from tests.agent.simulation.deployment.watcher import SentinelContainer
from tests.agent.simulation.network import OUTSIDE
from tests.agent.simulation.redis.process import Process
from tests.agent.simulation.redis.server import Volume
from tests.agent.simulation.sentinel.sentinel import SentinelVolume

HUNG = 0.9
"""Of down-after: a master that stands still for so long may be replaced meanwhile."""

CHANGES = ("MULTI", "PUBLISH", "CLIENT")
"""Promotions and demotions, messages, pauses; votes are counted, too."""


class Faults:
    """Plans faults on a cluster. `until` is when the last one of those planned so far is over."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._random = cluster.random
        self.until = 0.0
        self.calm = False
        """All is over: what is planned still does not happen."""

    def _at(self, moment: float, call: Callable[..., None], *arguments: object) -> None:
        clock = self._cluster.clock
        clock.after(max(0.0, moment - clock.now), self._do, call, arguments)
        self.until = max(self.until, moment)

    def _do(self, call: Callable[..., None], arguments: tuple[object, ...]) -> None:
        if not self.calm:
            call(*arguments)

    def call(self, at: float, call: Callable[[], None]) -> None:
        """Anything else."""
        self._at(at, call)

    def roll(self, node: NodeContainer, at: float, again: int = 0) -> None:
        """A planned stop and start; SIGTERM comes `again` times more."""
        self._at(at, node.leave)
        for _ in range(again):
            self._at(at + 0.3 * self._random.random(), self._once_more, node)
        self._at(at + 0.05, self._start_when_stopped, node)

    def _once_more(self, node: NodeContainer) -> None:
        if node.running and node.world is not None and node.agent is not None and node.leaving:
            node.world.group.spawn(node.agent.leave())

    def _start_when_stopped(self, container: Container) -> None:
        clock = self._cluster.clock
        if not container.running:
            clock.after(0.1 + 0.5 * self._random.random(), container.start)
        else:
            clock.after(0.1, self._start_when_stopped, container)

    def kill(self, container: Container, at: float, back: float | None, silent: bool = False) -> None:
        """A kill; Docker starts it again `back` seconds later."""
        self._at(at, container.kill, silent)
        if back is not None:
            self._at(at + back, container.start)

    def rewrite(self, node: NodeContainer, at: float, seconds: float) -> None:
        """Its append-only file has grown, and is rewritten for so long."""
        self._at(at, self._rewrite, node, seconds)

    def _rewrite(self, node: NodeContainer, seconds: float) -> None:
        server = self._cluster.servers.get(node.address)
        if server is not None:
            server.rewriting_until = self._cluster.clock.now + seconds

    def kill_master(self, at: float, back: float) -> None:
        """Whoever serves by then is killed, and started again `back` seconds later."""
        self._at(at, self._kill_master, back)
        self.until = max(self.until, at + back)

    def _kill_master(self, back: float) -> None:
        for node in self._cluster.nodes:
            server = self._cluster.servers.get(node.address)
            if server is not None and server.up and server.replication.master is None:
                node.kill()
                self._at(self._cluster.clock.now + back, node.start)
                return

    def lose(self, container: Container, at: float, back: float) -> None:
        """A kill, after which the volume is gone."""
        self._at(at, self._lose, container)
        self._at(at + back, container.start)

    def _lose(self, container: Container) -> None:
        container.kill()
        self._cluster.say(container.name, "-- its volume is lost")
        if isinstance(container, NodeContainer):
            self._cluster.judge.lose(container)
            container.volume = Volume()
        elif isinstance(container, SentinelContainer):
            container.volume = SentinelVolume()

    def stall(self, container: Container, at: float, seconds: float, whole: bool) -> None:
        """SIGSTOP of the server, or of the `whole` container."""
        self._at(at, self._stall, container, seconds, whole)
        self._at(at + seconds, container.go_on)

    def _stall(self, container: Container, seconds: float, whole: bool) -> None:
        server = self._cluster.servers.get(container.address)
        hung = seconds > HUNG * self._cluster.down_after
        if hung and server is not None and server.up and server.serves:
            self._cluster.judge.suspect(server, tolerated=True)
        if whole and isinstance(container, NodeContainer):
            container.freeze()
        else:
            container.stop_server()
        if server is not None:
            self._cluster.judge.look(server)

    def trip(self, at: float, requests: int, seconds: float, whole: bool, deadly: bool) -> None:
        """Whoever gets the so-manieth request after `at` that changes anything stalls, or dies, before it does it."""
        self._at(at, self._stretch, requests, seconds, whole, deadly)
        self.until = max(self.until, at + 0.5 + seconds)

    def _stretch(self, requests: int, seconds: float, whole: bool, deadly: bool) -> None:
        cluster, left, before = self._cluster, requests, self._cluster.tripwire

        def wire(process: Process, commands: tuple[Command, ...]) -> None:
            nonlocal left
            if before is not None:
                before(process, commands)
            if not any(each[0] in CHANGES or "IS-MASTER-DOWN-BY-ADDR" in each for each in commands):
                return
            left -= 1
            if left != 0 or self.calm:
                return
            container = next((each for each in cluster.containers.values() if each.process is process), None)
            if container is None:
                return
            if deadly:
                container.kill()
                cluster.clock.after(seconds, self._do, container.start, ())
            else:
                self._stall(container, seconds, whole)
                cluster.clock.after(seconds, self._do, container.go_on, ())

        cluster.tripwire = wire

    def cut(self, machines: Iterable[str], at: float, seconds: float) -> None:
        """These machines hear nothing of the others, nor of clients outside, for so long."""
        here = list(machines)
        there = [each for each in self._machines() if each not in here]
        self._at(at, self._cut, here, there)
        self._at(at + seconds, self._heal, here, there)

    def _machines(self) -> list[str]:
        return [*dict.fromkeys(each.machine for each in self._cluster.containers.values()), OUTSIDE]

    def _cut(self, here: list[str], there: list[str]) -> None:
        cluster = self._cluster
        cluster.say("network", f"-- {', '.join(here)} cut off")
        for server in cluster.servers.values():
            if server.up:
                cluster.judge.suspect(server, tolerated=not cluster.consistent)
        for one in here:
            for other in there:
                cluster.network.cut(one, other)

    def _heal(self, here: list[str], there: list[str]) -> None:
        self._cluster.say("network", f"-- {', '.join(here)} are back")
        for one in here:
            for other in there:
                self._cluster.network.heal(one, other)
        self._cluster.heal()

    def drop_clients(self, node: NodeContainer, at: float) -> None:
        """CLIENT KILL of every connection."""
        self._at(at, self._drop, node)

    def _drop(self, node: NodeContainer) -> None:
        server = node.server
        if server is not None:
            kill = (("CLIENT", "KILL", "TYPE", "normal"), ("CLIENT", "KILL", "TYPE", "pubsub"))
            server.arrive(server.answer, kill, lambda _: None)

    def end(self) -> None:
        """Everything runs, and everybody hears everybody."""
        self.calm = True
        cluster = self._cluster
        cluster.say("everybody", "-- no fault from now on")
        cluster.network.heal_all()
        cluster.heal()
        for container in cluster.containers.values():
            container.go_on()
            if not container.leaving or not container.running:
                container.start()
            else:
                self._start_when_stopped(container)
