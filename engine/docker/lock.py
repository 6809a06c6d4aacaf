"""One run at a time on a stack, whoever starts it: the lock is a volume in the Docker that the stack lies in.

To create a volume is atomic there: of two, one is told of the other's. A run that was killed leaves its lock; on the
same machine that is seen, and the lock is taken over. From elsewhere it says who holds it, and `cancel` removes it.
"""

import contextlib
import getpass
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.docker.connect import Client, explained, unless_gone
from engine.docker.labels import LABEL
from engine.errors import EngineError

LABEL_LOCK = LABEL + "lock"
TOKEN = secrets.token_hex(8)
"""This process's own: a Docker that is reached by two ways is locked once."""

UNDER_WAY = 1
"""Seconds for Docker to end what a killed run had asked for last: what is read before may not be what there is then."""


class Locked(EngineError):  # noqa: N818 (says what is the matter)
    """Another run holds the stack."""


class Lock:
    """A stack's lock in one Docker."""

    def __init__(self, client: Client, stack_id: str) -> None:
        self._client = client
        self._stack_id = stack_id
        self._name = f"pulumi-embedded.{stack_id.replace('/', '.')}.lock"
        self._held = False

    def take(self) -> None:
        """Holds the lock from now on; Locked when another run does."""
        holder = self._try()
        if holder is not None and _is_gone(holder):
            with _alone(self._name):
                if self._read() == holder:
                    self.break_()
            holder = self._try()
            time.sleep(UNDER_WAY)
        if holder is not None:
            raise Locked(
                f"the stack '{self._stack_id.split('/')[-1]}' is currently locked by {holder['who']} "
                f"(process {holder.get('pid', '?')}, since {holder.get('since', '?')}). "
                "Wait for it to end, then try again. If it has been killed: `cancel`, then try again."
            )

    def _try(self) -> dict[str, Any] | None:
        """None when it is ours; else who holds it."""
        mine = {
            "token": TOKEN,
            "who": f"{getpass.getuser()}@{socket.gethostname()}",
            "machine": _machine(),
            "pid": os.getpid(),
            "started": _started(os.getpid()),
            "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        with explained(f"locking the stack '{self._stack_id}'"):
            made = self._client.create_volume(self._name, labels={LABEL_LOCK: json.dumps(mine)})
        # Of one that is older than the daemon's last start Docker says the labels only when it is asked for them.
        there = _holder(made) if made.get("Labels") else self._read() or {}
        self._held = there.get("token") == TOKEN
        return None if self._held else there

    def _read(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = None
        with unless_gone(f"looking at the lock of the stack '{self._stack_id}'"):
            found = _holder(self._client.inspect_volume(self._name))
        return found  # noqa: RET504 (None where the block has ended early)

    def give_back(self) -> None:
        """Ends holding it, if it is held."""
        if self._held:
            self._held = False
            if (self._read() or {}).get("token") == TOKEN:  # not that of a run which has come after a `cancel`
                self.break_()

    def break_(self) -> bool:
        """Removes the lock, whoever holds it; whether there was one."""
        found = False
        with unless_gone(f"unlocking the stack '{self._stack_id}'"):
            self._client.remove_volume(self._name)
            found = True
        return found  # noqa: RET504 (False where the block has ended early)


def _holder(volume: dict[str, Any]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((volume.get("Labels") or {})[LABEL_LOCK])
    except (KeyError, ValueError):
        return {"who": "a volume of the lock's name"}
    return found


def _machine() -> str:
    """This boot of this machine, as far as its processes see one another."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """When a process began, in ticks since the machine did; empty: it has ended; None: it is not to be seen."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        state, *fields = text.rpartition(")")[2].split()
        return "" if state == "Z" else fields[18]
    except (OSError, IndexError, ValueError):
        return None


def _is_gone(holder: dict[str, Any]) -> bool:
    """Whether the holder is known to run no more. Some machines show nobody the processes of others."""
    here = _machine()
    if not here or holder.get("machine") != here:
        return False
    pid = int(holder["pid"])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it runs, as another user
    began = _started(pid)
    return began is not None and began != holder["started"]


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """Of this machine's processes one at a time: the kernel's own name for a socket, which ends with its process."""
    with socket.socket(socket.AF_UNIX) as one:
        try:
            one.bind(f"\0{name}")
        except OSError as error:
            raise Locked("another run is just taking the lock; try again") from error
        yield
