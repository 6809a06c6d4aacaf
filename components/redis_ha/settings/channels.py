"""The channels on which Sentinels and agents speak: no user's rule may reach them."""

from collections.abc import Iterator

OWN_CHANNELS = ("__sentinel__:hello", "__redis-ha__")
_ASCII = frozenset(map(chr, range(128)))


def reaches_own_channel(rule: str) -> bool:
    """Whether a rule of a Redis ACL allows one of them; in a selector a bracket may stand before it and after it."""
    inside = rule.lstrip("(")
    if inside.removesuffix(")").lower() == "allchannels":
        return True
    patterns = {inside, inside.removesuffix(")")}
    return inside.startswith("&") and any(_matches(one[1:], name) for one in patterns for name in OWN_CHANNELS)


def _matches(pattern: str, name: str) -> bool:
    """Whether `pattern` may match `name` by Redis' rules, which are not those of fnmatch (stringmatchlen in util.c)."""
    if "[" in pattern and not pattern.isascii():
        return True  # a range of bytes: what is in it depends on the processor
    ends = {0}  # of the parts of `name` that what has been read of the pattern matches
    for letters in _steps(pattern):
        if letters is None:
            ends = {end for first in ends for end in range(first, len(name) + 1)}
        else:
            ends = {end + 1 for end in ends if end < len(name) and name[end] in letters}
    return len(name) in ends


def _steps(pattern: str) -> Iterator[frozenset[str] | None]:
    """The letters of which each step takes one; None: any number of any letters."""
    rest = pattern
    while rest:
        letter, rest = rest[0], rest[1:]
        if letter == "*":
            yield None
        elif letter == "?":
            yield _ASCII
        elif letter == "[":
            negated = rest.startswith("^")
            letters, rest = _one_of(rest[negated:])
            yield _ASCII - letters if negated else letters
        elif letter == "\\" and rest:
            yield frozenset(rest[0])
            rest = rest[1:]
        else:
            yield frozenset(letter)


def _one_of(rest: str) -> tuple[frozenset[str], str]:
    """The letters up to `]`, or to the end where there is none, and what comes after it."""
    letters: set[str] = set()
    while rest and rest[0] != "]":
        if rest[0] == "\\" and len(rest) > 1:
            letters.add(rest[1])
            rest = rest[2:]
        elif rest[1:2] == "-" and len(rest) > 2:
            first, last = sorted((ord(rest[0]), ord(rest[2])))
            letters.update(map(chr, range(first, last + 1)))
            rest = rest[3:]
        else:
            letters.add(rest[0])
            rest = rest[1:]
    return frozenset(letters), rest[1:]
