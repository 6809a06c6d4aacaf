"""A Redis server: its commands as far as agents, Sentinels and writers use them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent.wire.answers import Address, Command, Refusal, Result
from tests.agent.simulation.process import Process
from tests.agent.simulation.replication import LIMBO, Replication

if TYPE_CHECKING:
    from tests.agent.simulation.cluster import Cluster

LOADING = Refusal("LOADING Redis is loading the dataset in memory")
OK = "OK"
Reply = Callable[[list[Result]], None]


@dataclass
class Volume:
    """What survives a kill: the append-only file, and what the agent remembers. `whole` is the model's own knowledge."""

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
        self.starting = load_for > 0
        self.priority = 0
        self.title = title
        self.started_at = self.clock.now
        self.paused_until = 0.0
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
            return self.info()
        if name == "ROLE":
            return self._role()
        if name == "PING":
            return LOADING if self.loading else "PONG"
        if name == "PUBLISH":
            return self.publish(command[1], command[2])
        if name in ("REPLICAOF", "SLAVEOF"):
            return self._replicaof(command[1], command[2])
        if name == "CONFIG":
            return self._config(command[1:])
        if name == "CLIENT":
            return self._client(command[1:])
        raise NotImplementedError(f"the simulation's Redis has no {command}")

    def _replicaof(self, host: str, port: str) -> Result:
        if self.loading:
            return LOADING
        if (host.upper(), port.upper()) == ("NO", "ONE"):
            if not self.is_master:
                self.cluster.judge.promoted(self)
                self.replication.promote()
                self.whole = True
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

    def _role(self) -> Result:
        stream = self.replication
        if stream.master is None:
            return ["master", stream.offset, []]
        state = {"up": "connected", "copying": "sync", "loading": "sync"}.get(stream.state, "connect")
        return ["slave", stream.master.host, stream.master.port, state, stream.offset]

    def info(self) -> str:
        """INFO, as far as anybody here reads it."""
        stream, master = self.replication, self.replication.master
        lines = [
            "redis_version:8.0.2",
            f"run_id:{self.run_id}",
            f"uptime_in_seconds:{int(self.clock.now - self.started_at)}",
            f"loading:{self.loading:d}",
            "aof_last_write_status:ok",
            "rdb_last_bgsave_status:ok",
            f"aof_rewrite_in_progress:{self.volume.log is not self.log and stream.up:d}",
        ]
        if master is None:
            lines.append(f"role:master\r\nmaster_repl_offset:{stream.offset}")
        else:
            down = -1 if stream.down_since is None else int(self.clock.now - stream.down_since)
            lines.append(
                f"role:slave\r\nmaster_host:{master.host}\r\nmaster_port:{master.port}\r\n"
                f"master_link_status:{'up' if stream.up else 'down'}\r\n"
                f"master_sync_in_progress:{stream.state in ('copying', 'loading'):d}\r\n"
                f"slave_repl_offset:{stream.offset}\r\nslave_priority:{self.priority}\r\n"
                f"master_repl_offset:{stream.offset}"
            )
            if not stream.up:
                lines.append(f"master_link_down_since_seconds:{down}")
        for number, follower in enumerate(stream.followers):
            at = follower.server.address
            state = "online" if follower.up else "send_bulk"
            lines.append(f"slave{number}:ip={at.host},port={at.port},state={state},offset={follower.offset},lag=0")
        if self.log:
            lines.append(f"db0:keys={len(self.log)},expires=0,avg_ttl=0")
        return "\r\n".join(lines)


def _inner(result: Result) -> Result:
    """A result within EXEC: an error is a line there."""
    return result.text if isinstance(result, Refusal) else result


__all__ = ["LIMBO", "Server", "Volume"]
