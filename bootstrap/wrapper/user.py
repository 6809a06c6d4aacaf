"""What belongs to the user: the passphrase, the stack that was selected, where Pulumi's state lies."""

import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from bootstrap.wrapper.stack_file import PROJECT, load


def folder(variable: str, default: str) -> Path:
    """One of the XDG folders: what `variable` says, else `default` in the home."""
    named = os.environ.get(variable)
    return Path(named) if named else Path.home() / default


def passphrase() -> str | None:
    """Sees to it that there is a passphrase for config secrets. What to say of it, where one was made."""
    if "PULUMI_CONFIG_PASSPHRASE" in os.environ or os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        return None
    file = folder("XDG_CONFIG_HOME", ".config") / "redis-ha/passphrase"
    os.environ["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(file)
    if file.is_file() and file.stat().st_size:
        return None
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = file.with_name(f"{file.name}.{os.getpid()}")
    aside.touch(0o600)
    aside.write_text(secrets.token_urlsafe(32) + "\n", encoding="utf-8")
    # Two first runs at once: the one that links first has made it.
    try:
        file.hardlink_to(aside)
    except FileExistsError:
        return None
    finally:
        aside.unlink()
    return f"made a passphrase for config secrets: {file} (keep it)"


def selected_stack(project: Path) -> str | None:
    """The stack of the last `stack select`, where the embedded engine or Pulumi keeps it, by the project's path."""
    mark = hashlib.sha256(str(project.resolve()).encode()).hexdigest()[:12]
    selected = folder("XDG_STATE_HOME", ".local/state") / f"pulumi-embedded/{PROJECT}/selected-{mark}"
    if selected.is_file():
        return selected.read_text(encoding="utf-8").strip() or None
    mark = hashlib.sha1(f"{project}/Pulumi.yaml".encode(), usedforsecurity=False).hexdigest()
    workspace = _json(folder("PULUMI_HOME", ".pulumi") / f"workspaces/{PROJECT}-{mark}-workspace.json")
    # One for each backend: "URL": "organization/project/stack".
    named = workspace.get("stacks", {}).get(os.environ.get("PULUMI_BACKEND_URL", "file://~"))
    return str(named).rpartition("/")[2] if named else None


def default_backend(project: Path) -> None:
    """State lies in the home folder, unless the user has chosen (or logged in to) another backend."""
    if os.environ.get("PULUMI_BACKEND_URL") or os.environ.get("PULUMI_ACCESS_TOKEN"):
        return
    credentials = os.environ.get("PULUMI_CREDENTIALS_PATH")
    home = Path(credentials) if credentials else folder("PULUMI_HOME", ".pulumi")
    if not _json(home / "credentials.json").get("current") and "backend" not in load(project / "Pulumi.yaml"):
        os.environ["PULUMI_BACKEND_URL"] = "file://~"


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
