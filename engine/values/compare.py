"""What differs between the inputs as last applied and the inputs of now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.errors import NotDone
from engine.values import paths
from engine.values.wire import UNKNOWN, Secret, anywhere, transform

HASHED = "$secret"
"""Key of the stand-in `{"$secret": <keyed hash>}` that takes a secret's place in stored inputs."""
_NOTHING = object()


@dataclass(frozen=True)
class Change:
    """One changed place, by its path."""

    path: paths.Path
    kind: Literal["add", "delete", "update"] = "update"

    @property
    def key(self) -> str:
        """The top-level property it lies in."""
        return str(self.path[0])


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


def compare(old: Any, new: Any, path: paths.Path = ()) -> list[Change]:
    """The changes from `old` to `new`."""
    if isinstance(old, list) and isinstance(new, list):
        old, new = dict(enumerate(old)), dict(enumerate(new))
    if isinstance(old, Mapping) and isinstance(new, Mapping) and not (is_hashed(old) or is_hashed(new)):
        keys = sorted({*old, *new})
        return [one for key in keys for one in compare(old.get(key, _NOTHING), new.get(key, _NOTHING), (*path, key))]
    if old == new and isinstance(old, bool) == isinstance(new, bool) and UNKNOWN not in (old, new):
        return []
    return [Change(path, "add" if old is _NOTHING else "delete" if new is _NOTHING else "update")]


def keep_ignored(old: Mapping[str, Any], new: dict[str, Any], patterns: list[str]) -> dict[str, Any]:
    """`new` with the old value wherever `ignore_changes` says so. NotDone for a secret: only its hash is known."""
    for pattern in patterns:
        path = paths.parse(pattern)
        try:
            before = paths.get(old, path)
        except KeyError:
            paths.drop(new, path)
            continue
        if has_hash(before):
            raise NotDone("ignore_changes of a secret")
        paths.put(new, path, before)
    return new
