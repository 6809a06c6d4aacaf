"""How a resource's inputs are declared: which there are, what Docker calls each, what a change of each asks for."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.docker.labels import label_map
from engine.errors import NotDone
from engine.values.wire import Secret

Effect = Literal["replace", "live", "engine"]
"""What a changed property asks for: a new one, a change in place, or nothing of Docker (it steers the engine only)."""


@dataclass(frozen=True)
class Prop:
    """One supported input. In Docker it has the `name`; its value goes there as `made` of it, or by its `fields`."""

    name: str = ""
    made: Callable[[Any], Any] | None = None
    fields: "Props | None" = None
    """The supported keys of the objects that lie there; None for a plain value, a list or a map of such."""
    effect: Effect = "replace"
    any_order: bool = False
    """Whether it is a set: a list whose order says nothing."""


Props = Mapping[str, Prop]


def keys(*names: str) -> Props:
    """Fields with plain values."""
    return dict.fromkeys(names, Prop())


LABELS = Prop("Labels", lambda labels: label_map({"labels": labels}), keys("label", "value"), any_order=True)


def told(table: Props, value: Any) -> Any:
    """The inputs of a table as Docker takes them."""
    if isinstance(value, list):
        return [told(table, item) for item in value]
    known = ((table[key], item) for key, item in value.items() if key in table and item is not None)
    return {to.name: to.made(item) if to.made else told(to.fields, item) if to.fields else item for to, item in known}


def check_supported(props: Props, inputs: Mapping[str, Any], kind: str, name: str) -> None:
    """NotDone naming the first input, however deep, that this engine does not implement."""
    unknown = next(_unsupported(props, inputs), None)
    if unknown:
        raise NotDone(f"{kind} '{name}': property '{unknown}'")


def _unsupported(props: Props, value: Any, path: str = "") -> Iterator[str]:
    """The paths in `value` that `props` does not have."""
    bare = value.value if isinstance(value, Secret) else value
    if isinstance(bare, list):
        for member in bare:
            yield from _unsupported(props, member, path)
    elif isinstance(bare, Mapping):
        for key, inner in bare.items():
            if key not in props:
                yield f"{path}{key}"
            elif below := props[key].fields:
                yield from _unsupported(below, inner, f"{path}{key}.")


def comparable(props: Props, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that a diff looks at, sets in one order: not those that steer the engine only."""
    return {
        key: sorted(value, key=_as_text) if props[key].any_order and isinstance(value, list) else value
        for key, value in inputs.items()
        if key in props and props[key].effect != "engine"
    }


def _as_text(member: Any) -> str:
    return json.dumps(member, default=repr, sort_keys=True)
