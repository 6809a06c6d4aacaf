"""`--target` and `--exclude`: which resources a run may touch. Globs over URNs, as in Pulumi."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from engine.errors import EngineError
from engine.resources import Existing


def pattern(glob: str) -> re.Pattern[str]:
    """`**` stands for anything, `*` for anything without a colon; all else for itself."""
    parts = ("[^:]*".join(re.escape(piece) for piece in part.split("*")) for part in glob.split("**"))
    return re.compile(".*".join(parts))


@dataclass
class Selection:
    """What a run may touch; all of it without targets and excludes.

    With `dependents`, what depends on a target is one too, and what depends on an excluded one is left out too.
    Providers, components and the stack always belong to a run.
    """

    targets: Collection[str] = ()
    excludes: Collection[str] = ()
    dependents: bool = False
    _followed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.targets and self.excludes:
            raise EngineError("only one of --target and --exclude can be given")
        self._patterns = [pattern(glob) for glob in (*self.targets, *self.excludes)]

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return not self._patterns

    def named(self, urn: str) -> bool:
        """Whether a target or an exclude names it."""
        return any(one.fullmatch(urn) for one in self._patterns)

    def picks(self, urn: str, depends_on: Iterable[str] = ()) -> bool:
        """Whether a registration belongs to the run; asked in the program's order, dependencies first."""
        if self.whole:
            return True
        hit = self.named(urn) or (self.dependents and not self._followed.isdisjoint(depends_on))
        if hit:
            self._followed.add(urn)
        return hit if self.targets else not hit

    def deletable(self, items: Collection[Existing], held: Collection[Existing]) -> list[Existing]:
        """Those of `items` that may go, out of all that is `held`.

        A target takes along what depends on it; what an excluded one depends on stays with it.
        """
        if self.whole:
            return list(items)
        chosen = {item.urn for item in held if self.named(item.urn)}
        before = -1
        while len(chosen) > before:
            before = len(chosen)
            for item in held:
                needs = _needs(item)
                if (self.targets or self.dependents) and needs & chosen:
                    chosen.add(item.urn)
                if self.excludes and item.urn in chosen:
                    chosen |= needs
        return [item for item in items if (item.urn in chosen) == bool(self.targets)]


def _needs(item: Existing) -> set[str]:
    return {*item.applied.dependencies, *(urn for urns in item.applied.property_dependencies.values() for urn in urns)}
