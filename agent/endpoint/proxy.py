"""HAProxy: a process of this container, and its socket, by which it is told where clients go."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from agent.serve.server import Server

NOBODY = "nobody"
CLOSING_S = 0.08
"""From when HAProxy sends nobody to a node any more until its clients are let go. That is longer than an attempt to
connect takes: HAProxy (3.0.11) forgets a connection that is just being made when those of its server are closed, and
its client would wait for ever."""
START_S = 10.0


class ProxyError(Exception):
    """HAProxy does not do what it is told."""


class Proxy:
    """Where clients go. What is to be, and what has been said; `keep_up` makes them the same."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "haproxy.sock"
        self._map = folder / "ways.map"
        self._writes: str | None = None
        self._reads: frozenset[str] = frozenset()
        self._told = asyncio.Event()
        self._left: dict[str, float] = {}
        """When each node lost its writers or its readers, by its server's name, as long as they are not let go."""
        self._loop = asyncio.get_running_loop()

    async def start(self, config: Path) -> Server:
        """Begin, with nobody to send clients to. Raises ProxyError where it does not."""
        self._map.write_text(f"writes writes-{NOBODY}\n")
        self._socket.unlink(missing_ok=True)
        server = await Server.start("haproxy", "-db", "-f", str(config))
        ended = asyncio.ensure_future(server.ended())
        deadline = self._loop.time() + START_S
        while not self._socket.exists():
            await asyncio.wait([ended], timeout=0.01)
            if ended.done() or self._loop.time() > deadline:
                raise ProxyError(f"HAProxy does not start with {config}")
        return server

    def send(self, writes: str | None, reads: frozenset[str]) -> None:
        """From now on."""
        if (writes, reads) != (self._writes, self._reads):
            self._writes, self._reads = writes, reads
            self._told.set()

    async def keep_up(self) -> None:
        """For as long as the endpoint lives. Raises ProxyError."""
        writes: str | None = None
        reads: frozenset[str] = frozenset()
        while True:
            next_closing = min(self._left.values(), default=None)
            try:
                async with asyncio.timeout_at(next_closing):
                    await self._told.wait()
            except TimeoutError:
                pass
            self._told.clear()
            wanted, sharing = self._writes, self._reads
            commands = [f"set map {self._map} writes writes-{wanted or NOBODY}"] if wanted != writes else []
            commands += [f"set server reads/{name} state ready" for name in sorted(sharing - reads)]
            commands += [f"set server reads/{name} state maint" for name in sorted(reads - sharing)]
            left = [f"reads/{name}" for name in reads - sharing]
            left += [f"writes-{writes}/{writes}"] if writes is not None and wanted != writes else []
            self._stay([f"writes-{wanted}/{wanted}", *(f"reads/{name}" for name in sharing)])
            commands += [f"shutdown sessions server {server}" for server in self._due()]
            await self._say(commands)
            self._leave(left)  # until HAProxy has answered it has sent clients there
            writes, reads = wanted, sharing

    async def figures(self) -> Mapping[str, str]:
        """HAProxy's own (`show info`)."""
        lines = (line.partition(": ") for line in (await self._ask("show info")).splitlines())
        return {name: value for name, _, value in lines}

    def _leave(self, servers: list[str]) -> None:
        self._left |= dict.fromkeys(servers, self._loop.time() + CLOSING_S)

    def _stay(self, servers: list[str]) -> None:
        for server in servers:
            self._left.pop(server, None)

    def _due(self) -> list[str]:
        now = self._loop.time()
        due = [server for server, at in self._left.items() if at <= now]
        self._stay(due)
        return due

    async def _say(self, commands: list[str]) -> None:
        """What HAProxy does not understand it answers; to all of these it says nothing."""
        if commands and (said := (await self._ask("; ".join(commands))).strip()):
            raise ProxyError(f"HAProxy answers: {said}")

    async def _ask(self, line: str) -> str:
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        try:
            writer.write(f"{line}\n".encode())
            return (await reader.read()).decode()
        finally:
            writer.close()
