"""What a run works with, what it leaves out, and what it answers the program."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from engine.docker.hosts import Hosts
from engine.docker.inventory import Inventory
from engine.docker.resource import Existing
from engine.errors import EngineError
from engine.files.secrets import Crypter
from engine.run.interrupts import Interrupts
from engine.run.steps import Owed, Recorder


class Excludes:
    """`--exclude '**.NAME'`: whatever is named so, a host with all that is on it, stays as it is."""

    def __init__(self, globs: Collection[str] = ()) -> None:
        for glob in globs:
            if not re.fullmatch(r"\*\*\.[\w-]+", glob):
                raise EngineError(f"--exclude '{glob}': the embedded engine implements '**.NAME' only")
        self._suffixes = {glob.removeprefix("**"): False for glob in globs}

    def __bool__(self) -> bool:
        return bool(self._suffixes)

    def names(self, urn: str) -> bool:
        """Whether it is left out."""
        for suffix in self._suffixes:
            if urn.endswith(suffix):
                self._suffixes[suffix] = True
                return True
        return False

    def refuse_unmatched(self) -> None:
        """EngineError for one that has named nothing: a mistyped one must not let the host be changed."""
        for suffix, matched in self._suffixes.items():
            if not matched:
                raise EngineError(f"--exclude '**{suffix}' names nothing that the stack has or declares")

    def stay(self, items: Collection[Existing]) -> set[str]:
        """URNs of those left out, and of all that they are built on."""
        kept = {item.urn for item in items if self.names(item.urn)}
        before = -1
        while len(kept) > before:
            before = len(kept)
            kept |= {urn for item in items if item.urn in kept for urn in item.applied.needs}
        return kept


@dataclass
class Context:
    """What a run works with."""

    project: str
    stack: str
    dry_run: bool
    hosts: Hosts
    listener: Recorder
    interrupts: Interrupts
    crypter: Callable[[], Crypter]
    excludes: Excludes = field(default_factory=Excludes)

    @property
    def inventory(self) -> Inventory:
        return self.hosts.inventory

    @property
    def stack_id(self) -> str:
        return f"{self.project}/{self.stack}"

    def retains(self, item: Existing) -> bool:
        """Whether what is there was last declared `retain_on_delete`."""
        return self._noted(self.hosts.notes.retain, item, item.applied.retain)

    def protects(self, item: Existing) -> bool:
        """Whether what is there was last declared `protect`."""
        return self._noted(self.hosts.notes.protect, item, item.applied.protect)

    def _noted(self, notes: Mapping[str, bool], item: Existing, labelled: bool) -> bool:
        return notes.get(self.noted_as(item.urn), notes.get(item.urn, labelled))  # earlier versions noted by the latter

    def noted_as(self, urn: str) -> str:
        """What the notes call a resource: as its label does, since who destroys it does not ask the program."""
        return self.inventory.labelled.get(urn, urn)

    def owed(self, item: Existing) -> Owed:
        """The kind of hooks that may not have ended, since a run that was cut off has made or changed it."""
        since = self.hosts.notes.since[:19]
        if since and item.created[:19] >= since:
            return "after_create"
        # Docker says it of what it manages for a Swarm.
        return "after_update" if since and item.raw.get("UpdatedAt", "")[:19] >= since else ""
