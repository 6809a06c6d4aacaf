"""What is on a data node's volume: how whole it is, and how Redis has to be started so that it loads the newest."""

import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.serve import memory_file
from agent.serve.environment import Environment
from agent.serve.template import common_values, rendered, replace_file, setting
from agent.view.mark import Mark
from agent.wire.answers import LIMBO, Address

MODULES = Path("/usr/local/lib/redis/modules")
"""Where the official image's own entrypoint looks for modules."""
_OURS = ("replicaof", "slaveof", "replica-priority", "slave-priority", "proc-title-template", "loadmodule")
_SET_ASIDE = re.compile(r"\.(damaged|stale)-\d+|/temp-")
_FENCE = "min-replicas-to-write 65535"
"""What the shell of earlier versions put into the file of a master that was not to take writes."""


@dataclass(frozen=True)
class Volume:
    """The volume of one data node, before its server is started."""

    environment: Environment

    @property
    def _path(self) -> Path:
        return self.environment.data

    @property
    def memory(self) -> Path:
        """What the agent remembers."""
        return self._path / "redis-ha.json"

    @property
    def config(self) -> Path:
        """The server's configuration, which it rewrites itself."""
        return self._path / "redis.conf"

    @property
    def _last(self) -> Path:
        """What was rendered at the last start."""
        return self._path / ".rendered"

    def append_only_files(self) -> list[Path]:
        """The append-only files or their manifests; temp-* is what a Redis that was killed had not finished."""
        found = [*self._path.glob("*/*.manifest"), *self._path.glob("*.aof")]
        return [
            path for path in found if path.stat().st_size and not _SET_ASIDE.search(f"{path.parent.name}/{path.name}")
        ]

    def mark(self) -> Mark:
        """How much the data is worth, by what was remembered and what is there."""
        there = bool(self.append_only_files()) or self._snapshot_counts()
        kept = self._remembered()
        if kept is None:
            kept = self._of_earlier_version() if there else {}
        return Mark.from_memory(kept, there)

    def nodes(self) -> set[Address]:
        """The other data nodes that were known; their addresses may have changed since."""
        return {Address.parse(each) for each in (self._remembered() or {}).get("nodes", [])}

    def _remembered(self) -> dict[str, Any] | None:
        """What the agent has kept. None: nothing yet; empty: it cannot be read, so nothing is known of the data."""
        return memory_file.read(self.memory)

    def _of_earlier_version(self) -> dict[str, Any]:
        """A volume of 9074a80, which remembered a role only."""
        lines = self.config.read_text().splitlines() if self.config.exists() else []
        return {"whole": True, "epoch": 0, "master": not setting(lines, "replicaof"), "empty": False}

    def prepare(self, mark: Mark) -> list[str]:
        """Write the configuration of a replica in limbo; further arguments for redis-server.

        What CONFIG REWRITE has put there is kept for as long as the settings are the same.
        """
        environment = self.environment
        new = rendered(environment, "redis.conf", common_values(environment))
        if environment.secret:
            new += ["masteruser replication", f'masterauth "{environment.secret}"']
        before = self._last.read_text().splitlines() if self._last.exists() else []
        lines = self.config.read_text().splitlines() if before == new and self.config.exists() else new
        kept = [line for line in lines if line.split(None, 1)[:1] and line.split(None, 1)[0].lower() not in _OURS]
        kept = [line for line in kept if line.strip() != _FENCE]
        own = [
            *(f"loadmodule {path}" for path in modules(environment)),
            f"replicaof {LIMBO.host} {LIMBO.port}",
            "replica-priority 0",
            f'proc-title-template "{mark.title()}"',
        ]
        arguments = self._newest_first(before, new)
        replace_file(self.config, [*kept, *own])
        replace_file(self._last, new)
        return arguments

    def _newest_first(self, before: list[str], new: list[str]) -> list[str]:
        """Arguments by which Redis loads what is newest, where `appendonly` has been switched since the last start.

        Redis looks at the append-only file alone where it is on, and at the snapshot alone where it is off.
        """
        was, wanted = setting(before, "appendonly"), setting(new, "appendonly")
        files = self.append_only_files()
        if was == "no" and files and self._snapshot_is_newer(files):
            self.set_aside("stale")
            files = []
        if wanted == "no" and files:  # they are set aside at the end of the switch: it begins, or was cut off
            return ["--appendonly", "yes"]
        if wanted == "yes" and not files and self._snapshot().exists():
            return ["--appendonly", "no"]
        return []

    def wanted_append_only(self) -> str:
        """What the settings say: yes or no."""
        return setting(self._last.read_text().splitlines(), "appendonly")

    def _snapshot(self) -> Path:
        lines = self._last.read_text().splitlines() if self._last.exists() else []
        path = self._path / setting(lines, "dbfilename", "dump.rdb")
        return path if path.exists() and path.stat().st_size else self._path / ".no-snapshot"

    def _snapshot_counts(self) -> bool:
        """Without an append-only file, and where none are taken, a snapshot is what is left of a copy, long ago."""
        last = self._last.read_text().splitlines() if self._last.exists() else []
        memory_only = setting(last, "appendonly") == "no" and setting(last, "save", "default") == ""
        return self._snapshot().exists() and not memory_only

    def _snapshot_is_newer(self, files: list[Path]) -> bool:
        """A manifest is as old as the last rewrite: the files that it names are written to."""
        parts = [part for file in files for part in (file.parent.iterdir() if file.parent != self._path else [file])]
        snapshot = self._snapshot()
        return snapshot.exists() and snapshot.stat().st_mtime >= max(part.stat().st_mtime for part in parts)

    def set_aside(self, why: str) -> list[Path]:
        """Rename the append-only files, so that the server starts without them; what they are called now.

        Those that were set aside for the same reason earlier are removed: the disk must not fill up with them.
        """
        for old in self._path.glob(f"*.{why}-*"):
            shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)
        moved = []
        for path in {file.parent if file.parent != self._path else file for file in self.append_only_files()}:
            target = path.with_name(f"{path.name}.{why}-{int(time.time())}")
            path.rename(target)
            moved.append(target)
        return moved


def modules(environment: Environment) -> list[Path]:
    """The modules that the base image brings, as its own entrypoint would load them; none where the setting is off."""
    if environment.get("modules") == "no" or not MODULES.is_dir():
        return []
    return [
        path
        for path in sorted(MODULES.glob("*.so"))
        if path.is_file() and path.stat().st_size and os.access(path, os.R_OK | os.X_OK)
    ]
