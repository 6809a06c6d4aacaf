"""What the engine writes on all that it makes, and how it is read back."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import EngineError

LABEL = "pulumi.embedded."
LABEL_STACK = LABEL + "stack"
"""`<project>/<stack>`: what Docker is asked for."""
LABEL_URN = LABEL + "urn"
LABEL_APPLIED = LABEL + "applied"
AUTONAME = "__autoname"
"""Internal input: the name was made up here, so a replacement may stand beside the old one."""


@dataclass
class Applied:
    """What a resource was made as: inputs (secrets hashed) and what a later delete needs."""

    inputs: dict[str, Any]
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    parents: list[str] = field(default_factory=list)
    retain: bool = False
    protect: bool = False

    @property
    def name(self) -> str | None:
        """The name that it was given in Docker."""
        name = self.inputs.get("name")
        return name if isinstance(name, str) else None

    @property
    def parent(self) -> str:
        return self.parents[-1] if self.parents else ""

    @property
    def needs(self) -> set[str]:
        """URNs of all that it was made from."""
        return {*self.dependencies, *(urn for urns in self.property_dependencies.values() for urn in urns)}

    def to_label(self) -> str:
        body = {"v": 1, "inputs": self.inputs, "deps": self.dependencies, "propDeps": self.property_dependencies}
        body |= {"parents": self.parents, "retain": self.retain, "protect": self.protect}
        return json.dumps(body, separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_label(cls, text: str) -> "Applied":
        """Reads a label; EngineError when another version of the engine wrote it."""
        try:
            raw = json.loads(text)
            if raw["v"] != 1:
                raise EngineError(f"label {LABEL_APPLIED} has version {raw['v']}; this engine reads version 1 only")
            protect = raw.get("protect", False)  # older labels do not say it
            return cls(raw["inputs"], raw["deps"], raw["propDeps"], raw["parents"], raw["retain"], protect)
        except (ValueError, KeyError, TypeError) as error:
            raise EngineError(f"label {LABEL_APPLIED} is not readable: {error}") from error


def label_map(inputs: Mapping[str, Any]) -> dict[str, str]:
    """The user's labels as Docker takes them."""
    return {str(item["label"]): str(item["value"]) for item in inputs.get("labels") or []}


def named(name: str, inputs: dict[str, Any], known: str | None) -> dict[str, Any]:
    """Inputs with a name: the given one, the one it has, or a new one as Pulumi makes it (`<resource>-<hex>`)."""
    if "name" in inputs:
        return inputs
    return {**inputs, "name": known or f"{name}-{secrets.token_hex(4)[:7]}", AUTONAME: True}


def visible(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs without the internal ones."""
    return {key: value for key, value in inputs.items() if not key.startswith("__")}
