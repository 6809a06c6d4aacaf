"""Where a stack's secrets lie, and how far a rotation has come: both change in one write, or neither does."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any, Protocol

from bootstrap.wrapper import stack_file
from engine.files.stack_file import Editable
from ops.stack import ROOT, OpsError, file_of
from redis_ha.settings import generated

PROJECT = stack_file.PROJECT
MARKS = f"{PROJECT}-rotate"
"""The namespace in the stack's config of what is not for the program."""
_ASIDE = f"{MARKS}:new"

Raw = Any
"""A setting as it stands there: encrypted, where its place encrypts."""


class Place(Protocol):
    """One of the two."""

    def values(self) -> Mapping[str, Raw]:
        """What it holds, by the settings' names."""

    def mark(self, what: str) -> str | None:
        """How far the rotation of `what` has come; None: none is under way."""

    def sealed(self, value: Any) -> Raw:
        """A new secret (a text, or the object of a setting), as it stands there. Raises OpsError."""

    def change(self, values: Mapping[str, Raw | None], what: str, mark: str | None) -> None:
        """Sets values (None removes one) and the mark."""


class InStackFile:
    """Pulumi.STACK.yaml. What is encrypted is moved as it is; only a new secret needs the passphrase or key."""

    def __init__(self, stack: str) -> None:
        self._stack = stack
        self._file = file_of(stack)

    def values(self) -> Mapping[str, Raw]:
        return stack_file.settings(stack_file.load(self._file))

    def mark(self, what: str) -> str | None:
        found = stack_file.settings(stack_file.load(self._file)).get(f"{MARKS}:{what}")
        return None if found is None else str(found)

    def sealed(self, value: Any) -> Raw:
        text = value if isinstance(value, str) else json.dumps(value)
        command = ["./pulumiw", "config", "set", "--secret", _ASIDE, "--stack", self._stack]
        if subprocess.run(command, cwd=ROOT, input=text, text=True, check=False).returncode:
            raise OpsError("nothing is changed")  # Pulumi, or the engine, has said why
        return stack_file.load(self._file)["config"][_ASIDE]

    def change(self, values: Mapping[str, Raw | None], what: str, mark: str | None) -> None:
        own = {f"{PROJECT}:{name}": value for name, value in values.items()}
        Editable(self._file).set_values({**own, f"{MARKS}:{what}": mark, _ASIDE: None})


class OfThisUser:
    """The file in the user's configuration folder: of `dev`, and of stacks that were told to make their own."""

    def __init__(self, stack: str) -> None:
        self._stack = stack.rpartition("/")[2]

    def values(self) -> Mapping[str, Raw]:
        return generated.read(PROJECT, self._stack)

    def mark(self, what: str) -> str | None:
        found: str | None = self._marks().get(what)
        return found

    def sealed(self, value: Any) -> Raw:
        return value

    def change(self, values: Mapping[str, Raw | None], what: str, mark: str | None) -> None:
        marks = {name: one for name, one in {**self._marks(), what: mark}.items() if one is not None}
        generated.store(PROJECT, self._stack, {**values, generated.ROTATION: marks or None})

    def _marks(self) -> dict[str, str]:
        return dict(generated.read(PROJECT, self._stack).get(generated.ROTATION) or {})


def place_of(stack: str, setting: str) -> Place:
    """Where the stack has `setting`: its file goes before what was made for it."""
    in_file = InStackFile(stack)
    made = generated.wanted(stack.rpartition("/")[2]) and in_file.values().get(setting) in (None, "")
    return OfThisUser(stack) if made else in_file
