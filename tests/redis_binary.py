"""redis-server and its companions as processes of this machine, taken out of the base image with what they need.

Tests of processes run the very Redis that the containers run, and nothing of the host's: each program is started by
the image's own loader, with the image's own libraries.
"""

import io
import os
import shlex
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import cast

import docker
from docker.errors import ImageNotFound

# The official image, and what bootstrap/base-image makes where that cannot be pulled.
BASE_IMAGES = ("redis:8-alpine", "redis-ha-stand-in:8-alpine")
PROGRAMS = ("redis-server", "redis-sentinel", "redis-cli", "redis-check-aof")
_LIBRARIES = ("lib", "lib64", "usr/lib", "usr/lib64")
_LOADERS = ("lib/ld-musl-*.so.1", "lib64/ld-linux-*.so.*", "lib/ld-linux-*.so.*")  # Alpine, Debian


def folder() -> Path:
    """A folder with these programs, for a PATH; made once for each image and kept in the user's cache folder.

    Raises AssertionError where Docker has no base image: `make daemon` gets one.
    """
    client = docker.from_env(timeout=60)
    image = next((found for name in BASE_IMAGES if (found := _image(client, name))), None)
    assert image is not None, f"Docker has neither of {' and '.join(BASE_IMAGES)}: make daemon"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "redis-ha"
    made = cache / f"redis-{str(image).removeprefix('sha256:')[:16]}-{len(PROGRAMS)}"
    if not made.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=cache, prefix=".redis-"))
        _extract(client, image, aside)
        _wrap(aside, made)
        try:
            aside.rename(made)
        except OSError:  # another run was quicker
            assert made.is_dir()
    return made / "programs"


def _image(client: docker.DockerClient, name: str) -> str | None:
    try:
        return str(client.images.get(name).id)
    except ImageNotFound:
        return None


def _extract(client: docker.DockerClient, image: str, root: Path) -> None:
    """The image's programs and libraries, without the rest of it."""
    container = client.containers.create(image)
    try:
        archive = io.BytesIO(b"".join(cast("Iterator[bytes]", container.export())))
    finally:
        container.remove(v=True, force=True)
    with tarfile.open(fileobj=archive) as tar:
        tar.extractall(root, [each for each in tar.getmembers() if _needed(PurePosixPath(each.name))], filter="tar")


def _needed(path: PurePosixPath) -> bool:
    if path.is_relative_to("usr/local/bin"):
        return path.name.startswith("redis-")
    return any(path.is_relative_to(each) for each in _LIBRARIES)


def _wrap(root: Path, final: Path) -> None:
    """Commands that run what lies in `root`, once that is at `final`."""
    loader = next(path for pattern in _LOADERS for path in sorted(root.glob(pattern)))
    folders = {path.parent for each in _LIBRARIES for path in (root / each).rglob("*.so*")}
    libraries = ":".join(sorted(str(final / path.relative_to(root)) for path in folders))
    glibc = ["--inhibit-cache"] if loader.name.startswith("ld-linux") else []  # the host's list of libraries
    start = [final / loader.relative_to(root), *glibc, "--library-path", libraries]
    (root / "programs").mkdir()
    for program in PROGRAMS:
        words = [*start, final / "usr/local/bin" / program]
        file = root / "programs" / program
        file.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n')
        file.chmod(0o755)
