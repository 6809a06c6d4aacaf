"""Where one command at a time works, and how it says how it gets on."""

import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backup.given import DATA


def say(text: str) -> None:
    """Both to whoever has asked and, from process 1, into the log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def workshop() -> Iterator[Path]:
    """An empty folder, for one at a time: two servers beside each other might not fit."""
    with (DATA / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = DATA / "work"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
