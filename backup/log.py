"""A node's append-only file, cut after a second."""

import subprocess
from pathlib import Path

from backup.given import BackupError

AGAIN = "because it is not the last file"
NOTHING = "has nothing before timestamp"


def cut(folder: Path, at: int) -> None:
    """Leave what was written up to the second `at`, with it; by Redis' own tool. Raises BackupError.

    That cuts the last file only: so the last is dropped for as long as the place is in one before it.
    """
    manifest = manifest_of(folder)
    while True:
        done = subprocess.run(
            ["redis-check-aof", "--truncate-to-timestamp", str(at), str(manifest)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return
        said = done.stdout + done.stderr
        lines = manifest.read_text().splitlines()
        # Of the last file all is later, or some of the one before it is.
        if not (AGAIN in said or NOTHING in said) or " type i" not in lines[-1]:
            raise BackupError(f"the append-only file is damaged: {' '.join(said.split())[-300:]}")
        (folder / lines[-1].split()[1]).unlink()
        manifest.write_text("".join(f"{line}\n" for line in lines[:-1]))


def manifest_of(folder: Path) -> Path:
    """Raises BackupError where there is not exactly one."""
    found = list(folder.glob("*.manifest"))
    if len(found) != 1:
        raise BackupError("there is no append-only file")
    return found[0]
