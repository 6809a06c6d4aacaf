"""Takes a snapshot from a replica, and checks it."""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from backup import scratch
from backup.given import BackupError, Given, Place
from backup.redis import at, databases

STALLED_S = 60.0
TRIES = 3
USER = "backup"


@dataclass(frozen=True)
class Seen:
    """What a node says of itself before or after a snapshot."""

    role: str
    whole: bool
    keys: int
    expires: int


@dataclass(frozen=True)
class Snapshot:
    """One that has been checked."""

    path: Path
    node: str
    wrote: str
    """The version of Redis that has written it."""
    contents: scratch.Contents


def look(place: Place, given: Given, user: str = USER) -> Seen:
    """Raises BackupError."""
    with at(place, given, user) as client:
        info = client.info()
    held = databases(info).values()
    master = info["role"] == "master"
    return Seen(
        role="master" if master else "replica",
        whole=info.get("loading") == "0" and (master or info.get("master_link_status") == "up"),
        keys=sum(one.keys for one in held),
        expires=sum(one.expires for one in held),
    )


def source(given: Given) -> Place:
    """A whole replica, else the master. Raises BackupError where there is neither."""
    master, why = None, []
    for place in reversed(given.nodes):
        try:
            seen = look(place, given)
        except BackupError as error:
            why.append(str(error))
            continue
        if seen.role == "replica" and seen.whole:
            return place
        if seen.role == "master" and seen.whole:
            master = place
    if master is None:
        raise BackupError(f"no node to take a snapshot from: {'; '.join(why) or 'none is whole'}")
    return master


def take(given: Given, folder: Path) -> Snapshot:
    """A checked snapshot in `folder`, which is empty. Raises BackupError."""
    path = folder / "dump.rdb"
    for again in range(TRIES):
        place = source(given)
        before = look(place, given)
        _fetch(place, given, path)
        after = look(place, given)
        wrote = scratch.check_head(path)
        with scratch.loaded(path, given.databases) as client:
            found = scratch.contents(client)
        if _fits(found, before, after):
            return Snapshot(path, place.name, wrote, found)
        path.unlink()
        time.sleep(again)
    raise BackupError(f"the snapshot has {found.keys} keys, but {place.name} had {before.keys} and then {after.keys}")


def _fits(found: scratch.Contents, before: Seen, after: Seen) -> bool:
    """As many keys as the node had between the two looks, give or take what changed meanwhile."""
    least, most = sorted((before.keys, after.keys))
    change = most - least + max(before.expires, after.expires)
    return least - change <= found.keys <= most + change


def _fetch(place: Place, given: Given, path: Path) -> None:
    """As a replica gets it. One that does not get on for STALLED_S is given up."""
    words = ["redis-cli", "-h", place.host, "-p", str(place.port), "--user", USER, "--no-auth-warning"]
    if given.tls:
        files = given.tls
        words += ["--tls", "--cacert", str(files["ca"]), "--cert", str(files["cert"]), "--key", str(files["key"])]
    environment = {**os.environ, "REDISCLI_AUTH": given.logins[USER]}
    process = subprocess.Popen(
        [*words, "--rdb", str(path)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    size, moved = -1, time.monotonic()
    try:
        while process.poll() is None:
            now = path.stat().st_size if path.exists() else 0
            if now != size:
                size, moved = now, time.monotonic()
            if time.monotonic() - moved > STALLED_S:
                raise BackupError(f"{place.name}: the snapshot has not got on for {STALLED_S:g} s")
            time.sleep(0.05)
    finally:
        process.kill()
        _, said = process.communicate()
    if process.returncode:
        raise BackupError(f"{place.name} gives no snapshot: {' '.join(said.split()[-30:])}")
