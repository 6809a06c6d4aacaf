"""The Sentinels as a whole: who they name as master, since which epoch, and whether enough of them have answered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from agent.wire.answers import Address, Command, Result

RUN_ID = 40
"""Hex digits of a run id."""


@dataclass(frozen=True)
class Sentinel:
    """What one Sentinel says of the master."""

    address: Address
    named: Address
    flags: frozenset[str]
    epoch: int
    """The configuration epoch of the master that it names."""
    quorum: int
    others: int
    """How many other Sentinels it knows, dead ones too."""
    down_for: float = 0.0
    """Seconds since it takes the master for down; 0 where it does not."""
    run_id: str = ""
    """The master's process, as it knows it."""

    @property
    def sees_down(self) -> bool:
        return "s_down" in self.flags

    @property
    def failing_over(self) -> bool:
        return "failover_in_progress" in self.flags


@dataclass(frozen=True)
class Council:
    """The answers of all Sentinels that were asked, at one moment."""

    asked: int = 0
    sentinels: tuple[Sentinel, ...] = ()

    @cached_property
    def total(self) -> int:
        """How many Sentinels there are, also those that do not answer, by those that do. 0: unknown."""
        return max((one.others + 1 for one in self.sentinels), default=0)

    @property
    def majority(self) -> bool:
        """Whether more than half of all Sentinels that there are have answered."""
        return 2 * len(self.sentinels) > self.total > 0

    @cached_property
    def newest(self) -> Sentinel | None:
        """One of those with the newest configuration; where these differ (`contested`), one of the larger part."""
        return max(self.sentinels, key=lambda one: (one.epoch, self._named_by(one.named)), default=None)

    def _named_by(self, master: Address) -> int:
        return sum(one.named == master for one in self.sentinels)

    @property
    def contested(self) -> bool:
        """Whether Sentinels of one epoch name different masters, which they do for ever.

        One that leads a failover notes its epoch when the replica is promoted, and the new address at the end. Dies it
        in between, it comes back with the old address and the new epoch, and the others' news are not newer.
        """
        return any(one.named != self.named and one.epoch >= self.epoch for one in self.sentinels)

    @cached_property
    def named(self) -> Address | None:
        """The master by the newest configuration among those that answer."""
        return self.newest.named if self.newest else None

    @property
    def epoch(self) -> int:
        return self.newest.epoch if self.newest else -1

    @property
    def agreed(self) -> bool:
        """Whether most Sentinels name the master of the newest configuration."""
        return self.named is not None and 2 * self._named_by(self.named) > self.total > 0

    @property
    def failing_over(self) -> bool:
        return any(one.failing_over for one in self.sentinels)

    @property
    def sees_down(self) -> bool:
        """Whether as many as their quorum take the master for down."""
        newest = self.newest
        return (
            newest is not None
            and sum(one.sees_down and one.named == newest.named for one in self.sentinels) >= newest.quorum
        )

    @property
    def down_for(self) -> float:
        """Seconds since the first of them took the master for down."""
        return max((one.down_for for one in self.sentinels), default=0.0)


@dataclass
class Roster:
    """Every Sentinel and data node that is known by address: declared, or known to a Sentinel."""

    sentinels: set[Address] = field(default_factory=set)
    ids: frozenset[str] = frozenset()
    """The run id of each Sentinel that another one knows."""
    senders: dict[Address, tuple[Address, str]] = field(default_factory=dict)
    """For each Sentinel another one that it knows, and the run id of that one: in its name it can be told news."""
    nodes: set[Address] = field(default_factory=set)


def question(master_name: str) -> tuple[Command, ...]:
    """What `read` takes the results of."""
    return (("SENTINEL", "MASTER", master_name), ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", master_name))


def read(address: Address, results: list[Result]) -> Sentinel | None:
    """The Sentinel that has answered `question`; None where it has not, or knows no such master."""
    fields = _pairs(results[0])
    if "flags" not in fields or "ip" not in fields:
        return None
    # One that has just promoted a replica names that one here, and the former master there.
    named = results[1] if len(results) > 1 else None
    host, port = named if isinstance(named, list) and len(named) == 2 else (fields["ip"], fields["port"])
    return Sentinel(
        address=address,
        named=Address(str(host), int(str(port))),
        flags=frozenset(fields["flags"].split(",")),
        epoch=int(fields.get("config-epoch", 0)),
        quorum=int(fields.get("quorum", 1)),
        others=int(fields.get("num-other-sentinels", 0)),
        down_for=int(fields.get("s-down-time", 0)) / 1000,
        run_id=fields.get("runid", ""),
    )


def council(answers: Mapping[Address, list[Result]]) -> Council:
    """What all that were asked say together."""
    found = (read(address, results) for address, results in answers.items())
    return Council(len(answers), tuple(one for one in found if one is not None))


def members(result: Result) -> list[tuple[Address, str, str]]:
    """Address, run id and flags of each instance in an answer to SENTINEL SENTINELS or REPLICAS.

    One without a port is no node, but a client that copies (redis-cli --rdb).
    """
    if not isinstance(result, list):
        return []
    found = []
    for each in result:
        fields = _pairs(each)
        if fields.get("ip") and fields["port"] != "0":
            found.append((Address(fields["ip"], int(fields["port"])), fields.get("runid", ""), fields.get("flags", "")))
    return found


def sender_of(sentinels: Result) -> tuple[Address, str] | None:
    """One of the Sentinels in an answer to SENTINEL SENTINELS that has a run id; None where there is none."""
    return next(((at, run_id) for at, run_id, _ in members(sentinels) if len(run_id) == RUN_ID), None)


def merged(results: Iterable[Result]) -> set[Address]:
    """All addresses in several such answers."""
    return {address for result in results for address, _, _ in members(result)}


def _pairs(result: Result) -> dict[str, str]:
    if not isinstance(result, list):
        return {}
    words = [str(word) for word in result]
    return dict(zip(words[::2], words[1::2], strict=False))
