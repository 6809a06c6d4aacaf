"""A stack's file, read; and the copy of it that the Pulumi CLI works with.

The CLI writes the salt of its user's passphrase into the stack file that it works with, at the first `stack init` and
at every run that finds none. The stack files are shared by people with different passphrases: a file that holds no
secret is handed to the CLI as a copy in the user's own state folder, and the salt stays there.
"""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.files.project import load_yaml

PROJECT = "redis-ha"
SECRETS = ("encryptionsalt", "encryptedkey", "secretsprovider")


def load(path: Path) -> dict[str, Any]:
    """The document; empty where there is none, or where it is broken: the engine says what is wrong with it."""
    try:
        found = load_yaml(path)
    except (OSError, EngineError):
        return {}
    return found if isinstance(found, dict) else {}


def settings(document: dict[str, Any]) -> dict[str, Any]:
    """The project's settings by their short names. A secret is a mapping with the one key `secure`."""
    config = document.get("config")
    if not isinstance(config, dict):
        return {}
    return {str(key).removeprefix(f"{PROJECT}:"): value for key, value in config.items()}


def keeps_secrets(document: dict[str, Any]) -> bool:
    """Whether it says how its secrets are encrypted."""
    return any(document.get(key) for key in SECRETS)


def state_folder() -> Path:
    """Of this user and for this project."""
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local/state") / "redis-ha"


def copy_for_cli(project: Path, file: Path, document: dict[str, Any], stack: str) -> Path:
    """A copy of `file`, which holds `document`, in a folder that is a project of its own.

    A file without a salt gets the one that the CLI has written into the last copy. Each clone has its own copies: two
    of them may be at work at once.
    """
    mark = hashlib.sha256(str(project.resolve()).encode()).hexdigest()[:12]
    folder = state_folder() / f"cli-{mark}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy = folder / f"Pulumi.{stack}.yaml"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if not keeps_secrets(document) and (salt := load(copy).get("encryptionsalt")):
        text = f"encryptionsalt: {salt}\n{text}"
    shutil.copyfile(project / "Pulumi.yaml", folder / "Pulumi.yaml")
    aside = copy.with_name(f".{copy.name}.{os.getpid()}")
    aside.touch(0o600)
    aside.write_text(text, encoding="utf-8")
    aside.replace(copy)
    return copy
