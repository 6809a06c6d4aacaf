"""What differs between the inputs as last applied and the inputs of now."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.values import paths
from engine.values.wire import UNKNOWN, Secret, anywhere, transform

HASHED = "$secret"
"""Key of the stand-in `{"$secret": <keyed hash>}` that takes a secret's place in stored inputs."""

Kind = Literal["add", "delete", "update"]
Identity = Callable[[Any], str]


@dataclass(frozen=True)
class Change:
    """One changed place: its path and what was and is there (secrets as stand-ins)."""

    path: paths.Path
    kind: Kind
    old: Any = None
    new: Any = None

    @property
    def key(self) -> str:
        """The top-level property it lies in."""
        return str(self.path[0])


def by_key(*keys: str) -> Identity:
    """Identity of a set's members by these keys of theirs."""

    def identity(item: Any) -> str:
        if isinstance(item, Mapping):
            return json.dumps([item.get(key) for key in keys], default=repr)
        return str(item)

    return identity


def by_variable(item: Any) -> str:
    """Identity of `NAME=value` by its name."""
    return str(item).split("=", 1)[0]


def hashed(value: Any, hash_secret: Callable[[Any], str]) -> Any:
    """The value as it may be stored: each secret as the stand-in with its keyed hash, UNKNOWN left as it is."""

    def leaf(item: Any) -> Any:
        if not isinstance(item, Secret):
            return item
        return UNKNOWN if item.value is UNKNOWN else {HASHED: hash_secret(item.value)}

    return transform(value, leaf)


def is_hashed(value: Any) -> bool:
    """Whether a value is the stand-in of a secret."""
    return isinstance(value, Mapping) and set(value) == {HASHED}


def has_hash(value: Any) -> bool:
    """Whether the stand-in of a secret is anywhere inside."""
    return anywhere(value, is_hashed)


def compare(
    old: Mapping[str, Any], new: Mapping[str, Any], identities: Mapping[str, Identity] | None = None
) -> list[Change]:
    """The changes from `old` to `new`; lists named in `identities` are sets whose members are told by that function."""
    return _members(old, new, (), identities or {})


def _members(
    old: Mapping[Any, Any], new: Mapping[Any, Any], path: paths.Path, identities: Mapping[str, Identity]
) -> list[Change]:
    changes: list[Change] = []
    for key in sorted({*old, *new}):
        if key not in old:
            changes.append(Change((*path, key), "add", None, new[key]))
        elif key not in new:
            changes.append(Change((*path, key), "delete", old[key], None))
        else:
            changes.extend(_compare(old[key], new[key], (*path, key), identities.get(key)))
    return changes


def _compare(old: Any, new: Any, path: paths.Path, identity: Identity | None = None) -> list[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping) and not (is_hashed(old) or is_hashed(new)):
        return _members(old, new, path, {})
    if isinstance(old, list) and isinstance(new, list):
        if identity:
            return _compare_sets(old, new, path, identity)
        return _members(dict(enumerate(old)), dict(enumerate(new)), path, {})
    same = old == new and isinstance(old, bool) == isinstance(new, bool) and UNKNOWN not in (old, new)
    return [] if same else [Change(path, "update", old, new)]


def _compare_sets(old: list[Any], new: list[Any], path: paths.Path, identity: Identity) -> list[Change]:
    """Members in any order: matched by identity, each change placed at the member's index (new, or old when gone)."""
    before = {_name(item, identity): (index, item) for index, item in enumerate(old)}
    if len(before) < len(old) or len({_name(item, identity) for item in new}) < len(new):
        return _compare(old, new, path)  # members that cannot be told apart have their place only
    changes = []
    seen = set()
    for index, item in enumerate(new):
        name = _name(item, identity)
        seen.add(name)
        if name in before:
            changes.extend(_compare(before[name][1], item, (*path, index)))
        else:
            changes.append(Change((*path, index), "add", None, item))
    changes.extend(
        Change((*path, index), "delete", item, None) for name, (index, item) in before.items() if name not in seen
    )
    return changes


def _name(item: Any, identity: Identity) -> str:
    if item is UNKNOWN or is_hashed(item):
        return json.dumps(item, default=repr, sort_keys=True)
    return identity(item)


def keep_ignored(old: Mapping[str, Any], new: dict[str, Any], patterns: list[str]) -> dict[str, Any]:
    """`new` with the old value wherever `ignore_changes` says so. Of a secret only its hash is known: it stays new."""
    for pattern in patterns:
        path = paths.parse(pattern)
        try:
            before = paths.get(old, path)
        except KeyError:
            paths.drop(new, path)
            continue
        if not has_hash(before):
            paths.put(new, path, before)
    return new
