"""What an agent can do in the world: ask, listen, wait, remember. The simulation has another one than the container."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, Protocol

from agent.wire.answers import Address, Command, Probe, Result


class Task(Protocol):
    """A coroutine that runs by itself."""

    def cancel(self) -> object:
        """End it at its next wait."""


class Door(Protocol):
    """An open connection that nothing is sent on: it ends when the process at the other side does."""

    async def closed(self) -> None:
        """Return as soon as the other side has closed it."""

    def let_go(self) -> None:
        """Close it from this side."""


class Event(Protocol):
    """A message on a channel."""

    @property
    def channel(self) -> str: ...

    @property
    def text(self) -> str: ...


class World(Protocol):
    """All that is outside of an agent's own memory. Times are in seconds; `now` never goes back."""

    def now(self) -> float:
        """Seconds on this machine's monotonic clock."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def ask(self, peer: Address, *commands: Command, within: float) -> list[Result]:
        """Send `commands` in this order on one connection; one result for each, at the latest after `within` seconds.

        Never raises for what the peer or the network does. After a LATE all that follow are LATE too.
        """

    async def probe(self, peer: Address, within: float) -> Probe:
        """Try to connect, and close at once."""

    async def door(self, peer: Address, within: float) -> Door | None:
        """A connection to hold open; None where there is none within the time."""

    def listen(self, peer: Address, *channels: str) -> AsyncIterator[Event]:
        """Messages of these channels until the connection ends; first an Event without a channel: subscribed."""

    async def gather(
        self, *parts: Coroutine[Any, Any, Any], enough: Callable[[list[Any]], bool] | None = None
    ) -> list[Any]:
        """Run these at the same time; their results in the order given.

        Returns as soon as `enough` is true of what there is: then None stands for those that still run, and they go on.
        """

    def spawn(self, part: Coroutine[Any, Any, Any]) -> Task:
        """Run this beside the caller."""

    def wake(self) -> None:
        """End the `rest` that is going on, or the next one."""

    async def rest(self, seconds: float) -> None:
        """Wait, but no longer than until `wake`."""

    def random(self) -> float:
        """A number from 0 to 1, without 1."""

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Keep `memory` (JSON values) on the volume, whole or not at all, before it returns.

        Where only its offset has changed, it may follow.
        """

    def first_start(self) -> bool:
        """Whether the deployment has said that there has never been any data: an empty declared master may begin."""

    def say(self, text: str) -> None:
        """One line in the container's log."""

    def show(self, state: Mapping[str, Any]) -> None:
        """Replace the state file, which health check, status and roll-out read."""
