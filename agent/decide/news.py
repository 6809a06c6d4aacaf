"""What is worth a message: how what one Sentinel sees now differs from what it saw before. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.wire.answers import Address


@dataclass(frozen=True)
class Sight:
    """What one Sentinel sees at one moment."""

    at: float
    """Seconds, by World.now."""
    master: Address
    epoch: int
    """The configuration epoch of that master: the same for all Sentinels."""
    up: Mapping[str, bool | None]
    """Each declared node and other Sentinel, by name; None: it is neither known to be up nor to be down."""
    sentinels_up: int
    """With this one; those of which nothing is known count as up."""
    needed: int
    """As many Sentinels as a failover takes."""
    tilt: bool = False
    settled: float = 2.0
    """Seconds for which something has to be well before it counts as well again."""


@dataclass(frozen=True)
class News:
    """One event. All Sentinels that see it give it the same `id`."""

    event: str
    """failover, node-down, node-back, quorum-lost, quorum-back or tilt; a hand-over looks like a failover here."""
    about: str
    """The node; the cluster where it is about no node."""
    epoch: int
    before: str = ""
    """Of a failover: who was the master."""

    @property
    def id(self) -> str:
        """Without blanks. A node may go down twice in one epoch: see `undoes`."""
        return f"master/{self.epoch}" if self.event == "failover" else f"{self.event}/{self.about}"

    @property
    def undoes(self) -> str:
        """The id of the event that this one is the end of; empty where it is of none."""
        other = {"node-down": "node-back", "node-back": "node-down"} | {
            "quorum-lost": "quorum-back",
            "quorum-back": "quorum-lost",
        }
        return f"{other[self.event]}/{self.about}" if self.event in other else ""


@dataclass
class _Level:
    """Whether something is well, by what has been seen for long enough."""

    well: bool
    since: float | None = None
    """Since when it has been well without a break, where it is not well yet."""

    def changes(self, seen: bool | None, now: float, settled: float) -> bool:
        if self.well:
            self.well = seen is not False
            return not self.well
        self.since = (self.since if self.since is not None else now) if seen else None
        if self.since is None or now - self.since < settled:
            return False
        self.well, self.since = True, None
        return True


@dataclass
class Watcher:
    """Compares each sight with the one before. What is first seen is how it is, and no news."""

    names: Mapping[Address, str]
    """Of the declared data nodes."""
    cluster: str
    me: str
    """The name of this Sentinel: its TILT is nobody else's."""
    _last: Sight | None = None
    _since_epoch: int = 0
    """In which the last master was first seen."""
    _levels: dict[str, _Level] = field(default_factory=dict)

    def see(self, sight: Sight) -> list[News]:
        """What has happened since the last sight."""
        last, self._last = self._last, sight
        found = []
        if last is None or sight.master != last.master:
            # The Sentinel that leads a failover shows its epoch beside the old master before it shows the new one.
            if last is not None and sight.epoch > self._since_epoch:
                found.append(News("failover", self._name(sight.master), sight.epoch, self._name(last.master)))
            self._since_epoch = sight.epoch
        for name, up in sight.up.items():
            if self._changed(name, up, sight):
                found.append(News("node-back" if up else "node-down", name, sight.epoch))
        whole = sight.sentinels_up >= sight.needed
        if self._changed("", whole, sight):
            found.append(News("quorum-back" if whole else "quorum-lost", self.cluster, sight.epoch))
        if sight.tilt and last is not None and not last.tilt:
            found.append(News("tilt", self.me, sight.epoch))
        return found

    def _name(self, address: Address) -> str:
        return self.names.get(address, str(address))

    def _changed(self, subject: str, seen: bool | None, sight: Sight) -> bool:
        level = self._levels.get(subject)
        if level is not None:
            return level.changes(seen, sight.at, sight.settled)
        if seen is not None:
            self._levels[subject] = _Level(seen)
        return False
