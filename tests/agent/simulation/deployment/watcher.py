"""A Sentinel's container: how it finds the master that it is to watch."""

from typing import TYPE_CHECKING

from agent.decide.watched import Watch, watched
from agent.view import council as council_view
from agent.view import node as node_view
from agent.view.council import Council
from agent.view.mark import Mark
from agent.view.node import Node
from agent.wire.answers import Address
from tests.agent.simulation.deployment.container import Container
from tests.agent.simulation.redis.info import info
from tests.agent.simulation.sentinel.sentinel import NAME, Sentinel, SentinelVolume

if TYPE_CHECKING:
    from tests.agent.simulation.deployment.cluster import Cluster


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
        nodes: dict[Address, Node | None] = {}
        for address in cluster.known_nodes():
            server = cluster.servers.get(address)
            nodes[address] = None
            if server is not None and server.up and not server.stopped and reaches(self.machine, server.machine):
                nodes[address] = node_view.from_info(address, info(server), Mark.parse(server.title))
        answers = {
            at: [other.answer_one(("SENTINEL", "MASTER", NAME))]
            for at, other in cluster.sentinels.items()
            if at != self.address and other.up and not other.stopped and reaches(self.machine, other.machine)
        }
        council: Council = council_view.council(answers)
        return watched(cluster.declared_master(), nodes, council, waited)
