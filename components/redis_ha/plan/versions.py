"""Which Redis an image has, as far as it can be told from outside, and whose data it can read. Pure."""

import re
from collections.abc import Mapping, Sequence

Version = tuple[int, int]
"""Major and minor."""

# RDB_VERSION of src/rdb.h. A server refuses a snapshot, and an append-only file that begins with one, of a newer one.
_RDB: tuple[tuple[Version, int], ...] = (
    ((8, 10), 15),
    ((8, 8), 14),
    ((8, 6), 13),
    ((7, 4), 12),
    ((7, 2), 11),
    ((7, 0), 10),
)
_NEWEST_MINOR = 999
_ORIGIN = "redis-ha.origin"
"""The label of a stand-in base image: `Redis 8.0.2 from Debian trixie`."""


def rdb_version(version: Version) -> int:
    """Of the format in which this Redis writes its data; 0 before 7.0."""
    return next((rdb for since, rdb in _RDB if version >= since), 0)


def reads(version: Version, written_by: Version) -> bool:
    """Whether a Redis of `version` can load what one of `written_by` has written."""
    return rdb_version(version) >= rdb_version(written_by)


def of_tag(image: str) -> Version | None:
    """By the tag of an official image. `redis:8` may be any 8: the newest is taken. None where the tag says nothing."""
    found = re.search(r"(?:^|/)redis:(\d+)(?:\.(\d+))?(?![\w])", image)
    if found is None:
        return None
    return int(found[1]), int(found[2]) if found[2] else _NEWEST_MINOR


def of_config(environment: Sequence[str], labels: Mapping[str, str]) -> Version | None:
    """By what an official image, or a stand-in, has in its configuration; containers have it from their image."""
    names = dict(line.split("=", 1) for line in environment if "=" in line)
    texts = (
        names.get("REDIS_VERSION", ""),
        names.get("REDIS_DOWNLOAD_URL", "").rpartition("/")[2].removeprefix("redis-"),
        labels.get(_ORIGIN, "").removeprefix("Redis "),
    )
    found = next((found for text in texts if (found := re.match(r"v?(\d+)\.(\d+)", text))), None)
    return None if found is None else (int(found[1]), int(found[2]))


def shown(version: Version) -> str:
    """As in a message: `8.6`, or `8` where the minor is not known."""
    return str(version[0]) if version[1] == _NEWEST_MINOR else f"{version[0]}.{version[1]}"
