"""Files from this machine into a folder of a container, as its own user's."""

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from redis_ha.docker.daemon import Daemon


class Readable(Protocol):
    """What a file's content is read from."""

    def read(self, size: int, /) -> bytes: ...


class Parcel:
    """What goes there together."""

    def __init__(self, packed: tarfile.TarFile, owner: int) -> None:
        self._packed, self._owner = packed, owner

    def folder(self, name: str) -> None:
        """One that is empty for now."""
        self._add(name, tarfile.DIRTYPE, 0o700)

    def file(self, name: str, size: int, content: Readable) -> None:
        """One of `size` bytes."""
        self._add(name, tarfile.REGTYPE, 0o600, size, content)

    def _add(self, name: str, kind: bytes, mode: int, size: int = 0, content: Readable | None = None) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.uid, entry.size = kind, mode, self._owner, size
        self._packed.addfile(entry, content)  # type: ignore[arg-type]  # of a file it only reads


@contextmanager
def sent(daemon: Daemon, container: str, folder: str) -> Iterator[Parcel]:
    """What the block puts into the parcel is in `folder` afterwards. Raises DaemonError."""
    # Docker may lose what a command of a few milliseconds has said, on a busy machine.
    owner = int(daemon.run(container, "sh", "-c", "id -u; sleep 0.1")[1])
    with tempfile.TemporaryFile() as archive:
        with tarfile.open(fileobj=archive, mode="w") as packed:
            yield Parcel(packed, owner)
        archive.seek(0)
        daemon.put(container, folder, archive)
