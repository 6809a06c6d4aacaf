"""The data of a server that is written to, key by key into the stack's master, and what has changed again and again.

It goes where a restore has it go: into databases that the stack does not use, and at the end, in one transaction, into
the place of its own.
"""

import time
from collections.abc import Callable, Iterable, Iterator

from backup import scratch
from backup.given import BackupError
from backup.live.changes import Changes
from backup.redis import Client, Database
from backup.restore import AT_ONCE, Restore

FEW, ROUNDS, FROM_THE_START = 200, 50, 3
TELL_S = 2.0


class Move(Restore):
    """From `source` to `master`; `changes` are the source's, and have been recorded since before this was made."""

    def __init__(
        self, source: Client, master: Client, databases: int, changes: Changes, say: Callable[[str], None]
    ) -> None:
        super().__init__(source, master, databases)
        self._databases, self._changes, self._say = databases, changes, say
        self._copied, self._told = 0, time.monotonic()
        self._left, self._settled = FROM_THE_START, False

    def approach(self) -> None:
        """All keys, then what has changed meanwhile, until that is little. Raises BackupError: nothing has changed."""
        for number, aside in self._aside.items():
            self._pour(number, aside)
        for again in range(ROUNDS):
            changed = self._catch_up()
            self._say(f"copied {self._copied} keys; {changed} had changed meanwhile")
            if changed <= FEW:
                return
            if again > ROUNDS // 2:
                time.sleep(0.1)
        self._say("the source changes as fast as it is copied: the cut-over will take longer")

    def arrive(self) -> dict[int, tuple[int, int]]:
        """The rest, of a source that does not change any more, compared; keys there and here by database.

        Raises BackupError: nothing has changed.
        """
        self._catch_up()
        for number, aside in self._aside.items():
            self._select(number, aside)
            # What a consumer group has been given and has acknowledged is no change of a key that a server tells.
            for keys in self._keys("TYPE", "stream"):
                self._put(keys)
        found = self._counted()
        self._sample()
        late = self._changes.take()
        if late or late is None:
            raise BackupError("the source is still written to")
        return found

    def settle(self) -> int:
        """Put it in place; how many replicas have it."""
        self._settled = True
        return self._swap()

    def drop(self, connect: Callable[[], Client]) -> None:
        """What has been copied, where it has not been put in place; by a connection on which nothing is under way."""
        if not self._settled:
            self._master.shut()
            with connect() as self._master:
                self._drop_aside()

    def empty(self) -> None:
        """Drop what the stack has, where there is no room for both."""
        self._empty()

    def _catch_up(self) -> int:
        """How many keys had changed."""
        keys = self._changes.take()
        if keys is None:
            self._from_the_start()
            keys = self._changes.take() or set()
        for number in sorted(set(scratch.databases(self._source)) - set(self._aside)):
            self._widen(number)
        for number, aside in self._aside.items():
            self._select(number, aside)
            for some in _batches(keys):
                found = self._put(some)
                if gone := [key for key in some if key not in found]:
                    self._ask("UNLINK", *gone)
        return len(keys)

    def _from_the_start(self) -> None:
        """After FLUSHALL and its like: no key is known to be as it was."""
        self._left -= 1
        if self._left < 0:
            raise BackupError("nothing has changed: the source drops or swaps whole databases again and again")
        for number, aside in self._aside.items():
            self._ask("SELECT", aside)
            self._ask("FLUSHDB", "ASYNC")
            self._pour(number, aside)

    def _widen(self, number: int) -> None:
        """A database that has come into use."""
        taken = {*self._used, *self._aside, *self._aside.values(), *scratch.databases(self._source)}
        free = [one for one in range(self._databases) if one not in taken]
        if not free:
            raise BackupError(f"nothing has changed: the source uses database {number} now, and none is left for it")
        self._aside[number] = free[0]
        self._pour(number, free[0])

    def _counted(self) -> dict[int, tuple[int, int]]:
        """Raises BackupError where they do not fit. A key whose end has come may be there, and be gone here."""
        found = {}
        held = scratch.databases(self._source)
        for number, aside in self._aside.items():
            there = held.get(number, Database(0, 0))
            self._ask("SELECT", aside)
            here = int(self._ask("DBSIZE"))
            if not there.keys - there.expires <= here <= there.keys:
                raise BackupError(
                    f"nothing has changed: database {number} has {there.keys} keys, and {here} have arrived"
                )
            found[number] = (there.keys, here)
        return found

    def _put(self, keys: list[bytes]) -> dict[bytes, int]:
        found = super()._put(keys)
        self._copied += len(found)
        if time.monotonic() - self._told > TELL_S:
            self._told = time.monotonic()
            self._say(f"copied {self._copied} keys")
        return found

    def _select(self, number: int, aside: int) -> None:
        self._source.ask("SELECT", number)
        self._ask("SELECT", aside)


def _batches(keys: Iterable[bytes]) -> Iterator[list[bytes]]:
    listed = list(keys)
    yield from (listed[start : start + AT_ONCE] for start in range(0, len(listed), AT_ONCE))
