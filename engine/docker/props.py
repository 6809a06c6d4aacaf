"""How a resource's inputs are declared: which there are, what a change of each asks for, what Docker calls each."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.errors import NotDone
from engine.values.wire import Secret

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
    any_order: bool = False
    """Whether it is a set: a list whose order says nothing."""


LABELS = Prop(fields=keys("label", "value"), any_order=True)


@dataclass(frozen=True)
class To:
    """Docker's name for an input; its value goes there as it is, or as `made` of it, or by the `fields` in it."""

    name: str
    made: Callable[[Any], Any] | None = None
    fields: "Mapping[str, To] | None" = None
    whole: tuple[str, ...] = ()
    """The keys of the objects that `made` takes whole."""


def supported(table: Mapping[str, To]) -> Fields:
    """The keys of a table's inputs, and of the objects in them."""
    return {
        key: supported(to.fields) if to.fields is not None else dict.fromkeys(to.whole) if to.whole else None
        for key, to in table.items()
    }


def told(table: Mapping[str, To], value: Any) -> Any:
    """The inputs of a table as Docker takes them."""
    if isinstance(value, list):
        return [told(table, item) for item in value]
    known = ((table[key], item) for key, item in value.items() if key in table and item is not None)
    return {to.name: told(to.fields, item) if to.fields else to.made(item) if to.made else item for to, item in known}


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


def comparable(props: Mapping[str, Prop], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that a diff looks at, sets in one order: not those that steer the engine only."""
    return {
        key: sorted(value, key=_as_text) if props[key].any_order and isinstance(value, list) else value
        for key, value in inputs.items()
        if key in props and props[key].effect != "engine"
    }


def _as_text(member: Any) -> str:
    return json.dumps(member, default=repr, sort_keys=True)
