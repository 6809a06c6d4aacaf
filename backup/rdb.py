"""The head of a snapshot: what has written it, before any server is asked to load it."""

from pathlib import Path
from typing import BinaryIO

from backup.given import BackupError

AUX, MAGICS = 0xFA, (b"REDIS", b"VALKEY")
INTEGERS = {0: 1, 1: 2, 2: 4}


def head(path: Path) -> dict[str, str]:
    """Its notes, such as `redis-ver` and `ctime`. Raises BackupError where it is no snapshot."""
    with path.open("rb") as stream:
        magic = stream.read(9)
        if not any(magic.startswith(one) for one in MAGICS) or not magic[-3:].isdigit():
            raise BackupError("this is no snapshot of Redis")
        found = {}
        while (kind := stream.read(1)) and kind[0] == AUX:
            name = _text(stream)
            found[name] = _text(stream)
        return found


def version(text: str) -> tuple[int, ...]:
    """Major and minor of such as `8.0.2`; empty where it is none."""
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def _text(stream: BinaryIO) -> str:
    first = _byte(stream)
    kind, low = first >> 6, first & 0x3F
    if kind == 0:
        size = low
    elif kind == 1:
        size = low << 8 | _byte(stream)
    elif kind == 3 and low in INTEGERS:
        return str(int.from_bytes(stream.read(INTEGERS[low]), "little", signed=True))
    else:
        raise BackupError("the snapshot's head is damaged")
    return stream.read(size).decode(errors="replace")


def _byte(stream: BinaryIO) -> int:
    found = stream.read(1)
    if not found:
        raise BackupError("the snapshot is cut short")
    return found[0]
