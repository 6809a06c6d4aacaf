"""Whether two servers have the same content in some keys, whatever their encoding."""

from collections.abc import Iterator
from typing import Any, TypeVar

from backup.given import BackupError
from backup.redis import Client, Word

T = TypeVar("T")
READ_BYTES = 1 << 18
READ: dict[bytes, tuple[str, ...]] = {
    b"string": ("GET",),
    b"list": ("LRANGE", "0", "-1"),
    b"set": ("SMEMBERS",),
    b"hash": ("HGETALL",),
    b"zset": ("ZRANGE", "0", "-1", "WITHSCORES"),
    b"stream": ("XRANGE", "-", "+"),
}


def same_content(source: Client, master: Client, keys: list[tuple[bytes, bytes]]) -> None:
    """Raises BackupError unless these keys, each with its type, have the same content.

    Of a module's type (a vector set) only that it is one: a server may keep, and dump, the same in another order.
    """
    reads: list[tuple[Word, ...]] = [
        (name, key, *rest) for key, kind in keys for name, *rest in [READ.get(kind, ("TYPE",))]
    ]
    there = source.ask_all(reads)
    here: list[Any] = []
    # No more at once than a node with small limits bears.
    for some in batches(list(zip(reads, map(_size, there), strict=True)), READ_BYTES):
        here += master.ask_all(some)
    for (key, kind), one, other in zip(keys, there, here, strict=True):
        if _plain(kind, one) != _plain(kind, other):
            raise BackupError(f"{key!r} has not arrived as it was")


def batches(sized: list[tuple[T, int]], limit: int) -> Iterator[list[T]]:
    """No more at once than have `limit` bytes, but at least one."""
    batch: list[T] = []
    left = limit
    for one, size in sized:
        if batch and size > left:
            yield batch
            batch, left = [], limit
        batch.append(one)
        left -= size
    if batch:
        yield batch


def _size(content: Any) -> int:
    """Bytes of an answer, about."""
    if isinstance(content, list):
        return sum(map(_size, content))
    return len(content) if isinstance(content, bytes) else 8


def _plain(kind: bytes, content: Any) -> Any:
    """In an order that does not depend on the server."""
    if kind == b"set":
        return sorted(content)
    if kind == b"hash":
        return sorted(zip(content[::2], content[1::2], strict=True))
    return content
