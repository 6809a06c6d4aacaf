"""The one state file: what health check, status and roll-out read."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class StateFile:
    """`state.json` in `folder`, and beside it `health`: one line for a shell to read.

    The line is: exit code of the health check, seconds since the machine's start, words. Both are replaced as a whole.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._complained = False
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("state.json", "health"):  # what an earlier process has said is not true of this one
            (folder / name).unlink(missing_ok=True)

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace the state. `joined` (bool) and `why` (words) must be in it."""
        joined = bool(state["joined"])
        up = uptime()
        self._replace("state.json", json.dumps({**state, "at": up}) + "\n")
        self._replace("health", f"{0 if joined else 1} {up} {state['why']}\n")
        if joined and not (self.folder / "once").exists():
            (self.folder / "once").touch()

    def _replace(self, name: str, text: str) -> None:
        new = self.folder / f".{name}"
        try:
            new.write_text(text)
            new.replace(self.folder / name)
        except OSError as error:  # the health check sees that it is old
            if not self._complained:
                self._complained = True
                os.write(2, f"redis-ha: cannot write {name}: {error}\n".encode())


def uptime() -> int:
    """Whole seconds since the machine's start, as a shell can read them from /proc/uptime."""
    return int(float(Path("/proc/uptime").read_text().split()[0]))
