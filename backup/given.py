"""What the backup's container is told, by files that only it reads."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(os.environ.get("REDIS_HA_BACKUP_FILES", "/etc/redis-ha/node"))
DATA = Path(os.environ.get("REDIS_HA_BACKUP_DATA", "/data"))
"""Its volume: scratch space, restic's cache, what it remembers and, by default, the repository."""


class BackupError(Exception):
    """What an operator can act on, in one line."""


class StoppedError(Exception):
    """Somebody has told the command to stop: nothing that goes on after a BackupError goes on after this."""


@dataclass(frozen=True)
class Place:
    """A data node."""

    name: str
    host: str
    port: int


@dataclass(frozen=True)
class Given:
    """`every`: seconds between two backups; `keep`: restic's --keep-* by their words."""

    stack: str
    nodes: tuple[Place, ...]
    repository: str
    databases: int
    every: int
    keep: Mapping[str, int]
    environment: Mapping[str, str] = field(repr=False)
    logins: Mapping[str, str] = field(repr=False)
    """The passwords of the users `backup` and `restore`."""

    @property
    def tls(self) -> Mapping[str, Path]:
        """The files of `ca`, `cert` and `key`; empty where nodes speak plainly."""
        files = {"ca": FOLDER / "tls-ca.crt", "cert": FOLDER / "tls.crt", "key": FOLDER / "tls.key"}
        return files if files["ca"].exists() else {}

    @property
    def password_file(self) -> Path:
        return FOLDER / "restic-password"


def read() -> Given:
    """Raises BackupError."""
    try:
        told = json.loads((FOLDER / "backup.json").read_text())
    except (OSError, ValueError) as error:
        raise BackupError(f"its configuration cannot be read: {error}") from None
    told["nodes"] = tuple(Place(*node) for node in told["nodes"])
    return Given(**told)
