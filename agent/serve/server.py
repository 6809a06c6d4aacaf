"""The server that process 1 supervises: redis-server, as a data node or as a Sentinel, or HAProxy."""

import asyncio
import contextlib
import os
import signal

INSIST = 0.5
"""Seconds between two SIGTERMs: Redis takes no notice of one while it writes its first append-only file."""


def bury() -> None:
    """Take the exit codes of processes that a server has left behind, as process 1 has to: nobody else ever does.

    A snapshot or a rewrite may outlive a server that was killed. To be called while no process of our own runs: its
    exit code would be taken from the one who waits for it.
    """
    if os.getpid() != 1:
        return
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


class Server:
    """Its process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, *command: str) -> "Server":
        """Start it, in a session of its own: Ctrl-C is for process 1, which hands over."""
        return cls(await asyncio.create_subprocess_exec(*command, start_new_session=True))

    async def ended(self) -> int:
        """Wait for its end: the exit code, or 128 and the signal's number."""
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    async def kill(self) -> int:
        """End it at once, whatever it does; its exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)
        return await self.ended()

    async def stop(self) -> int:
        """End it, insisting; its exit code.

        By its number: the subprocess module's own way to send a signal looks whether it has ended, and if so takes the
        exit code away from the one who waits for it.
        """
        ended = asyncio.ensure_future(self.ended())
        while not ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)
            await asyncio.wait([ended], timeout=INSIST)
        return ended.result()
