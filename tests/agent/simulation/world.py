"""An agent's world in the simulation: agent.world.World over virtual processes and a virtual network."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from agent.wire.answers import Address, Command, Probe, Result, Unknown
from tests.agent.simulation.clock import Future, Group, Task
from tests.agent.simulation.redis.process import Connection, Message, Process, held

if TYPE_CHECKING:
    from tests.agent.simulation.deployment.cluster import Cluster

LOCAL = 0.0001
"""Seconds that a message to the own server takes. They are all the same: none overtakes another on one connection."""


class Request:
    """Commands on their way to a process, and their answers."""

    __slots__ = ("_armed", "_cluster", "_commands", "_deadline", "_future", "_group", "_local", "_machine")

    def __init__(self, world: "SimWorld", commands: tuple[Command, ...], within: float, local: bool) -> None:
        self._cluster = world.cluster
        self._group = world.group
        self._machine = world.machine
        self._commands = commands
        self._deadline = world.cluster.clock.now + within
        self._future = Future()
        self._local = local
        self._armed = False

    def send(self, peer: Address) -> Future:
        """Begin; the future gets the list of results."""
        cluster = self._cluster
        process = cluster.process_at(peer)
        if not self._local and process is not None and not cluster.network.both_ways(self._machine, process.machine):
            self._arm(Unknown.UNSENT)
        elif process is None or not process.up or (process.closed and not self._local):
            if cluster.refuses(peer):
                cluster.clock.after(2 * self._delay(), self._end, Unknown.CLOSED)
            else:
                self._arm(Unknown.UNSENT)
        else:
            cluster.clock.after(self._delay(), self._arrive, process)
        return self._future

    def _delay(self) -> float:
        return LOCAL if self._local else self._cluster.network.delay()

    def _arrive(self, process: Process) -> None:
        if not process.up or (process.closed and not self._local):
            self._end(Unknown.LATE)
        elif not self._local and not self._cluster.network.reaches(self._machine, process.machine):
            self._arm(Unknown.LATE)
        else:
            if process.stopped or self._cluster.clock.now > self._deadline:
                self._arm(Unknown.LATE)
            process.arrive(self._carry_out, process)

    def _carry_out(self, process: Process) -> None:
        answered = False

        def reply(results: list[Result]) -> None:
            nonlocal answered
            answered = True
            self._reply(process, results)

        process.answer(self._commands, reply)
        if not answered:
            self._arm(Unknown.LATE)

    def _reply(self, process: Process, results: list[Result]) -> None:
        cluster = self._cluster
        if not self._local and not cluster.network.reaches(process.machine, self._machine):
            self._arm(Unknown.LATE)
            return
        seconds = self._delay()
        if cluster.clock.now + seconds > self._deadline:
            self._arm(Unknown.LATE)
        cluster.clock.after(seconds, self._future.set, results)

    def _arm(self, unknown: Unknown) -> None:
        """From now on the deadline counts."""
        if not self._armed:
            self._armed = True
            clock = self._cluster.clock
            clock.after(max(0.0, self._deadline - clock.now), self._end, unknown)

    def _end(self, unknown: Unknown) -> None:
        """A frozen asker that goes on sees an answer that has come meanwhile before it sees that time is up."""
        held(self._group, lambda: self._future.set([unknown] * len(self._commands)))


def _takes(process: Process, local: bool) -> bool:
    """Whether it gets a new connection."""
    return process.up and (local or not process.closed)


class Listener:
    """Messages of one subscription."""

    def __init__(self, world: "SimWorld", peer: Address, channels: tuple[str, ...]) -> None:
        self._world = world
        self._peer = peer
        self._channels = frozenset(channels)
        self._connection: Connection | None = None

    def __aiter__(self) -> AsyncIterator[Message]:
        return self

    async def __anext__(self) -> Message:
        if self._connection is None:
            self._connection = await self._world.connect(self._peer, 1.0, self._channels)
            if self._connection is None:
                raise StopAsyncIteration
            return Message()
        message = await self._connection.next()
        if message is None:
            raise StopAsyncIteration
        return message


class SimWorld:
    """Implements agent.world.World for one incarnation of one container."""

    def __init__(self, cluster: "Cluster", name: str, machine: str, me: Address, remember: Callable[..., None]) -> None:
        self.cluster = cluster
        self.machine = machine
        self.group = Group(cluster.clock)
        self.shown: Mapping[str, Any] = {}
        self._name = name
        self._me = me
        self._remember = remember
        self._woken = False
        self._resting: Future | None = None

    def now(self) -> float:
        return self.cluster.clock.now

    async def sleep(self, seconds: float) -> None:
        future = Future()
        self.cluster.clock.after(seconds, future.set)
        await future

    async def ask(self, peer: Address, *commands: Command, within: float) -> list[Result]:
        local = peer.host == "127.0.0.1"
        results: list[Result] = await Request(self, commands, within, local).send(self._me if local else peer)
        return results

    async def probe(self, peer: Address, within: float) -> Probe:
        cluster, future = self.cluster, Future()
        process = cluster.process_at(peer)
        if process is not None and not cluster.network.both_ways(self.machine, process.machine):
            cluster.clock.after(within, future.set, Probe.SILENT)
        elif process is not None and process.up and not process.closed:
            cluster.clock.after(2 * cluster.network.delay(), future.set, Probe.LISTENS)
        elif cluster.refuses(peer):
            cluster.clock.after(2 * cluster.network.delay(), future.set, Probe.CLOSED)
        else:
            cluster.clock.after(within, future.set, Probe.SILENT)
        found: Probe = await future
        return found

    async def door(self, peer: Address, within: float) -> Connection | None:
        return await self.connect(peer, within, frozenset())

    async def connect(self, peer: Address, within: float, channels: frozenset[str]) -> Connection | None:
        """A connection to hold open. A stopped process takes it, too: its kernel does."""
        local = peer.host == "127.0.0.1"
        cluster = self.cluster
        process = cluster.process_at(self._me if local else peer)
        if process is not None and not local and not cluster.network.both_ways(self.machine, process.machine):
            await self.sleep(within)
            return None
        if process is None or not _takes(process, local):
            await self.sleep(2 * cluster.network.delay() if cluster.refuses(peer) else within)
            return None
        await self.sleep(2 * LOCAL if local else 2 * cluster.network.delay())
        if not _takes(process, local):
            return None
        connection = Connection(cluster, self.machine, process, channels)
        if not process.stopped or not channels:
            process.connections.append(connection)
        else:
            future = Future()
            process.arrive(future.set)
            await future
            process.connections.append(connection)
        return connection

    def listen(self, peer: Address, *channels: str) -> AsyncIterator[Message]:
        return Listener(self, peer, channels)

    async def gather(
        self, *parts: Coroutine[Any, Any, Any], enough: Callable[[list[Any]], bool] | None = None
    ) -> list[Any]:
        results: list[Any] = [None] * len(parts)
        if not parts:
            return results
        left = len(parts)
        future = Future()

        def ended(index: int, result: Any) -> None:
            nonlocal left
            left -= 1
            results[index] = result
            if not future.done and (left == 0 or (enough is not None and enough(results))):
                future.set(list(results))

        for index, part in enumerate(parts):
            self.group.spawn(part, lambda result, index=index: ended(index, result))  # type: ignore[misc]
        found: list[Any] = await future
        return found

    def spawn(self, part: Coroutine[Any, Any, Any]) -> Task:
        return self.group.spawn(part)

    def wake(self) -> None:
        self._woken = True
        if self._resting is not None:
            self._resting.set()

    async def rest(self, seconds: float) -> None:
        if not self._woken:
            future = self._resting = Future()
            self.cluster.clock.after(seconds, future.set)
            await future
            self._resting = None
        self._woken = False

    def random(self) -> float:
        return self.cluster.random.random()

    def remember(self, memory: Mapping[str, Any]) -> None:
        self._remember(dict(memory))

    def first_start(self) -> bool:
        return self.cluster.first_start

    def say(self, text: str) -> None:
        self.cluster.say(self._name, text)

    def show(self, state: Mapping[str, Any]) -> None:
        self.shown = state
