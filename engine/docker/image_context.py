"""The build context of an image: what goes to Docker, and a hash that changes exactly when that does.

File modes are brought to 0644/0755 and times to a constant, so that neither the umask of a clone nor the time of a
checkout makes another image.
"""

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.errors import EngineError, NotDone


class BuildContext:
    """The files of one build, read at most twice: for the hash, and for the archive."""

    def __init__(self, build: Mapping[str, Any]) -> None:
        self.directory = Path(str(build.get("context") or "."))
        self.dockerfile = Path(str(build.get("dockerfile") or self.directory / "Dockerfile"))
        if not self.directory.is_dir():
            raise EngineError(f"could not open the build context '{self.directory}': no such directory")
        if not self.dockerfile.is_file():
            nested = self.directory / self.dockerfile
            hint = f". Try setting `dockerfile` to '{nested}'" if nested.is_file() else ""
            raise EngineError(f"could not open dockerfile at relative path '{self.dockerfile}'{hint}")
        at, root = self.dockerfile.resolve(), self.directory.resolve()
        if not at.is_relative_to(root):
            raise NotDone(f"a Dockerfile outside of its build context: '{self.dockerfile}'")
        self.dockerfile_name = at.relative_to(root).as_posix()
        """The Dockerfile's name in the archive."""

    def _entries(self) -> Iterator[tuple[str, Path]]:
        from docker.utils.build import exclude_paths

        ignore = self.dockerfile.with_name(self.dockerfile.name + ".dockerignore")
        if not ignore.is_file():
            ignore = self.directory / ".dockerignore"
        patterns = []
        if ignore.is_file():
            lines = (line.strip() for line in ignore.read_text(encoding="utf-8").splitlines())
            patterns = [line for line in lines if line and not line.startswith("#")]
        names = exclude_paths(str(self.directory), patterns, self.dockerfile_name)
        for name in sorted(name for name in names if name):
            yield Path(name).as_posix(), self.directory / name

    def digest(self) -> str:
        """Hex SHA-256 over names, kinds, executable bits and contents."""
        total = hashlib.sha256()
        for name, path in self._entries():
            total.update(f"{name}\0{self._mode(path):o}\0".encode())
            if path.is_symlink():
                total.update(b"link\0" + str(path.readlink()).encode())
            elif path.is_file():
                total.update(hashlib.sha256(path.read_bytes()).digest())
        return total.hexdigest()

    @staticmethod
    def _mode(path: Path) -> int:
        if path.is_symlink():
            return 0o777
        return 0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644

    def archive(self) -> io.BytesIO:
        """The tar that Docker builds from: root-owned, sorted, without times."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, path in self._entries():
                info = tarfile.TarInfo(name)
                info.mode = self._mode(path)
                if path.is_symlink():
                    info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
                    archive.addfile(info)
                elif path.is_dir():
                    info.type = tarfile.DIRTYPE
                    archive.addfile(info)
                elif path.is_file():
                    content = path.read_bytes()
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
        buffer.seek(0)
        return buffer
