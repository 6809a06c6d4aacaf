"""A Redis server: its commands as far as agents, Sentinels and writers use them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent.wire.answers import Address, Command, Refusal, Result, Unknown, Value
from tests.agent.simulation.redis.info import info, role
from tests.agent.simulation.redis.process import Process
from tests.agent.simulation.redis.replication import LIMBO, Replication

if TYPE_CHECKING:
    from tests.agent.simulation.deployment.cluster import Cluster

LOADING = Refusal("LOADING Redis is loading the dataset in memory")
OK = "OK"
MIN_REPLICAS = "min-replicas-to-write"
Reply = Callable[[list[Result]], None]


@dataclass
class Volume:
    """What survives a kill: the append-only file, and what the agent remembers. `whole` is the model's knowledge."""

    log: list[int] = field(default_factory=list)
    whole: bool = False
    memory: dict[str, Any] | None = None


class Server(Process):
    """One redis-server, started as a replica of nobody that cannot be promoted."""

    def __init__(
        self, cluster: "Cluster", address: Address, machine: str, volume: Volume, title: str, load_for: float
    ) -> None:
        super().__init__(cluster, address, machine)
        self.volume = volume
        self.log = volume.log
        self.whole = volume.whole
        self.silent = False
        self.min_replicas = "0"
        self.starting = load_for > 0
        self.priority = 0
        self.title = title
        self.started_at = self.clock.now
        self.paused_until = 0.0
        self.rewriting_until = 0.0
        """Its append-only file is rewritten of its own accord until then."""
        self.replication = Replication(self)
        self._blocked: list[tuple[int, Callable[[str], None]]] = []
        self._postponed: list[tuple[tuple[Command, ...], int, list[Result], Reply]] = []
        if self.starting:
            self.clock.after(load_for, self.arrive, self._loaded)

    @property
    def loading(self) -> bool:
        return self.starting or self.replication.state == "loading"

    @property
    def is_master(self) -> bool:
        return self.replication.master is None

    @property
    def paused(self) -> bool:
        return self.clock.now < self.paused_until

    @property
    def serves(self) -> bool:
        """Whether a write that arrives now is taken."""
        return self.up and not self.stopped and self.is_master and not self.loading and not self.paused

    def store(self, log: list[int]) -> None:
        """The append-only file has been written anew after a copy."""
        if log is self.log:
            self.volume.log = log
            self.volume.whole = True

    def write(self, ident: int, reply: Callable[[str], None]) -> None:
        """SET by a client. Writes that are held back wait for the end of the pause."""
        if self.loading:
            reply("LOADING")
        elif not self.is_master:
            reply("READONLY")
        elif self.paused:
            self._blocked.append((ident, reply))
        else:
            self.replication.append(ident)
            self.cluster.judge.wrote(self, ident)
            reply(OK)

    def die(self) -> None:
        super().die()
        self._blocked.clear()
        self._postponed.clear()
        self.replication.end()

    def vanish(self) -> None:
        self.silent = True
        super().vanish()

    def go_on(self) -> None:
        super().go_on()
        self.cluster.judge.look(self)

    def answer(self, commands: tuple[Command, ...], reply: Reply) -> None:
        self._go_on(commands, 0, [], reply)

    def _go_on(self, commands: tuple[Command, ...], first: int, results: list[Result], reply: Reply) -> None:
        queued: list[Command] | None = None
        aborted = False
        for index in range(first, len(commands)):
            command = commands[index]
            if queued is None and command[0] == "PUBLISH" and self.paused:  # MAY_REPLICATE: it waits, as writes do
                self._postponed.append((commands, index, results, reply))
                return
            if command[0] == "MULTI":
                queued = []
                results.append(OK)
            elif queued is not None and command[0] == "EXEC":
                results.append(Refusal("EXECABORT") if aborted else [_inner(self._one(each)) for each in queued])
                queued = None
            elif queued is not None:
                refused = self.loading and command[0] == "REPLICAOF"
                aborted = aborted or refused
                queued.append(command)
                results.append(LOADING if refused else "QUEUED")
            else:
                results.append(self._one(command))
        reply(results)
        self.cluster.judge.look(self)

    def _one(self, command: Command) -> Result:
        name = command[0]
        if name == "INFO":
            return info(self)
        if name == "ROLE":
            return role(self)
        if name == "PING":
            return LOADING if self.loading else "PONG"
        if name == "PUBLISH":
            return self.publish(command[1], command[2])
        if name in ("REPLICAOF", "SLAVEOF"):
            return self._replicaof(command[1], command[2], by_sentinel=name == "SLAVEOF")
        if name == "CONFIG":
            return self._config(command[1:])
        if name == "CLIENT":
            return self._client(command[1:])
        raise NotImplementedError(f"the simulation's Redis has no {command}")

    def _replicaof(self, host: str, port: str, by_sentinel: bool) -> Result:
        if self.loading:
            return LOADING
        if (host.upper(), port.upper()) == ("NO", "ONE"):
            if not self.is_master:
                self.cluster.judge.promoted(self, by_sentinel)
                self.replication.promote()
                self.whole = True
                self.volume.whole = self.volume.whole or self.volume.log is self.log
        else:
            self.replication.follow(Address(host, int(port)))
        self.cluster.judge.look(self)
        return OK

    def _config(self, words: tuple[str, ...]) -> Result:
        if words == ("GET", "proc-title-template"):
            return ["proc-title-template", self.title]
        if words[:2] == ("SET", "proc-title-template"):
            self.title = words[2]
        elif words[:2] == ("SET", "replica-priority"):
            self.priority = int(words[2])
        elif words == ("GET", MIN_REPLICAS):
            return [MIN_REPLICAS, self.min_replicas]
        elif words[:2] == ("SET", MIN_REPLICAS):
            self.min_replicas = words[2]
        elif words[:2] == ("SET", "bind"):
            self.closed = words[2] == "127.0.0.1"
        elif words != ("REWRITE",):
            raise NotImplementedError(f"the simulation's Redis has no CONFIG {words}")
        return OK

    def _client(self, words: tuple[str, ...]) -> Result:
        if words[0] == "PAUSE":
            seconds = int(words[1]) / 1000
            self.paused_until = max(self.paused_until, self.clock.now + seconds)
            self.clock.after(seconds, self.arrive, self._lift)
        elif words[0] == "UNPAUSE":
            self.paused_until = 0.0
            if self.was_on_its_way:  # as one that stands still just after that
                self.cluster.judge.suspect(self, tolerated=True)
            self.clock.after(0.0, self.arrive, self._lift)
        elif words[:2] == ("KILL", "TYPE"):
            self._kill(pubsub=words[2] == "pubsub")
        else:
            raise NotImplementedError(f"the simulation's Redis has no CLIENT {words}")
        return OK

    def _kill(self, pubsub: bool) -> None:
        ended = [each for each in self.connections if bool(each.channels) == pubsub]
        self.connections = [each for each in self.connections if each not in ended]
        for connection in ended:
            connection.end()
        if not pubsub:
            blocked, self._blocked = self._blocked, []
            self._postponed = []
            for _, reply in blocked:
                reply("CLOSED")

    def _lift(self) -> None:
        if self.paused:
            return
        blocked, self._blocked = self._blocked, []
        postponed, self._postponed = self._postponed, []
        for ident, reply in blocked:
            self.write(ident, reply)
        for commands, index, results, done in postponed:
            self._go_on(commands, index, results, done)
        self.cluster.judge.look(self)

    def _loaded(self) -> None:
        if not self.starting:
            return
        self.starting = False
        self.replication.start()


def _inner(result: Result) -> Value:
    """A result within EXEC: an error is a line there."""
    assert not isinstance(result, Unknown), "the simulation: a server that does not know its own answer"
    return result.text if isinstance(result, Refusal) else result


__all__ = ["LIMBO", "Server", "Volume"]
