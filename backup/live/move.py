"""The data of a server that is written to, key by key into the stack's master, and what has changed again and again.

It goes where a restore has it go: into databases that the stack does not use, and at the end, in one transaction, into
the place of its own.
"""

import time
from collections.abc import Callable

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
        self,
        source: Client,
        master: Client,
        databases: int,
        again: Callable[[], Client],
        changes: Changes,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(source, master, databases, again)
        source.ask("FUNCTION", "DUMP")  # where that is not allowed, it had better be known now
        self._databases, self._changes, self._say = databases, changes, say
        self._copied, self._told = 0, time.monotonic()
        self._left = FROM_THE_START

    def approach(self) -> None:
        """All keys, then what has changed meanwhile, until that is little. Raises BackupError."""
        for number, aside in self._aside.items():
            self._pour(number, aside)
        for again in range(ROUNDS):
            changed = len(self._catch_up())
            self._say(f"copied {self._copied} keys; {changed} had changed meanwhile")
            if changed <= FEW:
                return
            if again > ROUNDS // 2:
                time.sleep(0.1)
        self._say("the source changes as fast as it is copied: the cut-over will take longer")

    def arrive(self) -> dict[int, tuple[int, int]]:
        """The rest, of a source that does not change any more, compared; keys there and here by database.

        Raises BackupError.
        """
        self._catch_up()
        for number, aside in self._aside.items():
            self._select(number, aside)
            # What a consumer group has been given and has acknowledged is no change of a key that a server tells.
            for keys in self._keys("TYPE", "stream"):
                self._put(keys)
        found = self._counted()
        self._sample()
        return found

    def unchanged(self) -> None:
        """Raises BackupError where the source has been written to since. Keys whose end has come go here, too."""
        if any(self._catch_up(anew=False).values()):
            raise BackupError("the source is still written to")

    def alone(self) -> None:
        """Raises BackupError where the stack holds more than has been copied."""
        if scratch.libraries(self._master):
            raise BackupError("the stack has got functions meanwhile: REPLACE=1 drops those")
        if own := set(scratch.databases(self._master)) - set(self._aside.values()):
            raise BackupError(f"the stack has been written to meanwhile, in database {min(own)}: REPLACE=1 drops that")

    def _catch_up(self, anew: bool = True) -> dict[bytes, bool]:
        """The keys that had changed, and whether there still are such; `anew`: all are copied anew where need be."""
        keys = self._changes.take()
        if keys is None and anew:
            self._from_the_start()
            keys = self._changes.take()
        if keys is None:
            raise BackupError("the source drops or swaps whole databases")
        for number in sorted(set(scratch.databases(self._source)) - set(self._aside)):
            self._widen(number)
        changed, listed = dict.fromkeys(keys, False), list(keys)
        for number, aside in self._aside.items():
            self._select(number, aside)
            for start in range(0, len(listed), AT_ONCE):
                some = listed[start : start + AT_ONCE]
                found = self._put(some)
                changed.update(dict.fromkeys(found, True))
                if gone := [key for key in some if key not in found]:
                    self._ask("UNLINK", *gone)
        return changed

    def _from_the_start(self) -> None:
        """After FLUSHALL and its like: no key is known to be as it was."""
        self._left -= 1
        if self._left < 0:
            raise BackupError("the source drops or swaps whole databases again and again")
        for number, aside in self._aside.items():
            self._ask("SELECT", aside)
            self._ask("FLUSHDB", "ASYNC")
            self._pour(number, aside)

    def _widen(self, number: int) -> None:
        """A database that has come into use."""
        taken = {*self._used, *self._aside, *self._aside.values(), *scratch.databases(self._source)}
        free = [one for one in range(self._databases) if one not in taken]
        if not free:
            raise BackupError(f"the source uses database {number} now, and none is left for it")
        self._aside[number] = free[-1]
        self._pour(number, free[-1])

    def _counted(self) -> dict[int, tuple[int, int]]:
        """Raises BackupError where they do not fit. Of those that have an end some may be gone, here or there."""
        found = {}
        held, arrived = scratch.databases(self._source), scratch.databases(self._master)
        for number, aside in self._aside.items():
            there, here = held.get(number, Database(0, 0)), arrived.get(aside, Database(0, 0))
            if there.lasting != here.lasting:
                raise BackupError(
                    f"database {number} has {there.lasting} keys without an end, and {here.lasting} have arrived"
                )
            found[number] = (there.keys, here.keys)
        return found

    def _put(self, keys: list[bytes]) -> dict[bytes, int]:
        found = super()._put(keys)
        self._copied += len(found)
        if time.monotonic() - self._told > TELL_S:
            self._told = time.monotonic()
            self._say(f"copied {self._copied} keys")
            self._changes.stay()
        return found

    def _select(self, number: int, aside: int) -> None:
        self._source.ask("SELECT", number)
        self._ask("SELECT", aside)
