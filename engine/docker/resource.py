"""The Docker half's vocabulary: what Docker holds of a resource, and what its type can do."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.docker.connect import Client, explained, unless_gone
from engine.docker.labels import AUTONAME, LABEL_APPLIED, LABEL_URN, Applied, named, visible
from engine.docker.props import Props
from engine.errors import EngineError
from engine.values.compare import Change
from engine.values.urns import Named, urn_type


@dataclass
class Existing(Named):
    """A resource of this stack that Docker holds."""

    urn: str
    id: str
    docker_name: str
    created: str
    applied: Applied
    raw: Mapping[str, Any]
    provider: str = ""
    """URN of the provider through which it was found; empty: the default one."""

    @property
    def half_made(self) -> bool:
        """Whether the run that made it was cut off before it got its name."""
        return self.docker_name.startswith(f"{self.applied.name}{MAKING}")

    @property
    def strange(self) -> bool:
        """Whether its labels speak of another: a copy by `docker commit` has them all, and its own name."""
        return self.applied.name not in (None, self.docker_name) and not self.half_made


MAKING = ".making-"
"""What is being made bears its name, this, and digits. With its final name it is whole: to rename is atomic."""


@dataclass
class Made:
    """The outcome of a create or update: Docker's id and the resource's outputs."""

    id: str
    outputs: dict[str, Any]


@dataclass
class Drift:
    """Docker's own state that differs from what was applied; `replace` when only a new one can mend it."""

    changes: list[Change]
    note: str
    replace: bool = False


@dataclass(frozen=True)
class Making:
    """What a create or update goes with."""

    marks: dict[str, str]
    """The labels by which it is known."""
    say: Callable[[str], None]
    """How far a long step is."""
    check: Callable[[], None]
    """Interrupted where the user wants to stop."""
    make_room: Callable[[], None]
    """Removes the old one; to be called as late as can be."""


class Handler(ABC):
    """One resource type, done on one Docker. What is written here holds for types of which every change replaces."""

    type: ClassVar[str]
    word: ClassVar[str]
    """The type in messages, and in the names of the client's methods."""
    props: Props

    def __init__(self, client: Client) -> None:
        self._client = client

    def held(self, label: str) -> list[Existing]:
        """What Docker holds with a label that the engine made as this type; Docker's keys differ from type to type."""
        with explained(f"listing Docker's {self.word}s"):
            found = list(self.listed(label))
        result = []
        for raw in found:
            spec = raw.get("Spec") or raw
            labels = (raw.get("Config") or spec).get("Labels") or {}
            urn, text = labels.get(LABEL_URN, ""), labels.get(LABEL_APPLIED)
            # A container started by hand from a built image inherits the image's labels: its type tells it apart.
            if text is None or urn.count("::") < 3 or urn_type(urn) != self.type:
                continue
            name = spec.get("Name") or (raw.get("RepoTags") or [""])[0]
            created = raw.get("CreatedAt") or raw.get("Created") or ""
            identifier, applied = raw.get("ID") or raw.get("Id") or name, Applied.from_label(text)
            result.append(Existing(urn, identifier, name.lstrip("/"), str(created), applied, raw))
        return result

    @abstractmethod
    def listed(self, label: str) -> Iterable[Mapping[str, Any]]:
        """What Docker says of each; docker-py's errors."""

    @abstractmethod
    def create(self, inputs: dict[str, Any], making: Making) -> Made:
        """Makes one."""

    def remove(self, identifier: str) -> None:
        """Removes it from Docker; docker-py's errors."""
        getattr(self._client, f"remove_{self.word}")(identifier)

    def outputs(self, raw: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs, of what Docker says of it."""
        return visible(inputs)

    def delete(self, existing: Existing, inputs: Mapping[str, Any]) -> None:
        """Removes it as `inputs` say; it may be gone already."""
        with unless_gone(f"removing {self.word} '{existing.docker_name}'"):
            self.remove(existing.id)

    def check(self, name: str, inputs: dict[str, Any], existing: Existing | None) -> dict[str, Any]:
        """The inputs with the provider's defaults; EngineError for wrong ones."""
        return named(name, inputs, existing.docker_name if existing else None)

    def applied(self, existing: Existing, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The stored inputs in force, corrected by what Docker itself says where labels cannot follow."""
        return dict(existing.applied.inputs)

    def storable(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs that are stored in the label."""
        return {key: value for key, value in inputs.items() if key in self.props}

    def drift(self, existing: Existing, inputs: Mapping[str, Any]) -> list[Drift]:
        """Where Docker's own state needs mending although no input has changed."""
        return []

    def preflight(self, inputs: Mapping[str, Any], existing: Existing | None, stack_label: str) -> None:
        """EngineError when a create is bound to fail; asked before anything is deleted for it."""
        return

    def delete_first(self, inputs: Mapping[str, Any]) -> bool:
        """Whether a replacement cannot stand beside the old one."""
        return AUTONAME not in inputs

    def replaces(self, change: Change, inputs: Mapping[str, Any]) -> bool:
        """Whether a changed property asks for a new one."""
        return self.props[change.key].effect == "replace"

    def preview(self, existing: Existing | None, inputs: dict[str, Any], changed: bool) -> Made:
        """Outputs known without doing anything (what is missing counts as unknown)."""
        if existing is None or changed:
            return Made(existing.id if existing else "", visible(inputs))
        return Made(existing.id, self.outputs(existing.raw, inputs))

    def update(self, existing: Existing, inputs: dict[str, Any], making: Making) -> Made:
        """Changes it in place."""
        raise EngineError(f"{self.word} '{existing.docker_name}' cannot be changed in place")

    def prune(self, label: str) -> None:
        """Removes earlier ones that nothing uses any more."""
        return

    def pulled_digest(self, urn: str, name: str) -> str | None:
        """The digest of a copy here of what another daemon has built as `urn` and pushed as `name`."""
        return None
