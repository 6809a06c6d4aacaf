"""Property paths in Pulumi's notation: `a.b[0]["c d"]`."""

import re
from typing import Any

from engine.errors import EngineError

Path = tuple[str | int, ...]

_PART = re.compile(r"""\.?([^.\[\]"]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]""")


def parse(text: str) -> Path:
    """The parts of a path; EngineError when it is malformed."""
    parts: list[str | int] = []
    position = 0
    while position < len(text) or not parts:
        match = _PART.match(text, position)
        if not match:
            raise EngineError(f"invalid property path '{text}'")
        name, index, quoted = match.groups()
        parts.append(int(index) if index else name or quoted.replace('\\"', '"'))
        position = match.end()
    return tuple(parts)


def get(value: Any, path: Path) -> Any:
    """What lies at `path`; KeyError when nothing does."""
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            raise KeyError(path) from None
    return value


def put(root: Any, path: Path, new: Any) -> None:
    """Sets what lies at `path` in nested dicts and lists, making what is missing on the way."""
    part, rest = path[0], path[1:]
    if isinstance(root, list) and not (isinstance(part, int) and part <= len(root)):
        raise EngineError(f"no such place in a list: {part}")
    if rest:
        try:
            inside = get(root, (part,))
        except KeyError:
            inside = None
        if not isinstance(inside, dict | list):
            inside = [] if isinstance(rest[0], int) else {}
        put(inside, rest, new)
        new = inside
    if isinstance(root, list) and part == len(root):
        root.append(new)
    else:
        root[part] = new


def drop(root: Any, path: Path) -> None:
    """Removes what lies at `path`, if anything does."""
    try:
        holder = get(root, path[:-1])
        del holder[path[-1]]
    except (KeyError, IndexError, TypeError):
        return
