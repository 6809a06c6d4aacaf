"""Brings a stack to a snapshot's data, by ordinary commands to its master.

The data goes into databases that the stack does not use; one transaction then puts them in the place of its own. Until
that moment nothing has changed, and a failover in the midst of it ends the restore. Replicas, append-only files and
epochs follow as they do with any other write, so that no older data can win.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from backup import scratch
from backup.content import batches, same_content
from backup.given import BackupError, StoppedError
from backup.redis import Client, Database, RefusedError
from backup.workshop import go_on_to_the_end

AT_ONCE, SEEN_AT_ONCE = 64, 1000
"""Keys: of those that are copied, and of those that are only looked at."""
WAIT_AFTER = 1024**2
"""Bytes after which the replicas are waited for: the buffers that they are fed from are small in small containers."""
MANY_BYTES = 16 << 20
"""Of the values that are fetched at once: one that is larger by itself, and it is none of the sample."""
SLOW_S = 120.0
WAIT_MS = 30_000
DROP_S, AGAIN_S = 60.0, 0.5  # a failover takes its time, and what is aside can be dropped after it
SAMPLE = 200
"""Keys of each database whose content is compared."""


class Restore:
    """From a scratch server to a master."""

    def __init__(self, source: Client, master: Client, databases: int, again: Callable[[], Client]) -> None:
        """`again` makes a connection to the master that there is then."""
        self._source, self._master, self._again = source, master, again
        source.ask("PING", within=SLOW_S)  # one large value may take it many seconds
        if indexes := int(master.info("everything").get("search_number_of_indexes", 0)):
            raise BackupError(
                f"the stack has {indexes} search indexes, which would be gone, and are in no snapshot: drop them by "
                "FT.DROPINDEX (the documents stay), and make them again afterwards"
            )
        wanted, self._used = sorted(scratch.databases(source)), sorted(scratch.databases(master))
        # From the highest on: a client that begins to use another one is likely to take a low one.
        free = [number for number in reversed(range(databases)) if number not in {*self._used, *wanted}]
        if len(free) < len(wanted):
            raise BackupError(f"{len(wanted)} unused databases are needed, {len(free)} of {databases} are")
        self._aside = dict(zip(wanted, free, strict=False))
        self._unsaid = 0  # bytes that no replica has been waited for yet
        self._state, self._sent = "nothing has changed", False
        self._evicted = self._evictions()

    def run(self, empty_first: bool) -> int:
        """Put the data in place; how many replicas have it. Raises BackupError, which says what the stack has then."""
        with self.undone():
            if empty_first:
                self.empty()
            for number, aside in self._aside.items():
                self._copy(number, aside)
            self._sample()
            return self.settle()

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What is aside is dropped, where it does not get into place."""
        try:
            yield
        except BaseException as error:
            if self._sent:
                raise
            self._drop_aside()
            if isinstance(error, BackupError | StoppedError):
                kind = StoppedError if isinstance(error, StoppedError) else BackupError
                raise kind(f"{self._state}: {error}") from None
            raise

    def empty(self) -> None:
        """Drop what the stack has, where there is no room for both."""
        if self._used:
            self._state = "what the stack had has been dropped, and is kept as a snapshot"
        for number in self._used:
            self._ask("SELECT", number)
            self._ask("FLUSHDB", "ASYNC")  # else the master answers nobody until it has freed all
        while int(self._master.info("memory")["lazyfree_pending_objects"]):
            time.sleep(AGAIN_S)

    def _copy(self, number: int, aside: int) -> None:
        lasting, all_of_them = self._pour(number, aside)
        there = int(self._ask("DBSIZE"))
        # A hash whose fields have all come to their end is gone at the master, and at a scratch server it is not.
        ending = scratch.databases(self._source).get(number, Database(0, 0)).subexpiry
        if not lasting - ending <= there <= all_of_them:
            raise BackupError(f"{there} keys have arrived of {all_of_them}")

    def _pour(self, number: int, aside: int) -> tuple[int, int]:
        """All keys of a database; how many have no end, and how many there are."""
        self._source.ask("SELECT", number)
        self._ask("SELECT", aside)
        lasting = all_of_them = 0
        for keys in self._keys():
            found = self._put(keys)
            lasting += sum(end == 0 for end in found.values())
            all_of_them += len(found)
        return lasting, all_of_them

    def _put(self, keys: list[bytes]) -> dict[bytes, int]:
        """Some keys of the databases that are selected; each one's end, or 0.

        What has come to its end since the snapshot is not there any more.
        """
        all_of_them = {}
        for some in batches(self._sizes(keys), MANY_BYTES):
            ends = self._source.ask_all([("PEXPIRETIME", key) for key in some])
            values = self._source.ask_all([("DUMP", key) for key in some])
            found = [(key, max(0, end), value) for key, end, value in zip(some, ends, values, strict=True) if value]
            self._master.ask_all(
                [("RESTORE", key, end, value, "REPLACE", *(["ABSTTL"] if end else [])) for key, end, value in found]
            )
            self._unsaid += sum(len(value) for _, _, value in found)
            if self._unsaid > WAIT_AFTER:
                self._wait()
                self._unsaid = 0
            all_of_them.update({key: end for key, end, _ in found})
        return all_of_them

    def _sizes(self, keys: list[bytes]) -> list[tuple[bytes, int]]:
        """Bytes of each value, about; 0 where the source does not tell."""
        sizes = self._source.answers([("MEMORY", "USAGE", key) for key in keys])
        return [(key, size if isinstance(size, int) else 0) for key, size in zip(keys, sizes, strict=True)]

    def _keys(self, *which: str) -> Iterator[list[bytes]]:
        cursor: Any = b"0"
        while True:
            cursor, keys = self._source.ask("SCAN", cursor, "COUNT", SEEN_AT_ONCE if which else AT_ONCE, *which)
            if keys:
                yield keys
            if cursor == b"0":
                return

    def _sample(self) -> None:
        """The content of some keys, whatever their encoding."""
        for number, aside in self._aside.items():
            self._source.ask("SELECT", number)
            self._ask("SELECT", aside)
            keys = sorted({key for key in self._source.ask_all([("RANDOMKEY",)] * SAMPLE) if key is not None})
            ends = self._source.ask_all([("PEXPIRETIME", key) for key in keys])
            lasting = [key for key, end in zip(keys, ends, strict=True) if end == -1]
            for some in batches([one for one in self._sizes(lasting) if one[1] <= MANY_BYTES], MANY_BYTES):
                kinds = self._source.ask_all([("TYPE", key) for key in some])
                same_content(self._source, self._master, list(zip(some, kinds, strict=True)))

    def settle(self) -> int:
        """Put it in place; how many replicas have it. Raises BackupError."""
        libraries = self._source.ask("FUNCTION", "DUMP")
        if self._evictions() != self._evicted:
            raise BackupError("the stack has evicted keys meanwhile: maxMemory is too small")
        commands: list[tuple[Any, ...]] = [("MULTI",)]
        for number in self._used:
            if number not in self._aside:
                commands += [("SELECT", number), ("FLUSHDB", "ASYNC")]
        for number, aside in self._aside.items():
            # What was there is aside then.
            commands += [("SWAPDB", number, aside), ("SELECT", aside), ("FLUSHDB", "ASYNC")]
        commands += [("FUNCTION", "RESTORE", libraries, "FLUSH"), ("EXEC",)]
        go_on_to_the_end()  # what comes now is one step
        self._sent = True  # and if it is not answered, it may still be done: what is aside must stay for it
        try:
            answers = self._master.answers(commands)
        except BackupError as error:
            raise BackupError(f"it is not known whether the data has been put in place: {error}; do it again") from None
        if refused := [one for one in answers if isinstance(one, RefusedError)]:
            self._sent = False
            raise refused[0]
        inside = [one for one in answers[-1] or [] if isinstance(one, RefusedError)]
        if answers[-1] is None or inside:
            raise BackupError(f"the data is in place, but not all: {inside}; do it again")
        try:
            return self._wait()
        except BackupError as error:
            raise BackupError(f"the data is in place, but it is not known whether a replica has it: {error}") from None

    def _drop_aside(self) -> None:
        """By a connection on which nothing is under way, to whoever is master then."""
        self._master.shut()
        deadline = time.monotonic() + DROP_S
        while True:
            try:
                with self._again() as master:
                    for aside in self._aside.values():
                        master.ask("SELECT", aside)
                        master.ask("FLUSHDB", "ASYNC")
                return
            except BackupError:
                if time.monotonic() > deadline:
                    left = ", ".join(map(str, sorted(self._aside.values())))
                    self._state += f", but what was copied is still in the stack's databases {left}"
                    return
            time.sleep(AGAIN_S)

    def _evictions(self) -> str:
        return self._master.info("stats").get("evicted_keys", "")

    def _wait(self) -> int:
        """How many replicas have all that was sent."""
        count = int(self._master.info("replication").get("connected_slaves", 0))
        return int(self._ask("WAIT", count, WAIT_MS)) if count else 0

    def _ask(self, *words: Any) -> Any:
        return self._master.ask(*words, within=SLOW_S)
