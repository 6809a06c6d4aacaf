"""Which Redis or Valkey an image has, as far as it can be told from outside, and whose data it can read. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Version = tuple[int, int]
"""Major and minor."""


class Server(NamedTuple):
    """What loads and writes data."""

    name: str
    """Redis or Valkey."""
    version: Version

    def __str__(self) -> str:
        """As in a message: `Redis 8.6`, or `Redis 8` where the minor is not known."""
        major, minor = self.version
        return f"{self.name} {major}" if minor == _NEWEST_MINOR else f"{self.name} {major}.{minor}"


# RDB_VERSION of src/rdb.h. A server refuses a snapshot, and an append-only file that begins with one, of a newer one.
# Valkey is Redis 7.2 continued: it takes none of the numbers from 12 to 79, which are Redis' own since then.
_RDB: dict[str, tuple[tuple[Version, int], ...]] = {
    "Redis": (((8, 10), 15), ((8, 8), 14), ((8, 6), 13), ((7, 4), 12), ((7, 2), 11), ((7, 0), 10)),
    "Valkey": (((9, 2), 81), ((9, 0), 80), ((7, 2), 11)),
}
_LAST_SHARED = 11
_FIRST_OF_VALKEY = 80
_NEWEST_MINOR = 999
_ORIGIN = "redis-ha.origin"
"""The label of a stand-in base image: `Redis 8.0.2 from Debian trixie`."""


def rdb_version(server: Server) -> int:
    """Of the format in which it writes its data; 0 before 7.0."""
    return next((rdb for since, rdb in _RDB[server.name] if server.version >= since), 0)


def reads(server: Server, written_by: Server) -> bool:
    """Whether `server` can load what the other has written."""
    written = rdb_version(written_by)
    foreign = server.name == "Valkey" and _LAST_SHARED < written < _FIRST_OF_VALKEY
    return rdb_version(server) >= written and not foreign


def of_tag(image: str) -> Server | None:
    """By the tag of an official image. `redis:8` may be any 8: the newest is taken. None where the tag says nothing."""
    found = re.search(r"(?:^|/)(redis|valkey):(\d+)(?:\.(\d+))?(?![\w])", image)
    if found is None:
        return None
    return Server(found[1].title(), (int(found[2]), int(found[3]) if found[3] else _NEWEST_MINOR))


def of_config(environment: Sequence[str], labels: Mapping[str, str]) -> Server | None:
    """By what an official image, or a stand-in, has in its configuration; containers have it from their image."""
    names = dict(line.split("=", 1) for line in environment if "=" in line)
    for name in _RDB:
        texts = (
            names.get(f"{name.upper()}_VERSION", ""),
            re.sub(r"^\D*", "", names.get(f"{name.upper()}_DOWNLOAD_URL", "").rpartition("/")[2]),
            labels.get(_ORIGIN, "").removeprefix(f"{name} "),
        )
        found = next((found for text in texts if (found := re.match(r"v?(\d+)\.(\d+)", text))), None)
        if found is not None:
            return Server(name, (int(found[1]), int(found[2])))
    return None
