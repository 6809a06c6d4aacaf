"""Clients that write, and remember what was acknowledged."""

from typing import TYPE_CHECKING

from tests.agent.simulation.network import OUTSIDE

if TYPE_CHECKING:
    from tests.agent.simulation.deployment.cluster import Cluster
    from tests.agent.simulation.redis.server import Server


class Writer:
    """Writes one thing after the other. It finds the master by a Sentinel, or (as the endpoint does) by ROLE."""

    def __init__(self, cluster: "Cluster", by_sentinel: bool, machine: str = OUTSIDE, patience: float = 0.5) -> None:
        self._cluster = cluster
        self._by_sentinel = by_sentinel
        self._machine = machine
        self._patience = patience
        self._master: Server | None = None
        self._attempt = 0
        self._every = 0.03 + 0.05 * cluster.random.random()
        self.active = True
        self._next()

    def _next(self) -> None:
        cluster = self._cluster
        if not self.active:
            return
        self._attempt += 1
        if self._master is None or not self._master.up:
            self._master = self._named() if self._by_sentinel else self._serving()
        server = self._master
        clock, network = cluster.clock, cluster.network
        if server is None:
            clock.after(self._every, self._next)
        elif server.closed:
            self._master = None
            clock.after(self._every, self._next)
        elif not network.both_ways(self._machine, server.machine):
            self._master = None
            clock.after(self._patience, self._next)
        else:
            clock.after(network.delay(), self._arrive, server, cluster.new_write(), self._attempt)

    def _arrive(self, server: "Server", ident: int, attempt: int) -> None:
        if server.stopped or not server.up:
            self._wait(attempt)
        server.arrive(self._write, server, ident, attempt)

    def _write(self, server: "Server", ident: int, attempt: int) -> None:
        answered = False

        def reply(text: str) -> None:
            nonlocal answered
            network = self._cluster.network
            answered = network.reaches(server.machine, self._machine)
            if answered:
                self._cluster.clock.after(network.delay(), self._replied, text, ident, attempt)

        server.write(ident, reply)
        if not answered:
            self._wait(attempt)

    def _wait(self, attempt: int) -> None:
        """Only where no answer is on its way the time counts: that spares a timer for each write."""
        self._cluster.clock.after(self._patience, self._give_up, attempt)

    def _replied(self, text: str, ident: int, attempt: int) -> None:
        if attempt != self._attempt:
            return
        if text == "OK":
            self._cluster.judge.acknowledged.add(ident)
        else:
            self._master = None
        self._attempt += 1
        self._cluster.clock.after(self._every, self._next)

    def _give_up(self, attempt: int) -> None:
        if attempt == self._attempt:
            self._master = None
            self._next()

    def _named(self) -> "Server | None":
        cluster = self._cluster
        reached = [
            each
            for each in cluster.sentinels.values()
            if each.up and not each.stopped and cluster.network.both_ways(self._machine, each.machine)
        ]
        return cluster.server_at(cluster.random.choice(reached).watch.named()) if reached else None

    def _serving(self) -> "Server | None":
        cluster = self._cluster
        masters = [
            each
            for each in cluster.servers.values()
            if each.up
            and not each.closed
            and not each.stopped
            and each.is_master
            and cluster.network.both_ways(self._machine, each.machine)
        ]
        return cluster.random.choice(masters) if masters else None
