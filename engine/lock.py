"""One run at a time on a stack: an flock that dies with its process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import EngineError


@contextmanager
def locked(directory: Path, stack: str) -> Iterator[None]:
    """Holds the stack's lock; EngineError naming the holder's process when it is taken."""
    path = directory / f"{stack}.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(handle, 64).decode(errors="replace").strip() or "unknown"
            raise EngineError(
                f"the stack '{stack}' is currently locked by another run (process {holder}). "
                "Wait for it to end, or stop it, then try again."
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
