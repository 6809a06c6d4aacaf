"""Which keys of a server change, told by itself: what client-side caching is made of (CLIENT TRACKING)."""

import threading
from collections.abc import Callable

from backup.given import BackupError
from backup.redis import Client

CHANNEL = "__redis__:invalidate"
BARRIER_S = 30.0
# Databases that change places, or lose all their keys without a word on the channel.
WHOLESALE = ("swapdb",)


class Changes:
    """As a context manager: every key that has changed since it was entered, or since it was last taken."""

    def __init__(self, connect: Callable[[], Client]) -> None:
        """`connect` makes a connection to the server, logged in."""
        self._listener, self._asker = connect(), connect()
        self._lock = threading.Lock()
        self._keys: set[bytes] = set()
        self._all = False
        self._why = ""
        self._pong = threading.Event()
        self._calls = self._wholesale()

    def __enter__(self) -> "Changes":
        number = self._listener.ask("CLIENT", "ID")
        self._listener.ask("SUBSCRIBE", CHANNEL)
        self._asker.ask("CLIENT", "TRACKING", "ON", "REDIRECT", number, "BCAST")
        self._listener.patient()
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shut()
        self._asker.shut()

    def take(self) -> set[bytes] | None:
        """The keys; None: all there are may have changed. Raises BackupError where it cannot be known.

        What the server has done before this was called is in it.
        """
        # The first answer may overtake what was changed in the same turn of the server's loop; the second does not.
        for _ in range(2):
            self._pong.clear()
            self._listener.tell("PING")
            if not self._pong.wait(BARRIER_S) or self._why:
                raise BackupError(f"{self._listener.name} does not tell its changes any more: {self._why or 'silent'}")
        calls = self._wholesale()  # also sees that the connection is still there to which the changes belong
        with self._lock:
            keys, everything = self._keys, self._all or calls != self._calls
            self._keys, self._all, self._calls = set(), False, calls
        return None if everything else keys

    def stay(self) -> None:
        """Not for long without a word, or the server may end what is idle. Raises BackupError."""
        self._asker.ask("PING")

    def _wholesale(self) -> list[str]:
        found = self._asker.info("commandstats")
        return [found.get(f"cmdstat_{name}", "").partition(",")[0] for name in WHOLESALE]

    def _listen(self) -> None:
        try:
            while True:
                said = self._listener.next()
                if not isinstance(said, list) or said[0] == b"pong":
                    self._pong.set()
                elif said[0] == b"message":
                    with self._lock:
                        if said[2] is None:
                            self._all = True
                        else:
                            self._keys.update(said[2])
        except BackupError as error:
            self._why = str(error)
            self._pong.set()
