"""What Docker holds of a stack, by what the program calls it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from engine.docker.resource import Existing


class Inventory:
    """The stack's resources by URN, and what is like them and is none."""

    def __init__(self) -> None:
        self.by_urn: dict[str, Existing] = {}
        self.labelled: dict[str, str] = {}
        """The URN on the label of what the program calls by another one."""
        self.surplus: list[Existing] = []
        """Older twins: an interrupted replacement has left them behind."""
        self.half_made: list[Existing] = []
        self.strangers: list[Existing] = []
        """Copies that bear a resource's labels and another name: nobody's business here."""

    def add(self, found: Iterable[Existing]) -> None:
        """Takes in what one more daemon holds."""
        for item in sorted(found, key=lambda item: item.created, reverse=True):
            if item.half_made:
                self.half_made.append(item)
            elif item.strange:
                self.strangers.append(item)
            elif item.urn in self.by_urn:
                self.surplus.append(item)
            else:
                self.by_urn[item.urn] = item

    def adopt(self, former: str, urn: str) -> Existing:
        """Goes by what the program calls it now: `urn`, of which `former` is an alias.

        Docker's labels cannot be rewritten. They keep the former URN, and so does what is made from it from now on:
        what is deleted without the program is put in order by the labels alone.
        """
        item = self.by_urn[urn] = replace(self.by_urn.pop(former), urn=urn)
        self.labelled[urn] = former
        for other in self:
            needs = other.applied
            needs.dependencies[:] = [urn if one == former else one for one in needs.dependencies]
            for urns in needs.property_dependencies.values():
                urns[:] = [urn if one == former else one for one in urns]
        return item

    def as_labelled(self, urns: Iterable[str]) -> list[str]:
        """The URNs as the labels have them, in order."""
        return sorted(self.labelled.get(urn, urn) for urn in urns)

    def __iter__(self) -> Iterator[Existing]:
        return iter(list(self.by_urn.values()))

    @property
    def ancestors(self) -> set[str]:
        """The URNs of the stack and the components that the resources belong to."""
        return {parent for item in self for parent in item.applied.parents}
