"""What an agent remembers on its volume: nothing of it is to be torn by a power loss, or to hold the agent up."""

import asyncio
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

SECTOR = 512
"""Bytes of the offset's file. They are overwritten where they lie, so keeping them costs the disk's journal nothing."""


def read(path: Path) -> dict[str, Any] | None:
    """What a MemoryFile has kept. None: nothing yet; empty: it cannot be read, so nothing is known."""
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    if not isinstance(kept, dict):
        return {}
    with suppress(OSError, ValueError, KeyError, TypeError):
        later = json.loads(_offset_of(path).read_text())
        if later["of"] == kept["written"]:
            kept["offset"] = int(later["offset"])
    return kept


def replace_on_disk(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all; from then on it stands a power loss: the folder is synced, too."""
    new = path.with_name(f".{path.name}.new")
    with new.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _offset_of(path: Path) -> Path:
    return path.with_suffix(".offset")


class MemoryFile:
    """A JSON file, which is replaced; and beside it a small one for the offset, which changes each second."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self._path = path
        self._say = say
        self._kept: dict[str, Any] = {}
        self._later: deque[tuple[int, int]] = deque(maxlen=1)  # an offset that is not yet written, and of which memory
        self._disk = threading.Lock()

    def write(self, memory: Mapping[str, Any]) -> None:
        """On the disk itself, unless it is only the offset that has changed: that is written beside, and soon.

        Otherwise a busy disk would keep the agent from looking around, each second anew.
        """
        kept = self._kept  # the other thread may empty it
        if kept and {**kept, "offset": 0, "written": 0} == {**memory, "offset": 0, "written": 0}:
            self._later.append((kept["written"], int(memory.get("offset", 0))))
            asyncio.get_running_loop().run_in_executor(None, self._write_offset)
            return
        whole = {**memory, "written": time.time_ns()}
        try:
            replace_on_disk(self._path, json.dumps(whole))
        except OSError as error:
            self._failed(error)
            return
        self._kept = whole

    def _write_offset(self) -> None:
        with self._disk, suppress(IndexError):  # a newer one has been written instead
            of, offset = self._later.pop()
            text = json.dumps({"of": of, "offset": offset}).ljust(SECTOR)
            try:
                file = os.open(_offset_of(self._path), os.O_WRONLY | os.O_CREAT, 0o600)
                try:
                    os.write(file, text.encode())
                    os.fdatasync(file)
                finally:
                    os.close(file)
            except OSError as error:
                self._failed(error)

    def _failed(self, error: OSError) -> None:
        """What is kept is older then, and claims no more than is true. The next time all of it is written."""
        if self._kept:
            self._say(f"cannot write to the volume: {error}")
        self._kept = {}
