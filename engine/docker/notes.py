"""What a stack's labels cannot hold, since Docker's labels are written once: notes, in the stack's own Docker.

They hold the last deployment's outputs (encrypted), what is declared `retain_on_delete` and `protect`, and where
providers lead to.
They are the label of a volume; new notes are a new volume, and the one with the highest number counts. An update opens
them at its first change and closes them at its end. Open ones are those of a run that was cut off: of what it made,
after-hooks may be owed.
"""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.docker.connect import Client, explained, unless_gone
from engine.docker.labels import LABEL
from engine.errors import EngineError

LABEL_NOTES = LABEL + "notes"
LABEL_TEXT = LABEL + "text"
LABEL_GIVEN = LABEL + "given"
"""On the notes of a stack that Pulumi has taken over; `./pulumiw` asks Docker for it."""


@dataclass(frozen=True)
class Notes:
    """One version of a stack's notes."""

    number: int = 0
    """0: there are none."""
    since: str = ""
    """When the run began that was cut off, as Docker writes times; empty: they are closed."""
    outputs: str = ""
    retain: dict[str, bool] = field(default_factory=dict)
    """By URN, where it is another than what the resource's own label says."""
    protect: dict[str, bool] = field(default_factory=dict)
    """In the same way."""
    providers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By URN: what each declared provider was last given (`inputs`, encrypted), and its `parents`."""

    components: tuple[str, ...] = ()
    """URNs of what groups others; Docker holds nothing of one that groups nothing."""

    given: bool = False
    """Whether the stack is Pulumi's now, by `make to-pulumi`."""

    def next(self, **changes: Any) -> "Notes":
        """The version after this one."""
        # By the clock: where an earlier stack of the name has left notes behind, the later ones count.
        return replace(self, number=max(self.number + 1, int(time.time())), **changes)


class NoteStore:
    """A stack's notes in one Docker."""

    def __init__(self, client: Client, stack_id: str) -> None:
        self._client = client
        self._stack_id = stack_id

    def read(self) -> Notes:
        """The newest; EngineError when another version of the engine wrote them."""
        return max((_parsed(volume) for volume in self._volumes()), key=lambda notes: notes.number, default=Notes())

    def write(self, notes: Notes) -> None:
        """Puts down `notes`, then removes the older ones."""
        body = {"v": 1, **asdict(notes)}
        name = f"pulumi-embedded.{self._stack_id.replace('/', '.')}.notes.{notes.number}"
        marks = {LABEL_NOTES: self._stack_id, LABEL_TEXT: json.dumps(body, separators=(",", ":"), sort_keys=True)}
        if notes.given:
            marks[LABEL_GIVEN] = self._stack_id
        with explained("writing the stack's notes"):
            self._client.create_volume(name, labels=marks)
        self._remove(volume for volume in self._volumes() if volume["Name"] != name)

    def remove(self) -> None:
        """There is no stack any more to keep them for."""
        self._remove(self._volumes())

    def _volumes(self) -> list[dict[str, Any]]:
        with explained("reading the stack's notes"):
            return self._client.volumes(filters={"label": f"{LABEL_NOTES}={self._stack_id}"}).get("Volumes") or []

    def _remove(self, volumes: Iterable[dict[str, Any]]) -> None:
        for volume in volumes:
            with unless_gone("removing the stack's old notes"):
                self._client.remove_volume(volume["Name"])


def _parsed(volume: dict[str, Any]) -> Notes:
    try:
        raw = json.loads(volume["Labels"][LABEL_TEXT])
        if (version := raw.pop("v")) != 1:
            raise EngineError(f"volume {volume['Name']} has notes of version {version}; version 1 only is read")
        return Notes(**{**raw, "components": tuple(raw["components"])})
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(f"volume {volume['Name']} holds the stack's notes, and is not readable: {error}") from error
