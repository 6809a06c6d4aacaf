"""Where the files are that images are built from: in the installed package, or in the checkout that it belongs to."""

import os
import shutil
import tempfile
from pathlib import Path

_HERE = Path(__file__).parent
FOLDERS = ("agent", "configs", "backup")
"""What the images are built from, side by side below one folder."""
IGNORE = ".dockerignore"
"""Beside them: what of them does not belong to the image."""
STAGED = Path(".redis-ha")


def root() -> Path:
    """The folder that has FOLDERS in it."""
    packaged = _HERE / "image"
    return packaged if packaged.is_dir() else _HERE.parents[1]


def context() -> str:
    """That folder as the program's images name it: relative to where the program runs, the same on every machine.

    A path becomes part of an image's state. Where the package is installed differs by machine and Python, so the files
    are copied below the program, into a folder that git leaves out.
    """
    source = root()
    if source == Path.cwd():
        return "."
    staged = STAGED / "image"
    if not _same(source, staged):
        STAGED.mkdir(exist_ok=True)
        (STAGED / ".gitignore").write_text("*\n")
        fresh = Path(tempfile.mkdtemp(dir=STAGED))
        for folder in FOLDERS:
            shutil.copytree(source / folder, fresh / folder, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(source / IGNORE, fresh)
        shutil.rmtree(staged, ignore_errors=True)
        fresh.chmod(0o755)
        try:
            fresh.rename(staged)
        except OSError:  # another run was quicker
            shutil.rmtree(fresh)
    return str(staged)


def _same(source: Path, staged: Path) -> bool:
    if not (staged / IGNORE).exists() or (source / IGNORE).read_bytes() != (staged / IGNORE).read_bytes():
        return False
    return all(_contents(source / folder) == _contents(staged / folder) for folder in FOLDERS)


def _contents(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """Each file's bytes, and whether it can be executed, by its path."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), os.access(path, os.X_OK))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
