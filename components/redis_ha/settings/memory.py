"""What fits into a container beside its data: what Redis is limited to follows from the container's own limit.

Measured at 128 MB, with writes as fast as they go: a replica that has lost its place copies everything; meanwhile it
stores what is written (up to the limit of a replica's buffer), then applies that in one go, and so holds it once more,
for its append-only file.
"""

# `maxmemory` is this much of the container's memory at most; the rest is for copy-on-write, buffers and fragmentation.
_SHARE = 0.6
# What counts in small containers.
_FIXED_BYTES = 32 * 1024**2  # the server without data, and the scripts beside it
_SPARE = 1.5  # of the data: fragmentation, and what is written while a child process writes a snapshot


def fitting_max_memory(memory: int) -> int:
    """The `maxmemory` that leaves room for backlog, buffers and copies in a container of `memory` bytes."""
    room = memory - _FIXED_BYTES - backlog(memory) - 2 * replica_buffer(memory)
    return int(min(memory * _SHARE, room / _SPARE))


def backlog(memory: int) -> int:
    """What a replica may have missed and still catch up without a full copy; bytes."""
    return max(1024**2, min(16 * 1024**2, memory // 16))


def replica_buffer(memory: int) -> int:
    """What may wait to be sent to a replica before it is let go of; bytes. Redis takes none below the backlog."""
    return max(backlog(memory), min(256 * 1024**2, memory // 10))
