"""Which node runs on which host, and in which port slot there. Pure: no Docker, no memory.

The order of the hosts is their history. Placement replays it: it begins with the first host alone and lets the others
join one after the other. A node stays where it is for as long as no other host would be a better place, so a host at
the end of the list takes from the others, and one that takes another's place in the list takes over just its nodes.
A node's place depends on the nodes before it, never on those after it: scaling moves nobody. At the end the nodes of
drained hosts, and only those, are given the best places elsewhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


class Place(Protocol):
    """What placement knows of a host."""

    @property
    def zone(self) -> str: ...
    @property
    def rack(self) -> str: ...
    @property
    def drain(self) -> bool: ...


FEWEST_HOSTS = 3
"""With fewer few stacks have begun: what port a node would have had then does not count."""


@dataclass(frozen=True)
class Seat:
    """A node's place: the host's index in the list, and the node's slot among those of its role there."""

    host: int
    slot: int


class PlacementError(ValueError):
    """The hosts do not suffice."""


def place_data_nodes(hosts: Sequence[Place], count: int) -> list[Seat]:
    """Seats of data nodes: even over zones, racks and hosts; the first, the bootstrap master, apart if it can be.

    Its port is one of its own: the slots are those of the others.
    """
    return _Group(hosts, apart=True, alone=False).seated(count)


def place_sentinels(hosts: Sequence[Place], count: int, hard: bool) -> list[Seat]:
    """Seats of Sentinels: as for data nodes, and with `hard` never two on a host where there are hosts enough."""
    return _Group(hosts, apart=False, alone=hard).seated(count)


def check_sentinels(hosts: Sequence[Place], count: int) -> None:
    """Raise PlacementError where there are fewer hosts than Sentinels that may not share one."""
    usable = sum(not host.drain for host in hosts)
    if count > usable:
        raise PlacementError(
            f"sentinels: each of the {count} needs a host of its own, but `hosts` has {usable} that are not drained; "
            "add hosts, ask for fewer Sentinels, or set sentinelPlacement to soft"
        )


class _Group:
    """Nodes that are to be spread, all of one kind.

    `alone`: an empty host comes before everything else. `apart`: node 0 has a role of its own, and of two places that
    are as good, the one without it is better for the others.
    """

    def __init__(self, hosts: Sequence[Place], *, apart: bool, alone: bool) -> None:
        self.zones = [host.zone for host in hosts]
        self.racks = [(host.zone, host.rack) for host in hosts]
        self.apart = apart
        self.alone = alone
        self._drained = {index for index, host in enumerate(hosts) if host.drain}

    def seated(self, count: int) -> list[Seat]:
        seats = [0] * count
        slots = self._slots(seats, dict.fromkeys(range(count), 0), range(count))
        for newest in range(1, len(self.zones)):
            before, seats = seats, self._joined(seats, newest)
            kept = _kept(before, seats, slots) if newest >= FEWEST_HOSTS else {}
            slots = self._slots(seats, kept, range(count))
        if self._drained:
            before, seats = seats, self._without_drained(seats)
            kept = _kept(before, seats, slots)
            slots = self._slots(seats, kept, sorted(range(count), key=lambda node: (node not in kept, node)))
        return [Seat(seat, slots[node]) for node, seat in enumerate(seats)]

    def _joined(self, before: list[int], newest: int) -> list[int]:
        """Seats after host `newest` has come: each node, in order, moves only to a better place."""
        loads = _Loads(self, newest + 1)
        for node, seat in enumerate(before):
            loads.add(node, seat if loads.is_best(seat) else min((seat, newest, *range(newest)), key=loads.cost))
        return [loads.seats[node] for node in range(len(before))]

    def _without_drained(self, before: list[int]) -> list[int]:
        """Seats after the draining: all others stay where they are."""
        loads = _Loads(self, len(self.zones))
        leaving = [node for node, seat in enumerate(before) if seat in self._drained]
        for node, seat in enumerate(before):
            if node not in leaving:
                loads.add(node, seat)
        usable = [host for host in range(len(self.zones)) if host not in self._drained]
        for node in leaving:
            loads.add(node, min(usable, key=loads.cost))
        return [loads.seats[node] for node in range(len(before))]

    def _slots(self, seats: list[int], kept: dict[int, int], order: Iterable[int]) -> dict[int, int]:
        """Slots given out in `order`: a node has the one it has kept, else the lowest that is free on its host."""
        slots: dict[int, int] = {}
        taken: set[tuple[int, int]] = set()
        for node in order:
            slots[node] = kept.get(node, 0)
            if node == 0 and self.apart:
                continue
            while (seats[node], slots[node]) in taken:
                slots[node] += 1
            taken.add((seats[node], slots[node]))
        return slots


def _kept(before: list[int], seats: list[int], slots: dict[int, int]) -> dict[int, int]:
    """The slots of the nodes that have stayed."""
    return {node: slots[node] for node, seat in enumerate(seats) if before[node] == seat}


class _Loads:
    """How many nodes each zone, rack and host has while the group is being seated on its first `hosts` hosts."""

    def __init__(self, group: _Group, hosts: int) -> None:
        self.seats: dict[int, int] = {}
        self._group = group
        self._zones = dict.fromkeys(group.zones[:hosts], 0)
        self._racks = dict.fromkeys(group.racks[:hosts], 0)
        self._hosts = [0] * hosts

    def add(self, node: int, host: int) -> None:
        self.seats[node] = host
        self._zones[self._group.zones[host]] += 1
        self._racks[self._group.racks[host]] += 1
        self._hosts[host] += 1

    def cost(self, host: int) -> tuple[int, int, int, int, bool]:
        """The less the better as the place of one more node."""
        here = self._hosts[host]
        return (
            here if self._group.alone else 0,
            self._zones[self._group.zones[host]],
            self._racks[self._group.racks[host]],
            here,
            self._group.apart and self.seats.get(0) == host,
        )

    def is_best(self, host: int) -> bool:
        """Whether no place can be better, as can be told without looking at all of them."""
        return self.cost(host) == (0, min(self._zones.values()), min(self._racks.values()), 0, False)
