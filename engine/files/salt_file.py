"""The salt of a stack whose file has no secrets: kept by this user, to whose passphrase it belongs."""

import os
from pathlib import Path

from engine.errors import EngineError
from engine.files.config import is_secure
from engine.files.stack_file import StackFile


def path_of(state_dir: Path, stack: str) -> Path:
    """Where it lies."""
    return state_dir / f"{stack}.salt"


def read(state_dir: Path, stack: str) -> str | None:
    """The salt, as `encryptionsalt` has it in a stack file; None where none was made."""
    try:
        return path_of(state_dir, stack).read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EngineError(f"{path_of(state_dir, stack)}: {error.strerror}") from error


def make(state_dir: Path, stack: str, salt: str) -> bool:
    """Keeps the salt; False when another run was quicker, whose salt it then is."""
    path = path_of(state_dir, stack)
    aside = path.with_suffix(f".{os.getpid()}")
    try:
        aside.write_text(salt + "\n", encoding="utf-8")
        aside.chmod(0o600)
        path.hardlink_to(aside)
    except FileExistsError:
        return False
    except OSError as error:
        raise EngineError(f"could not write {path}: {error.strerror}") from error
    finally:
        aside.unlink(missing_ok=True)
    return True


def remove(state_dir: Path, stack: str) -> None:
    """Forgets it."""
    path_of(state_dir, stack).unlink(missing_ok=True)


def anew(file: StackFile) -> str:
    """What to do with a stack file whose passphrase is lost."""
    keys = [key for key, value in file.config.items() if is_secure(value)]
    return f"remove {' and '.join(['encryptionsalt', *keys])} from {file.path.name} and set the secrets again"
