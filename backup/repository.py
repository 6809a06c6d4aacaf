"""Where snapshots are kept: a restic repository, encrypted, of this stack or of several."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backup.given import DATA, BackupError, Given
from backup.snapshot import Snapshot, take

FILE = "dump.rdb"
MARK = "redis-ha"
"""The tag of all that this keeps: others' snapshots in a repository are left alone."""
SAFETY = "redis-ha-before-restore"
"""The tag instead of it of what a stack had before something else took its place: that is no `latest`, and no backup
that `keep` counts."""
SAFETY_DAYS = 30
RETRY_LOCK = "15m"
"""For so long another stack is waited for that works in the repository."""


@dataclass(frozen=True)
class Kept:
    """One snapshot of a repository."""

    id: str
    time: str
    notes: dict[str, str]
    """Its tags: stack, keys, expires, digest, redis, node."""
    safety: bool = False
    """It is what the stack had before a restore or an import."""

    @property
    def stack(self) -> str:
        return self.notes.get("stack", "")


class Repository:
    """Whatever restic complains of is a BackupError."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def keep(self, snapshot: Snapshot, mark: str = MARK) -> str:
        """The id that the snapshot has from now on; what is too old is let go of."""
        self._exists()
        contents = snapshot.contents
        notes = {
            "stack": self._given.stack,
            "keys": contents.keys,
            "expires": contents.expires,
            "digest": contents.digest,
            "redis": snapshot.wrote,
            "node": snapshot.node,
        }
        words = ["backup", "--json", "--host", self._given.stack, "--stdin", "--stdin-filename", FILE]
        for tag in (mark, *(f"{name}:{value}" for name, value in notes.items())):
            words += ["--tag", tag]
        with snapshot.path.open("rb") as stream:
            lines = self._run(words, stdin=stream).splitlines()
        summary = next(one for one in map(json.loads, reversed(lines)) if one["message_type"] == "summary")
        return str(summary["snapshot_id"])[:8]

    def keep_first(self, folder: Path) -> str:
        """What the stack has, before something else takes its place: the id of that snapshot."""
        folder.mkdir()
        return self.keep(take(self._given, folder), SAFETY)

    def forget(self) -> None:
        """What the setting `keep` does not name is let go of: of this stack alone."""
        words = ["forget", "--host", self._given.stack, "--group-by", "host"]
        kept = [word for name, count in self._given.keep.items() for word in (f"--keep-{name}", str(count))]
        if kept:
            self._run([*words, "--tag", SAFETY, "--keep-within", f"{SAFETY_DAYS}d"])
            self._run([*words, "--tag", MARK, "--prune", *kept])

    def all(self) -> list[Kept]:
        """What is kept, of all stacks, the oldest first; nothing where there is no repository yet."""
        try:
            found: list[dict[str, Any]] = json.loads(self._run(["snapshots", "--json", "--tag", MARK, "--tag", SAFETY]))
        except BackupError as error:
            if "Is there a repository" in str(error) or "does not exist" in str(error):
                return []
            raise
        return [
            Kept(
                one["short_id"],
                one["time"],
                dict(tag.split(":", 1) for tag in one["tags"] if ":" in tag),
                SAFETY in one["tags"],
            )
            for one in sorted(found, key=lambda one: str(one["time"]))
        ]

    def find(self, name: str, any_stack: bool) -> Kept:
        """By id, or the `latest`. Raises BackupError for one of another stack unless that is asked for."""
        own = self._given.stack
        everything = self.all()
        found = [one for one in everything if one.id.startswith(name[:8])]
        if len(found) > 1:
            raise BackupError(f"{', '.join(one.id for one in found)}: {name} may be any of these snapshots")
        if name == "latest":
            found = [one for one in everything if (any_stack or one.stack == own) and not one.safety]
        if not found:
            raise BackupError(f"there is no snapshot {name}" + f" of {own}" * (name == "latest"))
        if found[-1].stack != own and not any_stack:
            raise BackupError(
                f"snapshot {name} is of {found[-1].stack}, not of {own}; ANY_STACK=1 takes it all the same"
            )
        return found[-1]

    def fetch(self, kept: Kept, path: Path) -> None:
        with path.open("wb") as stream:
            self._run(["dump", kept.id, f"/{FILE}"], stdout=stream)

    def _exists(self) -> None:
        # Asked whether there is one, restic would wait many minutes for a bucket that is not there.
        try:
            self._run(["init"])
        except BackupError as error:
            if "already" not in str(error):
                raise
        self._run(["unlock"])  # what a container has left that was killed

    def _run(self, words: Sequence[str], *, stdin: Any = subprocess.DEVNULL, stdout: Any = subprocess.PIPE) -> str:
        given = self._given
        environment = {
            **os.environ,
            **given.environment,
            "RESTIC_REPOSITORY": given.repository,
            "RESTIC_PASSWORD_FILE": str(given.password_file),
            "RESTIC_CACHE_DIR": str(DATA / "cache"),
            "TMPDIR": str(DATA),
            "HOME": str(DATA),
            "GOMAXPROCS": "1",  # nodes on the same machine go first
        }
        done = subprocess.run(
            ["restic", "--retry-lock", RETRY_LOCK, *words],
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            said = " ".join(done.stderr.decode(errors="replace").split())
            raise BackupError(f"restic {words[0]}: {said[-400:]}")
        return done.stdout.decode() if done.stdout else ""
