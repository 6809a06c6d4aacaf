"""import [check] [replace] [empty-first] [no-pause] [hold=SECONDS]: live from a running source into the stack."""

import shutil
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from backup import scratch
from backup.given import DATA, BackupError, Given
from backup.live import pause, replica, source
from backup.live.changes import Changes
from backup.live.move import Move
from backup.live.pause import Pause
from backup.live.relay import Relay
from backup.live.replica import NotAllowedError, Replica
from backup.live.source import Facts, Source
from backup.redis import Client
from backup.repository import Repository
from backup.target import check_room, connect, current, master_of
from backup.workshop import say, workshop

OPTIONS = {"check", "replace", "empty-first", "no-pause"}
HOLD_S = 300
SPARE_BYTES = 64 * 1024**2
_REPLACE = "REPLACE=1 keeps them as a snapshot and puts the source's in their place"
LIMIT = Path("/sys/fs/cgroup/memory.max")


class Import:
    """One run of it: `go` does it, or raises BackupError, which says what the stack has then."""

    def __init__(self, given: Given, options: set[str], hold: int, folder: Path) -> None:
        self._given, self._options, self._hold, self._folder = given, options, hold, folder
        self._source: Source = source.read(folder)

    def go(self) -> None:
        """All that can be refused is, before anything is touched."""
        given = self._given
        with self._source.connect() as control:
            facts = source.look(control)
            say(f"source {self._source.name}: {facts}")
            source.refuse_unfit(facts, given.databases)
            if "no-pause" not in self._options:
                pause.check(control)
            place = master_of(given)
            with connect(given, place) as master:
                lost = self._held(master)
                self._refuse(facts, master, lost, place.name)
            with (
                Relay(self._source) as relay,
                replica.started(self._folder / "replica", given.databases, relay) as follower,
            ):
                replica.try_a_key(follower.client, control, facts.databases)
                if "check" in self._options:
                    say(f"it can be imported; lost would be: all {lost} keys that {given.stack} has now")
                    return
                follows = self._follow(follower, facts)
                # That took its time: another node may be master now, and hold more.
                with current(given) as master:
                    lost = self._held(master)
                if lost or (self._replaces and scratch.libraries(master)):
                    say(f"lost will be: all {lost} keys that {given.stack} has now, and what is written meanwhile")
                    safe = Repository(given).keep_first(self._folder / "before")
                    say(f"what is there now is kept as snapshot {safe}")
                reader = follower.client if follows else self._source.connect(relay.port)
                door = follower.connect if follows else lambda: self._source.connect(relay.port)
                with current(given) as master, Changes(door) as changes:
                    move = Move(reader, master, given.databases, partial(current, given), changes, say)
                    with move.undone():
                        self._move(move, follower if follows else None)

    def _held(self, master: Client) -> int:
        """The keys that the stack has. Raises BackupError where they are not to be replaced."""
        found = scratch.databases(master)
        lost = sum(one.keys for one in found.values())
        if lost and not self._replaces:
            raise BackupError(
                f"the stack holds {lost} keys: {_REPLACE}; databases: {', '.join(map(str, sorted(found)))}"
            )
        if not self._replaces and scratch.libraries(master):
            raise BackupError(f"the stack has functions: {_REPLACE}")
        return lost

    def _refuse(self, facts: Facts, master: Client, lost: int, node: str) -> None:
        """Raises BackupError where the stack has no room."""
        if facts.run == master.info("server")["run_id"]:
            raise BackupError("the source is the stack itself")
        check_room(master, facts.memory, "empty-first" in self._options)
        # A snapshot of what is there is loaded, too, beside the source's data.
        own = int(master.info("memory")["used_memory_dataset"]) if lost else 0
        limit, free = _limit(), shutil.disk_usage(DATA).free
        if limit and facts.memory + own + SPARE_BYTES > limit:
            raise BackupError(
                f"the data needs {facts.memory + own} bytes of memory here, the container of the backup has {limit}"
            )
        if facts.memory + own > free:
            raise BackupError(f"the data needs {facts.memory + own} bytes of disk, {free} are free")
        say(f"target {self._given.stack}: master {node}, {lost} keys; it fits")

    def _follow(self, follower: Replica, facts: Facts) -> bool:
        """Whether the source lets it follow."""
        try:
            follower.follow(self._source, say)
        except NotAllowedError as error:
            if facts.major < 7:
                raise BackupError(
                    f"the source allows no replication ({error}), and key by key it goes from Redis 7.0 on"
                ) from None
            say(f"the source allows no replication ({error}): its keys are read one by one")
            follower.client.ask("REPLICAOF", "127.0.0.1", 1)
            return False
        return True

    def _move(self, move: Move, follower: Replica | None) -> None:
        if "empty-first" in self._options:
            move.empty()
        try:
            move.approach()
        except BackupError:
            self._refuse_replica()
            raise
        began = time.monotonic()
        pausing = Pause(self._source, self._hold) if "no-pause" not in self._options else nullcontext()
        # A connection of its own: one that has been idle since the beginning may have been ended.
        with self._source.connect() as control, pausing as paused:
            say(f"behind the source: {_reached(control, follower)} bytes")
            found = move.arrive()
            if paused:
                paused.renew()
            # All that the source has done until now is here: what has been written meanwhile would be seen.
            _reached(control, follower)
            move.unchanged()
            if not self._replaces:
                move.alone()
            replicas = move.settle()
            took = time.monotonic() - began
        for number, (there, here) in sorted(found.items()):
            say(f"database {number}: {there} keys there, {here} here, a sample of them compared")
        of = len(self._given.nodes) - 1
        say(f"imported, on {replicas} of {of} replicas too; the cut-over took {took * 1000:.0f} ms")
        if paused and self._hold:
            say(
                f"the source takes no writes for {self._hold} s more: CLIENT UNPAUSE there ends it"
                if paused.held
                else "the source does not answer any more: whether it still holds writes back is not known"
            )

    def _refuse_replica(self) -> None:
        """Raises BackupError where the source has become one: what follows it here copies anew then, and fails so."""
        try:
            control = self._source.connect()
        except BackupError:
            return
        with control:
            _reached(control, None)

    @property
    def _replaces(self) -> bool:
        return bool(self._options & {"replace", "empty-first"})


def _reached(control: Client, follower: Replica | None) -> int:
    """Wait until all is here that the source has done; how many bytes it was ahead. Raises BackupError."""
    info = control.info("replication")
    if info["role"] != "master":
        raise BackupError("the source has become a replica: its master takes writes that cannot be paused here")
    if not follower:
        return 0
    return follower.reach(info["master_replid"], int(info["master_repl_offset"]))


def _limit() -> int:
    """Of this container's memory; 0 where there is none."""
    try:
        text = LIMIT.read_text().strip()
    except OSError:
        return 0
    return int(text) if text.isdigit() else 0


def asked(words: list[str]) -> tuple[set[str], int] | None:
    """The options and the seconds of `hold`; None where they are none."""
    holds = [word.removeprefix("hold=") for word in words if word.startswith("hold=")]
    options = {word for word in words if not word.startswith("hold=")}
    if not options <= OPTIONS or len(holds) > 1 or not all(hold.isdigit() for hold in holds):
        return None
    return options, int(holds[0]) if holds else HOLD_S


def run(given: Given, options: set[str], hold: int) -> int:
    """The exit code. Raises BackupError."""
    with workshop() as folder:
        Import(given, options, hold, folder).go()
    return 0
