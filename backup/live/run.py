"""import [check] [replace] [empty-first] [no-pause] [hold=SECONDS]: live from a running source into the stack."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
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
from backup.restore import check_room, connect, master_of
from backup.workshop import say, workshop

OPTIONS = {"check", "replace", "empty-first", "no-pause"}
HOLD_S = 300
SPARE_BYTES = 64 * 1024**2
RUNNING = DATA / "import.pid"
LIMIT = Path("/sys/fs/cgroup/memory.max")


class Import:
    """One run of it: `go` does it, or raises BackupError; the stack then has what it had."""

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
            with connect(given, place) as master, Relay(self._source) as relay:
                lost = scratch.count(master)
                self._refuse_full(facts, master, lost, place.name)
                with replica.started(self._folder / "replica", given.databases, relay) as follower:
                    replica.try_a_key(follower.client, control, facts.databases)
                    if "check" in self._options:
                        say(f"it can be imported; lost would be: all {lost} keys that {given.stack} has now")
                        return
                    follows = self._follow(follower, facts)
                    if lost:
                        say(f"lost will be: all {lost} keys that {given.stack} has now, and what is written meanwhile")
                        safe = Repository(given).keep_first(self._folder / "before")
                        say(f"what is there now is kept as snapshot {safe}")
                    reader = follower.client if follows else self._source.connect(relay.port)
                    door = follower.connect if follows else lambda: self._source.connect(relay.port)
                    with Changes(door) as changes:
                        move = Move(reader, master, given.databases, changes, say)
                        with self._undone(move):
                            self._move(move, control, follower if follows else None)

    @contextmanager
    def _undone(self, move: Move) -> Iterator[None]:
        """What is aside goes, where it does not get into place."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(BackupError):
                move.drop(lambda: connect(self._given, master_of(self._given)))
            raise

    def _refuse_full(self, facts: Facts, master: Client, lost: int, node: str) -> None:
        """Raises BackupError where the stack holds data, or has no room."""
        told = self._options & {"replace", "empty-first"}
        if lost and not told:
            raise BackupError(
                f"the stack holds {lost} keys: REPLACE=1 keeps them as a snapshot and puts the source's in their place"
            )
        check_room(master, facts.memory, "empty-first" in self._options)
        limit, free = _limit(), shutil.disk_usage(DATA).free
        if limit and facts.memory + SPARE_BYTES > limit:
            raise BackupError(
                f"the data needs {facts.memory} bytes of memory here, the container of the backup has {limit}"
            )
        if facts.memory > free:
            raise BackupError(f"the data needs {facts.memory} bytes of disk, {free} are free")
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

    def _move(self, move: Move, control: Client, follower: Replica | None) -> None:
        if "empty-first" in self._options:
            move.empty()
        move.approach()
        if follower:
            behind = int(control.info("replication")["master_repl_offset"]) - follower.offset()
            say(f"behind the source: {max(0, behind)} bytes")
        began = time.monotonic()
        with Pause(self._source, self._hold) if "no-pause" not in self._options else nullcontext() as paused:
            if follower:
                follower.reach(int(control.info("replication")["master_repl_offset"]))
            found = move.arrive()
            if follower:
                follower.offset()  # it has followed all the time
            if paused:
                paused.check()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what comes now is one step
            replicas = move.settle()
            took = time.monotonic() - began
        for number, (there, here) in sorted(found.items()):
            say(f"database {number}: {there} keys there, {here} here, a sample of them compared")
        say(f"imported, on {replicas} replicas too; the cut-over took {took * 1000:.0f} ms")
        if paused and self._hold:
            say(f"the source takes no writes for {self._hold} s more: CLIENT UNPAUSE there ends it")


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


def _stopped(*_: object) -> None:
    raise BackupError("stopped: nothing has changed")


def run(given: Given, options: set[str], hold: int) -> int:
    """The exit code. Raises BackupError."""
    with workshop() as folder:
        RUNNING.write_text(str(os.getpid()))
        signal.signal(signal.SIGTERM, _stopped)
        try:
            Import(given, options, hold, folder).go()
        finally:
            RUNNING.unlink(missing_ok=True)
    return 0


def stop() -> int:
    """Ends an import that runs, unless it is in its last step."""
    try:
        os.kill(int(RUNNING.read_text()), signal.SIGTERM)
    except (OSError, ValueError):
        say("no import runs")
    return 0
