"""Property paths in Pulumi's notation: `a.b[0]["c d"]`."""

from __future__ import annotations

import re
from typing import Any

from engine.errors import EngineError

Path = tuple[str | int, ...]

_PART = re.compile(r"""\.?([^.\[\]"]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\[(\*)\]""")


def parse(text: str) -> Path:
    """The parts of a path; EngineError when it is malformed."""
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if not match:
            raise EngineError(f"invalid property path '{text}'")
        name, index, quoted, star = match.groups()
        parts.append(
            int(index) if index is not None else (quoted.replace('\\"', '"') if quoted is not None else star or name)
        )
        position = match.end()
    if not parts:
        raise EngineError("invalid property path: it is empty")
    return tuple(parts)


def render(path: Path) -> str:
    """The text of a path, as Pulumi prints it."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


def covers(pattern: Path, path: Path) -> bool:
    """Whether `path` lies at or below `pattern` (in which `*` stands for any part)."""
    return len(pattern) <= len(path) and all(want in ("*", have) for want, have in zip(pattern, path, strict=False))


def get(value: Any, path: Path) -> Any:
    """What lies at `path`; KeyError when nothing does."""
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            raise KeyError(render(path)) from None
    return value


def put(root: Any, path: Path, new: Any) -> None:
    """Sets what lies at `path` in nested dicts and lists, making what is missing on the way."""
    for place, part in enumerate(path[:-1]):
        following = path[place + 1]
        fresh: Any = [] if isinstance(following, int) else {}
        if isinstance(root, list):
            if not isinstance(part, int) or part > len(root):
                raise EngineError(f"no such place: {render(path)}")
            if part == len(root):
                root.append(fresh)
            root = root[part]
        else:
            if not isinstance(root.get(part), dict | list):
                root[part] = fresh
            root = root[part]
    last = path[-1]
    if isinstance(root, list):
        if not isinstance(last, int) or last > len(root):
            raise EngineError(f"no such place: {render(path)}")
        if last == len(root):
            root.append(new)
        else:
            root[last] = new
    else:
        root[last] = new


def drop(root: Any, path: Path) -> None:
    """Removes what lies at `path`, if anything does."""
    try:
        holder = get(root, path[:-1])
        del holder[path[-1]]
    except (KeyError, IndexError, TypeError):
        return
