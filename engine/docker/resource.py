"""The Docker half's vocabulary: how a resource is declared, what Docker holds of it, what its type can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from engine.docker.connect import unless_gone
from engine.docker.labels import AUTONAME, LABEL_APPLIED, LABEL_URN, Applied, named, visible
from engine.errors import EngineError, NotDone
from engine.values.compare import Change, Identity, by_key
from engine.values.urns import Named, urn_type
from engine.values.wire import Secret

if TYPE_CHECKING:
    from docker.api import APIClient

Effect = Literal["replace", "live", "engine"]
"""What a changed property asks for: a new one, a change in place, or nothing of Docker (it steers the engine only)."""


Fields = Mapping[str, Any]
"""By key: the fields of the objects that lie there; None for a plain value, a list or a map of such."""


def keys(*names: str) -> Fields:
    """Fields with plain values."""
    return dict.fromkeys(names)


@dataclass(frozen=True)
class Prop:
    """One supported input property. `fields` are the supported keys of the objects in it, each with those below it."""

    effect: Effect = "replace"
    fields: Fields | None = None
    identity: Identity | None = None


LABELS = Prop(fields=keys("label", "value"), identity=by_key("label"))


def check_supported(props: Mapping[str, Prop], inputs: Mapping[str, Any], kind: str, name: str) -> None:
    """NotDone naming the first input, however deep, that this engine does not implement."""
    fields = {key: prop.fields for key, prop in props.items()}
    unknown = next(_unsupported(fields, inputs), None)
    if unknown:
        raise NotDone(f"{kind} '{name}': property '{unknown}'")


def _unsupported(fields: Fields, value: Any, path: str = "") -> Iterator[str]:
    """The paths in `value` that `fields` does not have."""
    bare = value.value if isinstance(value, Secret) else value
    if isinstance(bare, list):
        for member in bare:
            yield from _unsupported(fields, member, path)
    elif isinstance(bare, Mapping):
        for key, inner in bare.items():
            if key not in fields:
                yield f"{path}{key}"
            elif fields[key] is not None:
                yield from _unsupported(fields[key], inner, f"{path}{key}.")


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


def existing_of(
    kind: str, found: Iterable[tuple[str, str, Any, Mapping[str, str] | None, Mapping[str, Any]]]
) -> list[Existing]:
    """Those of `found` (id, name, created, labels, raw) that the engine made as this type."""
    result = []
    for identifier, name, created, labels, raw in found:
        urn = (labels or {}).get(LABEL_URN, "")
        applied = (labels or {}).get(LABEL_APPLIED)
        # A container started by hand from a built image inherits the image's labels: its type tells it apart.
        if applied is None or urn.count("::") < 3 or urn_type(urn) != kind:
            continue
        result.append(Existing(urn, identifier, name, str(created), Applied.from_label(applied), raw))
    return result


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
class Progress:
    """Where a long step says how far it is, and asks whether the user wants to stop (Interrupted then)."""

    say: Callable[[str], None]
    check: Callable[[], None]


@dataclass(frozen=True)
class Making:
    """What a create or update goes with."""

    marks: dict[str, str]
    """The labels by which it is known."""
    progress: Progress
    make_room: Callable[[], None] = lambda: None
    """Removes the old one; to be called as late as can be."""


class Handler(ABC):
    """One resource type, done on one Docker. What is written here holds for types of which every change replaces."""

    type: ClassVar[str]
    word: ClassVar[str]
    """The type in messages."""
    props: Mapping[str, Prop]

    def __init__(self, client: APIClient) -> None:
        self._client = client

    @abstractmethod
    def held(self, label: str) -> list[Existing]:
        """What Docker holds of this type with the label `label`."""

    @abstractmethod
    def create(self, inputs: dict[str, Any], making: Making) -> Made:
        """Makes one."""

    @abstractmethod
    def remove(self, identifier: str) -> None:
        """Removes it from Docker; docker-py's errors."""

    @abstractmethod
    def outputs(self, raw: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs, of what Docker says of it."""

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

    def settle(self, made: Made, inputs: Mapping[str, Any]) -> None:
        """EngineError when what was made or mended is not what its inputs ask for."""
        return

    def prune(self, label: str) -> None:
        """Removes earlier ones that nothing uses any more."""
        return

    def forget_networks(self) -> None:
        """Networks have changed: look again."""
        return

    def pulled_digest(self, urn: str, name: str) -> str | None:
        """The digest of a copy here of what another daemon has built as `urn` and pushed as `name`."""
        return None


def identities(props: Mapping[str, Prop]) -> dict[str, Identity]:
    """How the members of set-like properties are told apart."""
    return {key: prop.identity for key, prop in props.items() if prop.identity}


def comparable(props: Mapping[str, Prop], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that a diff looks at: not those that steer the engine only, which no label can follow."""
    return {key: value for key, value in inputs.items() if key in props and props[key].effect != "engine"}
