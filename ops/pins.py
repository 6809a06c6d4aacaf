"""Pins a stack's images to what their registries have now: `python -m ops.pins STACK`.

The digest stands behind the tag: `redis:8-alpine@sha256:...`. With it the same stack file deploys the same image on
every machine, and an update of the image is a change of that file, which a pull request shows.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from bootstrap.wrapper import stack_file
from ops.stack import ROOT, OpsError, daemons, file_of
from redis_ha.docker.daemon import Daemon, DaemonError
from redis_ha.settings.model import Settings

ANSWER_SECONDS = 60
IMAGES = {"baseImage": None, "endpointImage": "endpoint", "exporterImage": "metrics", "resticImage": "backup"}
"""The settings that name an image, and the one by which it is used at all."""


def used(settings: Mapping[str, Any]) -> dict[str, str]:
    """The images that a stack with these settings is built on, by the setting that names each."""
    defaults = {field.alias or name: field.default for name, field in Settings.model_fields.items()}
    return {
        key: str(settings.get(key) or defaults[key])
        for key, switch in IMAGES.items()
        if switch is None or str(settings.get(switch) or "false").lower() != "false"
    }


def pinned(images: Mapping[str, str], ask: Callable[[str], str]) -> dict[str, str]:
    """Those of `images` that are to be written differently: `ask` tells the digest of an image with a tag.

    Raises OpsError naming each image whose registry has not told, and why. Then none is to be changed.
    """
    found, missing = {}, []
    for key, image in images.items():
        name = image.partition("@")[0]
        try:
            pin = f"{name}@{ask(name)}"
        except DaemonError as error:
            missing.append(f"{name}: {error}")
            continue
        if pin != image:
            found[key] = pin
    if missing:
        raise OpsError("the registry has not told a digest, and all pins stay as they are:\n  " + "\n  ".join(missing))
    return found


def _any_of(asked: list[Daemon]) -> Callable[[str], str]:
    """A question that the first daemon that can answers: each reaches registries in its own way."""

    def ask(name: str) -> str:
        errors = []
        for daemon in asked:
            try:
                return daemon.registry_digest(name)
            except DaemonError as error:
                where = f"{daemon.host.name}: " if daemon.host else ""
                errors.append(f"{where}{error}")
        raise DaemonError("; ".join(errors))

    return ask


def main(stack: str) -> int:
    """Writes the pins into the stack's file, and says each."""
    settings = stack_file.settings(stack_file.load(file_of(stack)))
    try:
        changed = pinned(used(settings), _any_of(daemons(stack, ANSWER_SECONDS)))
    except OpsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    for key, pin in changed.items():
        command = ["./pulumiw", "config", "set", key, pin, "--stack", stack]
        if subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode:
            return 1
        sys.stdout.write(f"{key}: {pin}\n")
    if not changed:
        sys.stdout.write(f"the images of stack {stack} are pinned to what their registries have\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
