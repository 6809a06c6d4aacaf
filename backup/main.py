"""What runs in the backup's container.

    redis-ha-backup serve | now | list | last | health
    redis-ha-backup restore FROM [any-stack] [check] [empty-first]
    redis-ha-backup restore-at SECOND SENT [check] [empty-first]
    redis-ha-backup import [check] [replace] [empty-first] [no-pause] [hold=SECONDS]
    redis-ha-backup stop now|restore|restore-at|import [RUN]

`serve` is process 1: a backup by schedule, beginning at once where none is recent enough. FROM is a snapshot's id,
`latest`, or a snapshot file that was sent into the volume, and SENT an append-only file: /data/incoming-*, which is
used up. The source of an import stands in the environment: live/source.py; there RUN is what `stop` knows one by.
"""

import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from backup import scratch
from backup.given import DATA, BackupError, Given, StoppedError, read
from backup.live import run as live
from backup.log import cut, manifest_of
from backup.redis import Client
from backup.repository import Kept, Repository
from backup.restore import Restore
from backup.scratch import Contents
from backup.snapshot import take
from backup.target import check_room, connect, current, master_of
from backup.workshop import INCOMING, say, stop, workshop

STATE = DATA / "state.json"
AGAIN_S = 300.0
"""After a backup that has failed, unless the schedule is closer."""
OPTIONS = {"any-stack", "check", "empty-first"}
USAGE = 64


def told() -> dict[str, Any]:
    """What the last attempts have come to; empty before the first."""
    try:
        found: dict[str, Any] = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}
    return found


def note(**news: object) -> None:
    """Written aside and moved into place: a reader never finds half of it."""
    aside = STATE.with_suffix(".new")
    aside.write_text(json.dumps({**told(), **news}))
    aside.replace(STATE)


def back_up(given: Given) -> str:
    """Take, check and keep a snapshot; its id. Raises BackupError, and remembers either."""
    began = time.time()
    try:
        with workshop() as folder:
            snapshot = take(given, folder)
            repository = Repository(given)
            name = repository.keep(snapshot)
            note(at=began, id=name, keys=snapshot.contents.keys)
            repository.forget()
    except (BackupError, OSError) as error:
        why = str(error)
        with suppress(OSError):  # the volume may be full
            note(failed=began, why=why)
        raise BackupError(why) from error
    note(failed=None, why=None)
    say(f"snapshot {name}: {snapshot.contents.keys} keys from {snapshot.node}, {time.time() - began:.1f} s")
    return name


def due(state: Mapping[str, Any], every: float, now: float) -> float:
    """Seconds until the next backup. A time that is to come was noted by a clock that has been put right since."""
    at, failed = (seen if (seen := float(state.get(name) or 0)) <= now else 0.0 for name in ("at", "failed"))
    return max(at + every, failed + AGAIN_S if failed else 0.0) - now


def serve(given: Given) -> int:
    """Until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    place = re.sub(r"//[^/@]*@", "//", given.repository)  # without a password
    with suppress(OSError):  # a full disk is told by the backup that fails
        if told().get("repository", place) != place:
            note(at=0)  # what is kept elsewhere is none here
        note(every=given.every, repository=place)  # whoever looks knows by it how old the last one may be
    while True:
        if (wait := due(told(), given.every, time.time())) > 0:
            time.sleep(min(5.0, wait))
            continue
        try:
            back_up(given)
        except BackupError as error:
            say(f"no backup: {error}")
            time.sleep(5.0)  # on a full disk it may not have been noted that it has just failed


def restore(given: Given, name: str, options: set[str], at: int | None) -> int:
    """Everything is checked before anything is touched."""
    repository = Repository(given)
    opened = partial(_opened, given, repository, name, "any-stack" in options, at)
    with workshop() as folder, opened(folder) as (of, found, source):
        place = master_of(given)
        with connect(given, place) as master:
            work = Restore(source, master, given.databases, partial(current, given))
            check_room(master, found.memory, "empty-first" in options)
            lost = scratch.count(master)
            say(f"{of}: {found.keys} keys")
            say(f"lost will be: all {lost} keys that {given.stack} has now, and what is written until it is done")
            if "check" in options:
                return 0
            if lost or scratch.libraries(master):
                safe = repository.keep_first(folder / "before")
                say(f"what is there now is kept as snapshot {safe}")
            replicas = work.run("empty-first" in options)
    say(f"restored: {found.keys} keys, on {place.name} and {replicas} of {len(given.nodes) - 1} replicas")
    return 0


@contextmanager
def _opened(
    given: Given, repository: Repository, name: str, any_stack: bool, at: int | None, folder: Path
) -> Iterator[tuple[str, Contents, Client]]:
    """What is to be restored, in words and figures, and a server that has loaded it. Raises BackupError."""
    if at is not None:
        log = folder / "appendonlydir"
        shutil.move(_sent(name), log)
        cut(log, at)
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
        with scratch.replayed(manifest_of(log), given.databases) as source:
            yield f"the append-only file, with all of {until}", scratch.contents(source), source
        return
    path = folder / "restored.rdb"
    kept = _brought(repository, name, any_stack, path)
    wrote = scratch.check_head(path)
    with scratch.loaded(path, given.databases) as source:
        found = scratch.contents(source)
        if kept and (kept.notes["digest"], int(kept.notes["keys"])) != (found.digest, found.keys):
            raise BackupError(f"snapshot {kept.id} is not what was kept: {found.keys} keys, not {kept.notes['keys']}")
        of = f"snapshot {kept.id} of {kept.time[:19]}" if kept else f"the file {name}"
        yield f"{of}, by Redis {wrote}", found, source


def _brought(repository: Repository, name: str, any_stack: bool, path: Path) -> Kept | None:
    if "/" in name:
        shutil.move(_sent(name), path)
        return None
    kept = repository.find(name, any_stack)
    repository.fetch(kept, path)
    return kept


def _sent(name: str) -> Path:
    """Raises BackupError for what was not sent to be restored: it would be used up."""
    path = Path(name)
    if path.parent != DATA or not path.name.startswith(INCOMING) or not path.exists():
        raise BackupError(f"{name} is neither a snapshot nor a file that was sent here")
    return path


def listed(given: Given) -> int:
    """Every snapshot of the repository, a line each."""
    for one in Repository(given).all():
        words = [f"{name} {one.notes.get(name, '?')}" for name in ("stack", "keys", "redis", "node")]
        words += ["before a restore"] * one.safety
        say(f"{one.id}  {one.time[:19]}  {'  '.join(words)}")
    return 0


def last() -> int:
    """What the last attempts have come to, as JSON, and the time now."""
    say(json.dumps({**told(), "now": time.time()}))
    return 0


def health() -> int:
    """Unhealthy is one whose last attempt has failed."""
    why = told().get("why")
    say(f"no backup: {why}" if why else "well")
    return 1 if why else 0


def main(words: list[str]) -> int:
    """The exit code."""
    os.umask(0o077)
    simple: dict[str, Callable[[Given], int]] = {"serve": serve, "list": listed}
    try:
        match words:
            case ["last"]:
                return last()
            case ["health"]:
                return health()
            case ["now"]:
                back_up(read())
                return 0
            case ["restore", name, *options] if set(options) <= OPTIONS:
                return restore(read(), name, set(options), None)
            case ["restore-at", at, name, *options] if set(options) <= OPTIONS and at.isdigit():
                return restore(read(), name, set(options), int(at))
            case ["import", *options] if found := live.asked(options):
                return live.run(read(), *found)
            case ["stop", name, *run] if len(run) < 2:
                return stop(name, *run)
            case [command] if command in simple:
                return simple[command](read())
    except (BackupError, StoppedError, OSError) as error:  # a full disk, as a rule
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stderr.write((__doc__ or "wrong arguments") + "\n")
    return USAGE
