"""The append-only files of a stack's nodes: to which second each leads back, and one of them for a restore."""

import io
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.sending import Parcel
from ops.stack import OpsError, daemons, identity
from redis_ha.docker.daemon import Daemon, DaemonError

LOOK_SECONDS, SECONDS = 60, 600
"""For the question what there is; without a byte of it."""
LAG_SECONDS = 2
"""By so much a replica's file may end before its master's: each writes a second down when something comes in it."""
_CREATED = re.compile(rb"\x05ctime\xc2(....)", re.DOTALL)
# Runs in the node's container. What is open stays whole while Redis writes a new file and drops the old ones; of one
# that grows so much is sent as was announced, and Redis appends whole commands.
_PROGRAM = """
import json, os, re, sys, time
folder = "/data/appendonlydir"
for again in range(20):
    try:
        [manifest] = [name for name in os.listdir(folder) if name.endswith(".manifest")]
        lines = [line for line in open(os.path.join(folder, manifest)) if line.split()[5] in "bi"]
        names = [line.split()[1] for line in lines]
        files = [open(os.path.join(folder, name), "rb") for name in names]
        break
    except (FileNotFoundError, ValueError):
        time.sleep(0.1)
else:
    sys.exit("no append-only file")
first, start, kept = None, 0, b"\\n"
for line, file in zip(lines, files):
    if line.split()[5] == "i" and first is None:
        while first is None and (piece := file.read(1 << 20)):
            found = re.search(rb"\\n#TS:(\\d+)\\r\\n", kept + piece)
            if found:
                first = [int(found[1]), start + found.start() - len(kept) + 1]
            start, kept = start + len(piece), (kept + piece)[-32:]
        file.seek(0)
last, end = None, b""
for line, file in reversed(list(zip(lines, files))):
    if line.split()[5] == "i":
        place = os.fstat(file.fileno()).st_size
        while last is None and place:
            size = min(place, 1 << 20)
            place -= size
            file.seek(place)
            end = b"\\n" * (place == 0) + file.read(size) + end[:32]
            found = re.findall(rb"\\n#TS:(\\d+)\\r\\n", end)
            last = int(found[-1]) if found else None
        file.seek(0)
try:
    role = json.load(open("/run/redis-ha/state.json")).get("role")
except (OSError, ValueError):
    role = None
base = files[0] if lines and lines[0].split()[5] == "b" else None
head = base.read(512).hex() if base else ""
sizes = [os.fstat(file.fileno()).st_size for file in files]
print(json.dumps({"manifest": manifest, "lines": lines, "files": list(zip(names, sizes)), "head": head,
                  "first": first, "last": last, "role": role}), flush=True)
if sys.argv[1:] == ["all"]:
    for file, size in zip(files, sizes):
        file.seek(0)
        while size and (piece := file.read(min(size, 1 << 20))):
            sys.stdout.buffer.write(piece)
            size -= len(piece)
"""
_COMMAND = ("python3", "-I", "-S", "-c", _PROGRAM)


@dataclass(frozen=True)
class Window:
    """How far back a node's append-only file leads. `since`: seconds since 1970; None: it has no times in it.

    `last`: the second of its last write that has one.
    """

    node: str
    role: str
    container: str
    daemon: Daemon
    since: int | None
    last: int | None
    size: int

    def __str__(self) -> str:
        back = f"back to {shown(self.since)}" if self.since is not None else "not back: it has no times in it"
        until = f", last written at {shown(self.last)}" if self.last is not None else ""
        return f"{self.node} ({self.role}): {back}{until}, {self.size / 1e6:.1f} MB"


def parse(text: str) -> int:
    """Seconds since 1970 of an ISO time; without an offset it is this machine's own. Raises OpsError."""
    try:
        found = int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        raise OpsError(f"AT={text}: a time is written as 2026-11-27T18:00:00, or 2026-11-27T18:00:00Z") from None
    if found >= int(time.time()):
        raise OpsError(f"AT={text}: {shown(found)} is not over yet")
    return found


def shown(seconds: int) -> str:
    """As in messages: whose offset that is cannot be mistaken."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def windows(stack: str) -> list[Window]:
    """Of all nodes that can be asked; the master first, whose times are those of the writes. Raises OpsError."""
    found, silent = [], []
    for daemon in daemons(stack, LOOK_SECONDS):
        try:
            nodes = [
                one for one in daemon.containers(identity(stack)) if one.kind == "redis" and one.status == "running"
            ]
        except DaemonError as error:
            silent.append(str(error))
            continue
        for one in nodes:
            try:
                code, said = daemon.run(one.name, *_COMMAND)
                told = json.loads(said) if code == 0 else None
            except (DaemonError, ValueError) as error:
                silent.append(f"{one.node}: {error}")
                continue
            if told is None:
                silent.append(f"{one.node}: {said.strip()}")
                continue
            found.append(_window(one.node, one.name, daemon, told))
    if not found:
        raise OpsError(f"no node of stack {stack} has an append-only file to be had: {'; '.join(silent)}")
    return sorted(found, key=lambda one: one.role != "master")


def _window(node: str, container: str, daemon: Daemon, told: dict[str, Any]) -> Window:
    size = sum(size for _, size in told["files"])
    return Window(node, told["role"] or "?", container, Daemon(daemon.host, SECONDS), since(told), told["last"], size)


def fitting(windows: list[Window], at: int, node: str = "") -> list[Window]:
    """Those that have all of that second, or only `node`'s where it does; in the order given.

    One that has ended before it, while another goes on, is that of a replica which has been cut off.
    """
    newest = max((one.last for one in windows if one.last is not None), default=0)

    def whole(one: Window) -> bool:
        return one.last is None or one.last >= at or newest - one.last <= LAG_SECONDS

    asked = [one for one in windows if node in ("", one.node)]
    return [one for one in asked if one.since is not None and one.since <= at and whole(one)]


def since(told: dict[str, Any]) -> int | None:
    """From which second on every write has its time: that of the base where the first one after it has."""
    created = _CREATED.search(bytes.fromhex(told["head"]))
    base = int.from_bytes(created[1], "little") if created else None
    if told["first"] is None:
        grown = sum(size for line, (_, size) in zip(told["lines"], told["files"], strict=True) if " type i" in line)
        return None if grown else base
    seconds, place = told["first"]
    return int(base if base is not None and place == 0 else seconds)


def pack(window: Window, parcel: Parcel, folder: str) -> None:
    """A node's append-only file, as it is at this moment, as a folder. Raises DaemonError, OpsError."""
    pieces = _Pieces(window.daemon.read(window.container, *_COMMAND, "all"))
    told = json.loads(pieces.line())
    parcel.folder(folder)
    manifest = "".join(told["lines"]).encode()
    parcel.file(f"{folder}/{told['manifest']}", len(manifest), io.BytesIO(manifest))
    for name, size in told["files"]:
        parcel.file(f"{folder}/{name}", size, pieces)


class _Pieces:
    """A stream of bytes, read by number."""

    def __init__(self, stream: Iterator[bytes]) -> None:
        self._stream, self._left = stream, b""

    def line(self) -> bytes:
        while b"\n" not in self._left:
            self._left += self._next()
        found, _, self._left = self._left.partition(b"\n")
        return found

    def read(self, size: int) -> bytes:
        while len(self._left) < size:
            self._left += self._next()
        found, self._left = self._left[:size], self._left[size:]
        return found

    def _next(self) -> bytes:
        piece = next(self._stream, b"")
        if not piece:
            raise OpsError("the node has not sent its append-only file to its end")
        return piece
