"""The endpoint, from its start to its end."""

import asyncio
import json
import os
import ssl
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.endpoint.decide import View, reads_from, writes_to
from agent.endpoint.look import PATIENCE_S, Hurry, NodeWatch, SentinelWatch
from agent.endpoint.proxy import Proxy, ProxyError
from agent.serve.stop import Stop
from agent.tell.state import StateFile
from agent.wire.answers import Address
from agent.wire.link import Login, tls_context

RUN = Path("/run/redis-ha")
"""Where haproxy.cfg has HAProxy's socket, and redis-ha-health looks."""
SETTLED_S = 1.0
"""What a Sentinel is asked so long after a node has got the writes, it answers knowing of that."""
TICK_S = 0.1
"""Silence is no event: so often it is looked for."""
REPORT_S = 2.0


@dataclass(frozen=True)
class Told:
    """What the endpoint is told, by the file endpoint.json in its folder."""

    folder: Path
    nodes: Mapping[str, Address]
    sentinels: tuple[Address, ...]
    master_name: str
    consistent: bool
    patience: float
    """Seconds that a node has for an answer."""
    login: Login

    @classmethod
    def read(cls, folder: Path) -> "Told":
        """Raises OSError, ValueError and KeyError for what is not there."""
        raw = json.loads((folder / "endpoint.json").read_text())
        return cls(
            folder=folder,
            nodes={name: Address.parse(at) for name, at in raw["nodes"].items()},
            sentinels=tuple(Address.parse(at) for at in raw["sentinels"]),
            master_name=raw["master_name"],
            consistent=raw["durability"] == "consistent",
            patience=min(PATIENCE_S, raw["down_after"] / 8000),
            login=Login("endpoint", raw["password"], _trusted(folder)),
        )


class Endpoint:
    """Looks, decides, and tells HAProxy."""

    def __init__(self, told: Told, proxy: Proxy, state: StateFile) -> None:
        self._told = told
        self._proxy = proxy
        self._state = state
        self._nodes = {name: NodeWatch(at, told.login, told.patience) for name, at in told.nodes.items()}
        self._sentinels = [SentinelWatch(at, told.login, told.master_name) for at in told.sentinels]
        self._by_address = {at: name for name, at in told.nodes.items()}
        self._has: str | None = None
        self._since = 0.0
        self._changed, self._moved = asyncio.Event(), asyncio.Event()
        self._hurry = Hurry()
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        """For as long as the container lives."""
        async with asyncio.TaskGroup() as tasks:
            for node in self._nodes.values():
                tasks.create_task(node.run(self._changed.set, self._hurry))
            for sentinel in self._sentinels:
                tasks.create_task(sentinel.run(self._changed.set))
            tasks.create_task(self._proxy.keep_up())
            tasks.create_task(self._report())
            await self._decide()

    async def _decide(self) -> None:
        # A second master may be among those that have not been asked yet.
        while not all(watch.asked for watch in (*self._nodes.values(), *self._sentinels)):
            await _until(self._changed, TICK_S)
        while True:
            now, view = self._loop.time(), self._view()
            to = writes_to(view, self._has, self._settled(), self._told.consistent)
            if to != self._has:
                self._has, self._since = to, now
                sys.stderr.write(f"redis-ha: writes go to {to or 'nobody'}\n")
                sys.stderr.flush()
                self._moved.set()
            self._proxy.send(to, reads_from(view, to))
            self._hurry.set(to is None or self._nodes[to].late)
            await _until(self._changed, TICK_S)

    def _settled(self) -> bool:
        """Whether every Sentinel that answers has been asked since whoever has the writes had had them for a while."""
        answering = [sentinel for sentinel in self._sentinels if sentinel.names()]
        return all(sentinel.heard >= self._since + SETTLED_S for sentinel in answering)

    def _view(self) -> View:
        answers = [address for sentinel in self._sentinels if (address := sentinel.names())]
        most = len(self._sentinels) // 2 + 1
        named = Counter(self._by_address.get(address) for address in answers)
        return View(
            nodes={name: node.seen() for name, node in self._nodes.items()},
            majority=len(answers) >= most,
            named=next((name for name, count in named.items() if count >= most), None),
            failing_over=any(sentinel.failing_over(SETTLED_S) for sentinel in self._sentinels),
        )

    async def _report(self) -> None:
        """For the health check."""
        while True:
            figures = await self._proxy.figures()
            full = int(figures["CurrConns"]) >= int(figures["Maxconn"])
            why = "full: no connection more" if full else f"writes go to {self._has or 'nobody'}"
            self._state.write({"joined": bool(self._has) and not full, "why": why})
            await _until(self._moved, REPORT_S)


async def _until(event: asyncio.Event, seconds: float) -> None:
    """Until it is set, and no longer than so many."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    event.clear()


def _trusted(folder: Path) -> ssl.SSLContext | None:
    """What it trusts, and shows where nodes ask for it; None where they speak plainly."""
    ca, client = folder / "ca.pem", folder / "client.pem"
    return tls_context(str(ca), str(client) if client.exists() else None) if ca.exists() else None


async def _run(told: Told) -> int:
    """The exit code."""
    stop = Stop()
    proxy = Proxy(RUN)
    server = await proxy.start(told.folder / "haproxy.cfg")
    agent = asyncio.ensure_future(Endpoint(told, proxy, StateFile(RUN)).run())
    ended = asyncio.ensure_future(server.ended())
    until: list[asyncio.Future[Any]] = [agent, ended, stop.asked]
    await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        return ended.result() or 1  # it has not been asked to end
    await server.stop()
    if agent.done():
        agent.result()  # raises what has ended it
    return 0


def main() -> int:
    """`python3 -I -S FOLDER`: the exit code."""
    os.umask(0o077)
    try:
        told = Told.read(Path(os.environ.get("REDIS_HA_ENDPOINT", "/etc/redis-ha/node")))
        return asyncio.run(_run(told))
    except* (OSError, ValueError, KeyError, ProxyError) as errors:
        sys.stderr.write(f"redis-ha: {'; '.join(map(repr, errors.exceptions))}\n")
    return 1
