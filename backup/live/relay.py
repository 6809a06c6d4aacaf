"""A door on this container's loopback that leads to the source.

A replica goes through it: so it needs no certificate of its own for a source that speaks TLS, and is seen to get on.
"""

import asyncio
import contextlib
import threading

from backup.live.source import Source

PIECE = 1 << 16


class Relay:
    """As a context manager: open at `port`. `received`: bytes that the source has sent."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.received = 0
        self.port = 0

    def __enter__(self) -> "Relay":
        self._thread.start()
        opened = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self.port = int(opened.result().sockets[0].getsockname()[1])
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        """What is still under way would complain when the process ends."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        source = self._source
        name = source.host if source.context else None
        with contextlib.closing(back), contextlib.suppress(OSError, asyncio.CancelledError):
            far, forth = await asyncio.open_connection(
                source.host, source.port, ssl=source.context, server_hostname=name
            )
            with contextlib.closing(forth):
                # Each way on its own: one that is held up must not hold up the other.
                ways = [asyncio.ensure_future(self._carry(*way)) for way in ((near, forth, False), (far, back, True))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE):
                self.received += len(piece) if counted else 0
                writer.write(piece)
                await writer.drain()
