"""The world of an agent in its container: sockets, the volume, the log. The other one is the simulation's."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.serve.memory_file import MemoryFile
from agent.tell.state import StateFile
from agent.wire.answers import Address, Command, Probe, Result, Unknown, Value
from agent.wire.link import Link, Login, connect, probe

TIRED = 1.0
"""Seconds without an answer after which a connection to another container is made anew. The one to the own server is
kept:
what is sent later must not overtake what was sent before."""
PING_EVERY = 5.0


@dataclass(frozen=True)
class ChannelEvent:
    """A message on a channel; an empty channel: the subscription has begun."""

    channel: str
    text: str


class ContainerDoor:
    """An open connection that nothing is sent on but the login."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def closed(self) -> None:
        await self._link.lost

    def let_go(self) -> None:
        self._link.close()


class ContainerWorld:
    """Implements agent.world.World."""

    def __init__(self, own: Address, login: Login, memory: Path, state: StateFile, signal: Path) -> None:
        self._own = own
        self._login = login
        self._memory = MemoryFile(memory, self.say)
        self._state = state
        self._signal = signal
        self._links: dict[Address, asyncio.Task[Link | Unknown]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._woken = asyncio.Event()

    def now(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def ask(self, peer: Address, *commands: Command, within: float) -> list[Result]:
        deadline = self.now() + within
        link = await self._link(peer, within)
        if isinstance(link, Unknown):
            return [link] * len(commands)
        futures = link.send(*commands)
        await asyncio.wait(futures, timeout=max(0.0, deadline - self.now()))
        return [future.result() if future.done() else Unknown.LATE for future in futures]

    async def _link(self, peer: Address, within: float) -> Link | Unknown:
        """The connection to `peer`; two that want one at the same time get the same."""
        task = self._links.get(peer)
        if task is not None and task.done():
            link = task.result()
            if isinstance(link, Link) and link.open and (link.oldest < TIRED or peer == self._own):
                return link
            if isinstance(link, Link):
                link.close()
            task = None
        if task is None:
            # Not one of the tasks that end with a server: whoever asks next is to have an answer, not a cancellation.
            task = self._links[peer] = asyncio.ensure_future(connect(peer, self._login, max(within, 0.3)))
        done, _ = await asyncio.wait([task], timeout=within)
        return task.result() if done else Unknown.UNSENT

    async def probe(self, peer: Address, within: float) -> Probe:
        return await probe(peer, within)

    async def door(self, peer: Address, within: float) -> ContainerDoor | None:
        found = await connect(peer, self._login, within)
        return ContainerDoor(found) if isinstance(found, Link) else None

    async def listen(self, peer: Address, *channels: str) -> AsyncIterator[ChannelEvent]:
        queue: asyncio.Queue[ChannelEvent | None] = asyncio.Queue()

        def on_message(value: list[Value]) -> None:
            if value[0] == "message":
                queue.put_nowait(ChannelEvent(str(value[1]), str(value[2])))
            elif value[2] == 1:
                queue.put_nowait(ChannelEvent("", ""))

        found = await connect(peer, self._login, 1.0, on_message)
        if isinstance(found, Unknown):
            return
        found.lost.add_done_callback(lambda _: queue.put_nowait(None))
        found.subscribe(channels)
        keeper = self._start(self._keep_alive(found))
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            keeper.cancel()
            found.close()

    async def _keep_alive(self, link: Link) -> None:
        """A subscription that is cut off in silence would never end: it is asked for a sign of life."""
        while link.open:
            await asyncio.sleep(PING_EVERY)
            (future,) = link.send(("PING",))
            done, _ = await asyncio.wait([future], timeout=PING_EVERY)
            if not done:
                link.close()

    async def gather(
        self, *parts: Coroutine[Any, Any, Any], enough: Callable[[list[Any]], bool] | None = None
    ) -> list[Any]:
        if not parts:
            return []
        tasks = [self._start(part) for part in parts]
        pending: set[asyncio.Task[Any]] = set(tasks)
        found: list[Any] = []
        while pending:
            when = asyncio.ALL_COMPLETED if enough is None else asyncio.FIRST_COMPLETED
            _, pending = await asyncio.wait(pending, return_when=when)
            found = [task.result() if task.done() else None for task in tasks]
            if enough is not None and enough(found):
                break
        return found

    def spawn(self, part: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self._start(part)

    def end_tasks(self) -> None:
        """End what has been spawned: it belongs to a server that has ended."""
        for task in list(self._tasks):
            task.cancel()

    def _start(self, part: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(part)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a part of the agent has failed", "exception": task.exception()}
            )

    def wake(self) -> None:
        self._woken.set()

    async def rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._woken.clear()

    def random(self) -> float:
        return random.random()  # noqa: S311 - only spreads attempts in time

    def remember(self, memory: Mapping[str, Any]) -> None:
        self._memory.write(memory)

    def first_start(self) -> bool:
        return self._signal.exists()

    def say(self, text: str) -> None:
        sys.stderr.write(f"redis-ha: {text}\n")
        sys.stderr.flush()

    def show(self, state: Mapping[str, Any]) -> None:
        self._state.write(state)
