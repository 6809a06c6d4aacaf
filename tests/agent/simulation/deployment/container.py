"""A container: its start, and its end by any means."""

from typing import TYPE_CHECKING

from agent.wire.answers import Address
from tests.agent.simulation.redis.process import Process

if TYPE_CHECKING:
    from tests.agent.simulation.deployment.cluster import Cluster


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
