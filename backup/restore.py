"""Brings a stack to a snapshot's data, by ordinary commands to its master.

The data goes into databases that the stack does not use; one transaction then puts them in the place of its own. Until
that moment nothing has changed, and a failover in the midst of it ends the restore. Replicas, append-only files and
epochs follow as they do with any other write, so that no older data can win.
"""

from collections.abc import Iterator
from typing import Any

from backup import scratch
from backup.given import BackupError, Given, Place
from backup.redis import Client, RefusedError, Word, at
from backup.snapshot import look

USER = "restore"
AT_ONCE, SEEN_AT_ONCE = 64, 1000
"""Keys: of those that are copied, and of those that are only looked at."""
WAIT_AFTER = 1024**2
"""Bytes after which the replicas are waited for: the buffers that they are fed from are small in small containers."""
SLOW_S = 120.0
WAIT_MS = 30_000
SAMPLE, READ_AT_ONCE, READ_BYTES = 200, 20, 1 << 18
READ: dict[bytes, tuple[str, ...]] = {
    b"string": ("GET",),
    b"list": ("LRANGE", "0", "-1"),
    b"set": ("SMEMBERS",),
    b"hash": ("HGETALL",),
    b"zset": ("ZRANGE", "0", "-1", "WITHSCORES"),
    b"stream": ("XRANGE", "-", "+"),
}


def master_of(given: Given) -> Place:
    """Raises BackupError unless exactly one node is master."""
    found, silent = [], []
    for place in given.nodes:
        try:
            if look(place, given, USER).role == "master":
                found.append(place)
        except BackupError as error:
            silent.append(str(error))
    if len(found) != 1:
        raise BackupError(f"{len(found)} nodes are master, one must be {'; '.join(silent)}".rstrip())
    return found[0]


def check_room(master: Client, memory: int, empty_first: bool) -> None:
    """Raises BackupError where the data does not fit: beside the present one, or in its place."""
    info = master.info("memory")
    limit, there = int(info["maxmemory"]), 0 if empty_first else int(info["used_memory"])
    if limit and there + memory > limit:
        raise BackupError(
            f"the data needs {memory} bytes beside the present {there}, and the limit is {limit}"
            + "; EMPTY_FIRST=1 drops the present data first, and is then not one step" * (not empty_first)
        )


class Restore:
    """From a scratch server to a master."""

    def __init__(self, source: Client, master: Client, databases: int) -> None:
        self._source, self._master = source, master
        wanted, used = sorted(scratch.databases(source)), sorted(scratch.databases(master))
        free = [number for number in range(databases) if number not in used and number not in wanted]
        self._used = used
        if len(free) < len(wanted):
            raise BackupError(f"{len(wanted)} unused databases are needed, {len(free)} of {databases} are")
        self._aside = dict(zip(wanted, free, strict=False))
        self._unsaid = 0  # bytes that no replica has been waited for yet

    def run(self, empty_first: bool) -> int:
        """Put the data in place; how many replicas have it. Raises BackupError: then nothing has changed."""
        if empty_first:
            self._empty()
        try:
            for number, aside in self._aside.items():
                self._copy(number, aside)
            self._sample()
        except BackupError:
            self._drop_aside()
            raise
        return self._swap()

    def _empty(self) -> None:
        for number in self._used:
            self._ask("SELECT", number)
            self._ask("FLUSHDB")

    def _copy(self, number: int, aside: int) -> None:
        lasting, all_of_them = self._pour(number, aside)
        there = int(self._ask("DBSIZE"))
        if not lasting <= there <= all_of_them:
            raise BackupError(f"nothing has changed: {there} keys have arrived of {all_of_them}")

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
        ends = self._source.ask_all([("PEXPIRETIME", key) for key in keys])
        values = self._source.ask_all([("DUMP", key) for key in keys])
        found = [(key, max(0, end), value) for key, end, value in zip(keys, ends, values, strict=True) if value]
        words = [("RESTORE", key, end, value, "REPLACE", *(["ABSTTL"] if end else [])) for key, end, value in found]
        for answer in self._master.ask_all(words):
            if isinstance(answer, RefusedError):
                raise BackupError(f"nothing has changed: {answer}")
        self._unsaid += sum(len(value) for _, _, value in found)
        if self._unsaid > WAIT_AFTER:
            self._wait()
            self._unsaid = 0
        return {key: end for key, end, _ in found}

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
            kinds = self._source.ask_all([("TYPE", key) for key in keys])
            lasting = [(key, kind) for key, end, kind in zip(keys, ends, kinds, strict=True) if end == -1]
            for start in range(0, len(lasting), READ_AT_ONCE):
                self._same(lasting[start : start + READ_AT_ONCE])

    def _same(self, keys: list[tuple[bytes, bytes]]) -> None:
        """Raises BackupError unless these keys, each with its type, have the same content."""
        reads: list[tuple[Word, ...]] = [
            (name, key, *rest) for key, kind in keys for name, *rest in [READ.get(kind, ("DUMP",))]
        ]
        there = self._source.ask_all(reads)
        here: list[Any] = []
        while len(here) < len(there):  # no more at once than a node with small limits bears
            end, size = len(here) + 1, _size(there[len(here)])
            while end < len(there) and size + _size(there[end]) <= READ_BYTES:
                size += _size(there[end])
                end += 1
            here += self._master.ask_all(reads[len(here) : end])
        for (key, kind), one, other in zip(keys, there, here, strict=True):
            if isinstance(other, RefusedError) or _plain(kind, one) != _plain(kind, other):
                raise BackupError(f"nothing has changed: {key!r} has not arrived as it was")

    def _swap(self) -> int:
        libraries = self._source.ask("FUNCTION", "DUMP")
        commands: list[tuple[Any, ...]] = [("MULTI",)]
        for number in self._used:
            if number not in self._aside:
                commands += [("SELECT", number), ("FLUSHDB", "ASYNC")]
        for number, aside in self._aside.items():
            # What was there is aside then.
            commands += [("SWAPDB", number, aside), ("SELECT", aside), ("FLUSHDB", "ASYNC")]
        commands += [("FUNCTION", "RESTORE", libraries, "FLUSH"), ("EXEC",)]
        try:
            answers = self._master.ask_all(commands)
        except BackupError as error:
            raise BackupError(
                f"it is not known whether the data has been put in place: {error}; restore again"
            ) from None
        refused = next((one for one in answers if isinstance(one, RefusedError)), None)
        if refused is not None:
            self._drop_aside()
            raise BackupError(f"nothing has changed: {refused}")
        inside = [one for one in answers[-1] or [] if isinstance(one, RefusedError)]
        if answers[-1] is None or inside:
            raise BackupError(f"the data is in place, but not all: {inside}; restore again")
        return self._wait()

    def _drop_aside(self) -> None:
        try:
            for aside in self._aside.values():
                self._ask("SELECT", aside)
                self._ask("FLUSHDB", "ASYNC")
        except BackupError:
            pass  # gone, or no master any more: the next restore drops it

    def _wait(self) -> int:
        """How many replicas have all that was sent."""
        count = int(self._master.info("replication").get("connected_slaves", 0))
        return int(self._ask("WAIT", count, WAIT_MS)) if count else 0

    def _ask(self, *words: Any) -> Any:
        return self._master.ask(*words, within=SLOW_S)


def connect(given: Given, place: Place) -> Client:
    """To the master. Raises BackupError."""
    return at(place, given, USER)


def _size(content: Any) -> int:
    """Bytes of an answer, about."""
    if isinstance(content, list):
        return sum(map(_size, content))
    return len(content) if isinstance(content, bytes) else 8


def _plain(kind: bytes, content: Any) -> Any:
    """In an order that does not depend on the server."""
    if kind == b"set":
        return sorted(content)
    if kind == b"hash":
        return sorted(zip(content[::2], content[1::2], strict=True))
    return content
