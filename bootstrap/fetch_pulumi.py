"""Fetches the Pulumi CLI: `python fetch_pulumi.py VERSION FOLDER` puts its programs into FOLDER/bin.

The archive must have the checksum that the release on GitHub says, before anything of it is written. Ends with 1, and
without a word, where there is no route to the two; with a word where what came is not what was asked for.
"""

import fcntl
import hashlib
import io
import platform
import shutil
import sys
import tarfile
import threading
import urllib.request
from contextlib import suppress
from pathlib import Path

ARCHIVES = "https://get.pulumi.com/releases/sdk"
CHECKSUMS = "https://github.com/pulumi/pulumi/releases/download"
CONNECT_SECONDS = 5
FETCH_SECONDS = 300


class FetchError(Exception):
    """What came is not what was asked for."""


def fetch(version: str, folder: Path, archives: str = ARCHIVES, checksums: str = CHECKSUMS) -> None:
    """Raises OSError where it cannot be had, FetchError where its checksum is another; then nothing is written."""
    name = f"pulumi-v{version}-{_machine()}.tar.gz"
    wanted = _checksum(name, _get(f"{checksums}/v{version}/pulumi-{version}-checksums.txt", 2 * CONNECT_SECONDS))
    print(f"fetching the Pulumi CLI {version} ...", file=sys.stderr)
    archive = _get(f"{archives}/{name}", FETCH_SECONDS)
    if hashlib.sha256(archive).hexdigest() != wanted:
        raise FetchError(f"{name} has not the checksum of its release: it is not used")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(folder.name + ".new")
    with unfinished.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two that fetch it at the same time
        if (folder / "bin" / "pulumi").exists():
            return
        shutil.rmtree(unfinished, ignore_errors=True)
        _unpack(archive, unfinished / "bin")
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)


def _machine() -> str:
    system, kind = platform.system().lower(), platform.machine()
    return f"{system}-{ {'x86_64': 'x64', 'aarch64': 'arm64'}.get(kind, kind) }"


def _get(url: str, seconds: int) -> bytes:
    """Raises OSError. By a thread of its own, since looking a name up has no time limit."""
    found: list[bytes] = []

    def read() -> None:
        with suppress(OSError), urllib.request.urlopen(url, timeout=CONNECT_SECONDS) as reply:  # noqa: S310 - https
            found.append(reply.read())

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise ConnectionError(f"{url} cannot be had")
    return found[0]


def _checksum(name: str, listed: bytes) -> str:
    for line in listed.decode().splitlines():
        if line.split()[1:] == [name]:
            return line.split()[0]
    raise FetchError(f"the release has no checksum of {name}")


def _unpack(archive: bytes, folder: Path) -> None:
    """The archive's programs: all files of its one folder."""
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        for member in packed:
            content = packed.extractfile(member)
            if content is not None:
                file = folder / Path(member.name).name
                file.write_bytes(content.read())
                file.chmod(0o755)


if __name__ == "__main__":
    try:
        fetch(sys.argv[1], Path(sys.argv[2]))
    except FetchError as error:
        sys.exit(f"error: {error}")
    except OSError:
        sys.exit(1)
