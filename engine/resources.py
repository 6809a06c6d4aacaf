"""The vocabulary that engine and providers share: what a resource is declared as, and what Docker holds of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from engine.crypto import Crypter
from engine.diff import Change, Identity, hashed
from engine.errors import EngineError

LABEL = "pulumi.embedded."
LABEL_STACK = LABEL + "stack"
"""`<project>/<stack>`: what the inventory asks Docker for."""
LABEL_URN = LABEL + "urn"
LABEL_APPLIED = LABEL + "applied"

Effect = Literal["replace", "live", "engine"]
"""What a changed property asks for: a new one, a change in place, or nothing of Docker (it steers the engine only)."""


@dataclass(frozen=True)
class Prop:
    """One supported input property. `fields` are the supported keys of the objects in it."""

    effect: Effect = "replace"
    fields: frozenset[str] | None = None
    identity: Identity | None = None


def check_supported(props: Mapping[str, Prop], inputs: Mapping[str, Any], kind: str, name: str) -> None:
    """EngineError naming the first input that this engine does not implement."""
    for key, value in inputs.items():
        if key not in props:
            raise EngineError(f"{kind} '{name}': property '{key}' is not implemented by the embedded engine")
        fields = props[key].fields
        if fields is None:
            continue
        bare = getattr(value, "value", value)
        for member in bare if isinstance(bare, list) else [bare]:
            item = getattr(member, "value", member)
            unknown = set(item) - fields if isinstance(item, Mapping) else set()
            if unknown:
                raise EngineError(
                    f"{kind} '{name}': property '{key}.{sorted(unknown)[0]}' is not implemented by the embedded engine"
                )


@dataclass
class Applied:
    """What the engine writes on everything it makes: inputs (secrets hashed) and what a later delete needs."""

    inputs: dict[str, Any]
    key_id: str = ""
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    parents: list[str] = field(default_factory=list)
    retain: bool = False

    def to_label(self) -> str:
        return json.dumps(
            {
                "v": 1,
                "inputs": self.inputs,
                "key": self.key_id,
                "deps": self.dependencies,
                "propDeps": self.property_dependencies,
                "parents": self.parents,
                "retain": self.retain,
            },
            separators=(",", ":"),
            sort_keys=True,
        )

    @classmethod
    def from_label(cls, text: str) -> Applied:
        """Reads a label; EngineError when another version of the engine wrote it."""
        try:
            raw = json.loads(text)
            if raw["v"] != 1:
                raise EngineError(f"label {LABEL_APPLIED} has version {raw['v']}; this engine reads version 1 only")
            return cls(raw["inputs"], raw["key"], raw["deps"], raw["propDeps"], raw["parents"], raw["retain"])
        except (ValueError, KeyError, TypeError) as error:
            raise EngineError(f"label {LABEL_APPLIED} is not readable: {error}") from error


@dataclass
class Existing:
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
    def type(self) -> str:
        return urn_type(self.urn)

    @property
    def name(self) -> str:
        return urn_name(self.urn)


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


class Progress(Protocol):
    """Where a long step says how far it is, and asks whether the user wants to stop."""

    def say(self, text: str) -> None: ...

    def check(self) -> None:
        """Raises Interrupted once the user has asked to stop."""


class Handler(Protocol):
    """One resource type, done on Docker."""

    type: str
    props: Mapping[str, Prop]

    def check(self, name: str, inputs: dict[str, Any], existing: Existing | None, preview: bool) -> dict[str, Any]:
        """The inputs with the provider's defaults; EngineError for wrong ones."""

    def held(self, label: str) -> list[Existing]:
        """What Docker holds of this type with the stack label `label`."""

    def applied(self, existing: Existing, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The stored inputs in force, corrected by what Docker itself says where labels cannot follow."""

    def storable(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs that are stored in the label."""

    def drift(self, existing: Existing, inputs: Mapping[str, Any]) -> list[Drift]:
        """Where Docker's own state needs mending although no input has changed."""

    def preflight(self, inputs: Mapping[str, Any], stack_label: str) -> None:
        """EngineError when a create is bound to fail; asked before anything is deleted for it."""

    def delete_first(self, inputs: Mapping[str, Any]) -> bool:
        """Whether a replacement cannot stand beside the old one."""

    def preview(self, existing: Existing | None, inputs: dict[str, Any], changed: bool) -> Made:
        """Outputs known without doing anything (what is missing counts as unknown)."""

    def create(self, inputs: dict[str, Any], labels: dict[str, str], progress: Progress) -> Made: ...

    def update(
        self, existing: Existing, inputs: dict[str, Any], labels: dict[str, str], progress: Progress
    ) -> Made: ...

    def settle(self, made: Made, inputs: Mapping[str, Any], progress: Progress) -> None:
        """Waits until a created or mended resource is what its inputs ask for (`wait`)."""

    def delete(self, existing: Existing, inputs: Mapping[str, Any]) -> None: ...


def identities(props: Mapping[str, Prop]) -> dict[str, Identity]:
    """How the members of set-like properties are told apart."""
    return {key: prop.identity for key, prop in props.items() if prop.identity}


def comparable(props: Mapping[str, Prop], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that a diff looks at: not those that steer the engine only, which no label can follow."""
    return {key: value for key, value in inputs.items() if key in props and props[key].effect != "engine"}


def stored(inputs: Mapping[str, Any], crypter: Crypter | Callable[[], Crypter]) -> dict[str, Any]:
    """Inputs as a label holds them; the crypter is asked for only when there is a secret."""

    def hash_secret(value: Any) -> str:
        return (crypter if isinstance(crypter, Crypter) else crypter()).hash(value)

    return dict(hashed(dict(inputs), hash_secret))


def urn_type(urn: str) -> str:
    """`docker:index/container:Container` of a URN (without the parents' types)."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def urn_name(urn: str) -> str:
    """The resource name of a URN."""
    return urn.split("::", 3)[3]


def display_type(token: str) -> str:
    """`docker:index:Container`, as Pulumi prints the token `docker:index/container:Container`."""
    parts = token.split(":")
    return f"{parts[0]}:{parts[1].split('/')[0]}:{parts[2]}" if len(parts) == 3 else token
