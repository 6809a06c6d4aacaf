"""What the Docker resource types have in common: labels, names, and reading the engine's marks back."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from engine.diff import Identity
from engine.resources import LABEL_APPLIED, LABEL_URN, Applied, Existing, Prop, urn_type

AUTONAME = "__autoname"
"""Internal input: the name was made up here, so a replacement may stand beside the old one."""


def by_key(*keys: str) -> Identity:
    """Identity of a set's members by these keys of theirs."""

    def identity(item: Any) -> str:
        if isinstance(item, Mapping):
            return json.dumps([item.get(key) for key in keys], default=repr)
        return str(item)

    return identity


def by_value(item: Any) -> str:
    """Identity of plain values."""
    return str(item)


def by_variable(item: Any) -> str:
    """Identity of `NAME=value` by its name."""
    return str(item).split("=", 1)[0]


LABELS = Prop(fields=frozenset({"label", "value"}), identity=by_key("label"))


def label_map(inputs: Mapping[str, Any]) -> dict[str, str]:
    """The user's labels as Docker takes them."""
    return {str(item["label"]): str(item["value"]) for item in inputs.get("labels") or []}


def named(name: str, inputs: dict[str, Any], existing: Existing | None) -> dict[str, Any]:
    """Inputs with a name: the given one, the one it has, or a new one as Pulumi makes it (`<resource>-<hex>`)."""
    if "name" in inputs:
        return inputs
    known = existing.docker_name if existing else f"{name}-{secrets.token_hex(4)[:7]}"
    return {**inputs, "name": known, AUTONAME: True}


def visible(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs without the internal ones."""
    return {key: value for key, value in inputs.items() if not key.startswith("__")}


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
