"""The commands and the cgroups of the machine that the rig stands on."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = ("dockerd", "ip", "bridge", "nsenter", "unshare", "mount", "hostname")
CGROUPS = Path("/sys/fs/cgroup")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class RigError(Exception):
    """The rig cannot do what was asked of it; the message says why."""


def run(*command: str, check: bool = True, timeout: float = 30.0) -> str:
    """The standard output of a command. Raises RigError with what it said when it fails."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=timeout, env={**os.environ, "PATH": PATH}
    )
    if check and done.returncode != 0:
        raise RigError(f"`{' '.join(command)}`: {done.stderr.strip() or done.returncode}")
    return done.stdout


def refused() -> str | None:
    """Why several hosts cannot be had on this machine; None when they can."""
    if os.geteuid() != 0:
        return "namespaces need root"
    if missing := [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]:
        return f"not installed: {', '.join(missing)}"
    try:
        # What a host is made of: a process in namespaces of its own that may mount, beside a link of its own.
        probe = "mount -t tmpfs tmpfs /run && ip link add rigprobe0 type veth peer name rigprobe1"
        run("unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "sh", "-c", probe)
    except RigError as error:
        return f"namespaces are not allowed here: {error}"
    return None


def remove_cgroups(name: str) -> None:
    """Remove a host's cgroups, version 1 (one tree for each controller) or 2, once no process is in them."""
    for root in (CGROUPS, *(d for d in CGROUPS.iterdir() if d.is_dir())):
        for directory in reversed(list(_tree(root / name))):
            # A controller may be mounted under two names, so another loop may have been here.
            with contextlib.suppress(FileNotFoundError):
                directory.rmdir()


def _tree(top: Path) -> Iterator[Path]:
    """A directory and all below it, parents first."""
    if top.is_dir() and not top.is_symlink():
        yield top
        for child in sorted(top.iterdir()):
            if child.is_dir():
                yield from _tree(child)


def memory_below(pid: int) -> int:
    """Bytes of memory of a process and all below it; a page that several processes share is divided among them."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            # The name in parentheses may hold anything; the parent is the second word after it.
            parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
    return sum(_proportional(p) for p in parents if p == pid or pid in _ancestors(p, parents))


def _ancestors(pid: int, parents: dict[int, int]) -> Iterator[int]:
    while pid := parents.get(pid, 0):
        yield pid


def _proportional(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
