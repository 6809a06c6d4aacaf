"""What must hold: who may take writes, who may be promoted, and which acknowledged writes must be there in the end."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from agent.decide.steps import STEADY
from agent.view.mark import Mark
from agent.wire.answers import Address

if TYPE_CHECKING:
    from tests.agent.simulation.deployment.cluster import Cluster
    from tests.agent.simulation.deployment.container import Container
    from tests.agent.simulation.deployment.node import NodeContainer
    from tests.agent.simulation.redis.server import Server


NOTED_EVERY = STEADY + 0.1
"""Seconds."""
MOMENT = 0.002
"""Seconds that an agent has to take back what its server has done late, where both stood still."""


class ViolationError(Exception):
    """Something that must hold does not."""


class Judge:
    """Knows everything, and tells what follows from it."""

    def __init__(self, cluster: "Cluster") -> None:
        self._cluster = cluster
        self.acknowledged: set[int] = set()
        self.excused: set[int] = set()
        """Writes that may be lost: no living whole replica had them when their master failed, or only ones that gave no
        answer when its place was taken. They are waited for, but not for long: docs/how-it-works.md."""
        self._at_risk: set[int] = set()
        """What a master had that failed."""
        self.suspects: set[Address] = set()
        """Masters that have been hung or cut off, until they are none any more: what they take may be lost."""
        self.tolerated: set[Address] = set()
        """Suspects that may take writes beside another: hung ones, and without a lease those cut off."""
        self.promotions = 0
        self._serving: set[Address] = set()
        self._written: dict[int, float] = {}
        """When each write was taken."""
        self._taken: dict[int, Address] = {}

    def wrote(self, server: "Server", ident: int) -> None:
        """`server` has taken a write."""
        self._written[ident] = self._cluster.clock.now
        if server.address in self.suspects:
            self.excused.add(ident)

    def look(self, server: "Server") -> None:
        """Something about `server` may have changed: never two take writes at one instant."""
        address = server.address
        if server.draining:  # what it is in between lasts no time; a write that it takes then is judged in the end
            return
        if server.serves == (address in self._serving):
            return
        if not server.serves:
            self._serving.discard(address)
            if not server.is_master or not server.up:
                self.suspects.discard(address)
                self.tolerated.discard(address)
            return
        self._serving.add(address)
        self._compare()

    def _compare(self) -> None:
        servers = [self._cluster.servers.get(each) for each in self._serving]
        self._serving = {each.address for each in servers if each is not None and each.serves}
        counted = self._serving - self.tolerated
        if len(counted) > 1:
            raise ViolationError(f"two nodes take writes: {', '.join(map(str, sorted(counted)))}")

    def promoted(self, server: "Server", by_sentinel: bool) -> None:
        """`server` is about to become a master: its data must be whole, or there has never been any.

        A Sentinel goes by a priority that is up to a second old, so it may promote a node that must not be any more;
        or one that stood still when another was elected, and whose agent has not been able to take its priority yet.
        The agent there steps it down again; what it takes until then is lost, and nothing prevents that yet. So it does
        where it has stood still together with its server, between the order and its being carried out.
        """
        address = server.address
        self.suspects.discard(address)
        self.tolerated.discard(address)
        newest = max(each.volume.config_epoch for each in self._cluster.watchers)
        if by_sentinel and (server.priority == 0 or Mark.parse(server.title).epoch < newest):
            self.suspects.add(address)
        if server.draining and self._cluster.node_at(address).frozen:
            self.suspects.add(address)
            self.tolerated.add(address)
            self._cluster.clock.after(MOMENT, self._over, address)
        self.promotions += 1
        if self._at_risk:
            self._silent(server, by_sentinel)
        self._cluster.say(str(server.address), "-- becomes master")
        if self._cluster.calm:
            raise ViolationError(f"{server.address} is promoted, and no master has failed")
        if not server.whole and self.acknowledged and not self._cluster.hopeless():
            raise ViolationError(f"{server.address} is promoted, and its data is not whole")

    def _over(self, address: Address) -> None:
        """The moment is over for which it was tolerated that `address` takes writes beside another."""
        self.suspects.discard(address)
        self.tolerated.discard(address)
        self._compare()

    def dies(self, container: "Container") -> None:
        """A kill that nobody has planned: what no living whole replica has may be lost."""
        server = self._cluster.servers.get(container.address)
        if server is not None and server is container.process:
            self.fails(server)
            if not server.is_master:  # one that dies before another has taken the master's place
                self._excuse(server, self._at_risk)

    def fails(self, server: "Server") -> None:
        """A master is killed, hangs or is cut off."""
        if not server.is_master:
            return
        self._excuse(server, server.log)
        self._at_risk.update(server.log)

    def _excuse(self, server: "Server", writes: Iterable[int]) -> None:
        """`server` is gone: what no living whole replica has of these may be lost. With none, it comes back first."""
        named = {each.watch.named() for each in self._cluster.sentinels.values()}
        back = set() if server.address in named else named  # a Sentinel has promoted it, and nobody knows that yet
        others = [
            each
            for each in self._cluster.servers.values()
            if each is not server and each.up and each.whole
            if each.address not in self.suspects or each.address in back
            if Mark.parse(each.title).whole  # its agent has seen that it is
        ]
        if others:
            kept: set[int] = set()
            # Where one has just started, its agent must have seen that it is in sync again.
            kept.update(*(each.log for each in [each for each in others if each.priority] or others))
            self.excused.update(each for each in writes if each not in kept)

    def _silent(self, taking: "Server", by_sentinel: bool) -> None:
        """`taking` takes the place of a master: what only replicas have that give no answer is excused.

        So is what only a node has that has just started, unless that had noted that it has more: once a second. A
        Sentinel cannot choose such a node at all.
        """
        kept, known = set(taking.log), Mark.parse(taking.title).worth
        for each in self._cluster.servers.values():
            mute = not each.up or each.stopped or each.loading
            if each.priority == 0 < taking.priority:
                mute = mute or by_sentinel or Mark.parse(each.title).worth <= known
            if not mute and self._cluster.network.reaches(taking.machine, each.machine):
                kept.update(each.log)
        self.excused.update(self._at_risk - kept)
        self._at_risk = set()

    def suspect(self, server: "Server", tolerated: bool) -> None:
        """It may be replaced while it thinks that it is the master."""
        if server.is_master:
            self.fails(server)
            self.suspects.add(server.address)
            if tolerated:
                self.tolerated.add(server.address)

    def leaves(self, container: "NodeContainer") -> None:
        """A planned stop excuses nothing."""

    def lose(self, container: "NodeContainer") -> None:
        """A volume is lost: what no other has is gone.

        What was written last counts as that, too: how much of the data a replica has, it notes once a second, and by
        those notes the newest is found where everything was killed.
        """
        now = self._cluster.clock.now
        self.excused.update(each for each in container.volume.log if now - self._written.get(each, 0.0) < NOTED_EVERY)
        kept: set[int] = set()
        for other in self._cluster.nodes:
            if other is not container:
                kept.update(other.volume.log)
                if other.server is not None and other.server.up and other.server.whole:
                    kept.update(other.server.log)
        self.excused.update(each for each in container.volume.log if each not in kept)

    def unsettled(self) -> str | None:
        """What is not yet as it must be in the end; None where all is."""
        cluster = self._cluster
        masters = [each for each in cluster.servers.values() if each.serves]
        if len(masters) != 1:
            return f"{len(masters)} nodes take writes"
        master = masters[0]
        for name, container in cluster.containers.items():
            if not container.running or container.process is None or not container.process.up:
                return f"{name} does not run"
            if container.leaving:
                return f"{name} is leaving"
        for sentinel in cluster.sentinels.values():
            if sentinel.watch.named() != master.address:
                return f"Sentinel {sentinel.address} names {sentinel.watch.named()}"
            if sentinel.watch.failing_over or sentinel.watch.master.down:
                return f"Sentinel {sentinel.address} fails over"
        for server in cluster.servers.values():
            if server is not master and (server.replication.master != master.address or not server.replication.up):
                return f"{server.address} does not follow {master.address}"
            if server.volume.log is not server.log:
                return f"{server.address} has not written its data to its disk"
        return None

    def equal(self) -> bool:
        """Whether all nodes have the same data."""
        first, *others = self._cluster.servers.values()
        return all(each.log == first.log for each in others)

    def end(self) -> None:
        """All has settled: nothing that must be there is missing, and the replicas have the same."""
        servers = self._cluster.servers.values()
        master = next(each for each in servers if each.serves)
        lost = self.acknowledged - self.excused - set(master.log)
        if lost:
            raise ViolationError(
                f"{len(lost)} of {len(self.acknowledged)} acknowledged writes are lost: {sorted(lost)[:5]}"
            )
        for server in servers:
            if server.log != master.log:
                raise ViolationError(f"{server.address} has other data than its master {master.address}")
