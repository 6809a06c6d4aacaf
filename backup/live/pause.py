"""Keeps the source from taking writes, for as long as this lives and not much longer."""

import contextlib
import threading

from backup.given import BackupError
from backup.live.source import Source
from backup.redis import Client, RefusedError

PAUSE_MS, AGAIN_S = 15_000, 3.0


def check(client: Client) -> None:
    """Raises BackupError where the source cannot pause writes, or not for this user."""
    try:
        client.ask("CLIENT", "PAUSE", 1, "WRITE")
    except RefusedError as error:
        raise BackupError(
            f"writes cannot be paused at the source: {error}; NO_PAUSE=1 does without, where you have stopped them"
        ) from None


class Pause:
    """As a context manager: clients' writes wait at the source; reads and replication go on.

    It is asked for again and again: should this process die, the source goes on by itself. An end with an error lets it
    go on at once, one without after `hold` seconds.
    """

    def __init__(self, source: Source, hold: int) -> None:
        self._client = source.connect()
        self._hold = hold
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._why = ""
        self.held = False
        self._thread = threading.Thread(target=self._again, daemon=True)

    def __enter__(self) -> "Pause":
        self.renew()
        self._thread.start()
        return self

    def renew(self) -> None:
        """From now on writes are paused for a while. Raises BackupError where they may not have been since the start.

        The connection is the same all the time: so the source has not started anew.
        """
        with self._lock:
            if not self._why:
                try:
                    self._client.ask("CLIENT", "PAUSE", PAUSE_MS, "WRITE")
                except BackupError as error:
                    self._why = str(error)
        if self._why:
            raise BackupError(f"it is not known that the source still pauses writes: {self._why}")

    def __exit__(self, kind: object, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        with contextlib.suppress(BackupError):  # else it ends by itself
            if kind is None and self._hold:
                self._client.ask("CLIENT", "PAUSE", self._hold * 1000, "WRITE")
                self.held = True
            else:
                self._client.ask("CLIENT", "UNPAUSE")

    def _again(self) -> None:
        with contextlib.suppress(BackupError):
            while not self._ended.wait(AGAIN_S):
                self.renew()
