"""A server of this container alone that follows the source, as any replica does."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from backup import scratch
from backup.given import BackupError
from backup.live.relay import Relay
from backup.live.source import Source
from backup.redis import Client, RefusedError, local

STALLED_S = 60.0
STEP_S = 0.1
TELL_S = 2.0
IN_STEP_S = 60.0
# Without PSYNC it is not known how far it has followed.
_NOT_ALLOWED = re.compile(
    r"(?:aborted replication with an error: |reply to PSYNC from master: -|in error state \(reply: -)"
    r"(NOPERM.*|ERR unknown command.*)"
)
_UNREADABLE = re.compile(r"(Can't handle RDB format version.*|Unable to AUTH to MASTER:.*)")


class NotAllowedError(BackupError):
    """The source lets this user not be a replica."""


class Replica:
    """`client`: a connection to it. Reads of it cost the source nothing."""

    def __init__(self, client: Client, folder: Path, relay: Relay) -> None:
        self.client = client
        self._folder, self._relay = folder, relay

    def connect(self) -> Client:
        """Another connection."""
        return local(self._folder / scratch.DOOR)

    def follow(self, source: Source, say: Callable[[str], None]) -> None:
        """Returns when it has all that the source had. Raises NotAllowedError, BackupError."""
        ask = self.client.ask
        ask("CONFIG", "SET", "masteruser", source.user, "masterauth", source.password)
        ask("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0", "replica-priority", 0)
        ask("REPLICAOF", "127.0.0.1", self._relay.port)
        moved = told = time.monotonic()
        seen: tuple[object, ...] = ()
        while True:
            now = self._status()
            log = (self._folder / scratch.LOG).read_text(errors="replace")
            if found := _NOT_ALLOWED.search(log):
                raise NotAllowedError(found[1].strip())
            if found := _UNREADABLE.search(log):
                raise BackupError(f"the source's data cannot be had: {found[1].strip()}")
            if now["master_link_status"] == "up":
                break
            state = (self._relay.received, now.get("master_sync_in_progress"), now["loading"], now["loaded"])
            if state != seen:
                seen, moved = state, time.monotonic()
            if time.monotonic() - moved > STALLED_S:
                raise BackupError(f"the source's data has not got on for {STALLED_S:g} s: {log.splitlines()[-1]}")
            if time.monotonic() - told > TELL_S:
                told = time.monotonic()
                say(f"copying from the source: {self._relay.received / 1e6:.1f} MB received")
            time.sleep(STEP_S)
        say(f"in step with the source: {self._relay.received / 1e6:.1f} MB received")

    def reach(self, stream: str, offset: int) -> int:
        """Wait until it has that much of the source's stream; how many bytes it lacked. Raises BackupError.

        `stream`: the id of it, which is another one after the source's next start.
        """
        deadline = time.monotonic() + IN_STEP_S
        lacked = 0
        while True:
            now = self._status()
            if (now["master_link_status"], now["master_replid"]) != ("up", stream):
                raise BackupError("the link to the source is down")
            lacks = offset - int(now["slave_repl_offset"])
            lacked = max(lacked, lacks)
            if lacks <= 0:
                return lacked
            if time.monotonic() > deadline:
                raise BackupError(f"the source is still ahead after {IN_STEP_S:g} s")
            time.sleep(0.005)

    def _status(self) -> dict[str, str]:
        info = self.client.info()
        return {**info, "loaded": info.get("loading_loaded_bytes", "")}


@contextmanager
def started(folder: Path, databases: int, relay: Relay) -> Iterator[Replica]:
    """One without any data, that follows nobody yet; `folder` is its own."""
    folder.mkdir()
    with scratch.loaded(folder / "dump.rdb", databases) as client:
        yield Replica(client, folder, relay)


def try_a_key(client: Client, source: Client, databases: frozenset[int]) -> None:
    """Raises BackupError where the format of the source's keys is none for a server that follows nobody yet.

    Nothing is tried where the source does not give one away.
    """
    source.ask("SELECT", min(databases))
    try:
        key = source.ask("RANDOMKEY")
        content = source.ask("DUMP", key) if key is not None else None
    except RefusedError:
        return
    if content is None:
        return
    client.ask("CONFIG", "SET", "replica-read-only", "no")
    try:
        client.ask("RESTORE", key, 0, content)
    except RefusedError as error:
        raise BackupError(f"the stack cannot read the source's data: {error}") from None
    client.ask("FLUSHALL")
    client.ask("CONFIG", "SET", "replica-read-only", "yes")
