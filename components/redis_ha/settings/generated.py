"""What is made on a machine for its own stack: passwords, and certificates for development.

It lies in the user's configuration folder, one file for each project and stack, and never in a file of the project:
those are shared by people with different passphrases. Every run reads the same file, be it a preview or an `up`, and
whichever command started it.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PASSWORDS = ("password", "systemPassword")
ROTATION = "rotation"
"""No setting: how far `make rotate` has come, by what it rotates."""
KEYS = (*PASSWORDS, "previousPassword", "otherSystemPassword", "tls", ROTATION)


class GeneratedError(Exception):
    """The file cannot be read or written. The text says which one and why, and holds nothing of it."""


def wanted(stack: str) -> bool:
    """Whether the stack asks for nothing: `dev` does not, and none does with REDIS_HA_GENERATE_PASSWORD=1."""
    return stack == "dev" or os.environ.get("REDIS_HA_GENERATE_PASSWORD") == "1"


def file_of(project: str, stack: str) -> Path:
    """Where the stack's values lie: a JSON object of settings, readable by this user only."""
    return _folder(project) / f"{stack}.json"


def read(project: str, stack: str) -> dict[str, Any]:
    """The values by setting; empty when nothing was made yet. Raises GeneratedError."""
    path = file_of(project, stack)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise GeneratedError(f"{path}: {error}") from None
    if not isinstance(found, dict) or not found.keys() <= set(KEYS):
        raise GeneratedError(f"{path}: not a JSON object of {', '.join(KEYS)}")
    return found


def passwords(project: str, stack: str) -> tuple[dict[str, Any], list[str]]:
    """The settings in the file, with both passwords, and which of these have just been made. Raises GeneratedError."""
    found = read(project, stack)
    if found.keys() >= set(PASSWORDS):
        return _settings(found), []
    with _alone(project):
        found = read(project, stack)  # another first run may have been quicker
        made = {name: secrets.token_urlsafe(24) for name in PASSWORDS if name not in found}
        if made:
            _write(file_of(project, stack), {**found, **made})
    return _settings({**found, **made}), list(made)


def store(project: str, stack: str, values: Mapping[str, Any]) -> None:
    """Adds `values` to the file, or replaces those of the same names; None removes one. Raises GeneratedError."""
    with _alone(project):
        changed = {**read(project, stack), **values}
        _write(file_of(project, stack), {key: value for key, value in changed.items() if value is not None})


def _settings(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key != ROTATION}


def _folder(project: str) -> Path:
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "redis-ha" / project


@contextmanager
def _alone(project: str) -> Iterator[None]:
    """One process at a time; the folder is there afterwards."""
    folder = _folder(project)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise GeneratedError(f"{folder}: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: Path, values: Mapping[str, Any]) -> None:
    # Written aside and moved into place: a reader, and one after a full disk, never finds half a file.
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            json.dump(values, stream, indent=2)
            stream.write("\n")
        aside.replace(path)
    except OSError as error:
        raise GeneratedError(f"{path}: {error.strerror}") from None
