"""A server process as the kernel and its peers see it: it runs, is stopped, or has died."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agent.wire.answers import Address, Command, Result
from tests.agent.simulation.clock import Future, Group

if TYPE_CHECKING:
    from tests.agent.simulation.deployment.cluster import Cluster


ON_ITS_WAY = 0.001
"""Seconds for which a command is under way at most, where the network is well."""


class Message:
    """What a subscriber gets. The first one has an empty channel."""

    __slots__ = ("channel", "text")

    def __init__(self, channel: str = "", text: str = "") -> None:
        self.channel = channel
        self.text = text


class Connection:
    """A connection that is held open: a subscription, or a door. It ends when the process does, if heard."""

    def __init__(self, cluster: "Cluster", machine: str, process: "Process", channels: frozenset[str]) -> None:
        self._cluster = cluster
        self.machine = machine
        self.process = process
        self.channels = channels
        self.ended = False
        self._waiting: deque[Message] = deque()
        self._future: Future | None = None

    async def next(self) -> Message | None:
        """The next message; None when the connection has ended."""
        while not self._waiting:
            if self.ended:
                return None
            self._future = Future()
            await self._future
        return self._waiting.popleft()

    async def closed(self) -> None:
        """Return as soon as the other side has closed it."""
        while await self.next() is not None:
            pass

    def let_go(self) -> None:
        """Close it from this side."""
        self.ended = True
        if self in self.process.connections:
            self.process.connections.remove(self)

    def deliver(self, message: Message) -> None:
        """The process sends `message`."""
        self._pass_on(self._arrive, message)

    def end(self) -> None:
        """The process closes it."""
        self._pass_on(self._close)

    def _pass_on(self, call: Callable[..., None], *arguments: Any) -> None:
        cluster = self._cluster
        if cluster.network.reaches(self.process.machine, self.machine):
            cluster.clock.after(cluster.network.delay(), call, *arguments)
        else:  # TCP sends it again until it arrives
            cluster.clock.after(0.2, self._pass_on, call, *arguments)

    def _arrive(self, message: Message) -> None:
        if not self.ended:
            self._waiting.append(message)
            self._wake()

    def _close(self) -> None:
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        if self._future is not None:
            future, self._future = self._future, None
            future.set()


class Process:
    """What Redis and Sentinel have in common."""

    def __init__(self, cluster: "Cluster", address: Address, machine: str) -> None:
        self.cluster = cluster
        self.clock = cluster.clock
        self.random = cluster.random
        self.address = address
        self.machine = machine
        self.run_id = "".join(self.random.choices("0123456789abcdef", k=40))
        self.up = True
        self.stopped = False
        self.went_on_at = float("-inf")
        """When it last did so: a PING that was waiting has been answered then."""
        self.was_on_its_way = False
        """What it does now had been sent before it was stopped."""
        self.draining = False
        """It does all that has come while it was stopped, at one moment."""
        self.closed = False
        """Bound to its own machine's loopback: nobody else gets a new connection."""
        self.connections: list[Connection] = []
        self._stopped_at = 0.0
        self._inbox: deque[tuple[float, Callable[..., None], tuple[Any, ...]]] = deque()

    def arrive(self, call: Callable[..., None], *arguments: Any) -> None:
        """Something that this process does when it gets to it: at once, when it goes on, or never."""
        if not self.up:
            return
        if self.stopped:
            self._inbox.append((self.clock.now, call, arguments))
        else:
            call(*arguments)

    def stop(self) -> None:
        """SIGSTOP: its kernel goes on taking connections and bytes."""
        self.stopped, self._stopped_at = True, self.clock.now

    def go_on(self) -> None:
        """SIGCONT: all that has come is done in the order in which it came."""
        if self.stopped:
            self.went_on_at = self.clock.now
        self.stopped = False
        self.draining = True
        while self._inbox and not self.stopped and self.up:
            came_at, call, arguments = self._inbox.popleft()
            self.was_on_its_way = came_at - self._stopped_at < ON_ITS_WAY
            call(*arguments)
        self.draining = self.was_on_its_way = False

    def die(self) -> None:
        """Its connections are closed by the kernel."""
        self.up = False
        self._inbox.clear()
        ended, self.connections = self.connections, []
        for connection in ended:
            connection.end()

    def vanish(self) -> None:
        """Its machine goes without a word: nobody is told that the connections are gone."""
        self.connections = []
        self.die()

    def publish(self, channel: str, text: str) -> int:
        """Send to all that have subscribed to `channel`; how many those are."""
        count = 0
        for connection in self.connections:
            if channel in connection.channels:
                connection.deliver(Message(channel, text))
                count += 1
        return count

    def answer(self, commands: tuple[Command, ...], reply: Callable[[list[Result]], None]) -> None:
        """Carry out what came on one connection, and call `reply` with one result for each, perhaps later."""
        raise NotImplementedError


def held(group: Group, call: Callable[[], None]) -> None:
    """Make `call` now, or when the frozen asker goes on."""
    if group.frozen:
        group.hold(call)
    else:
        call()
