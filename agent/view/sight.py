"""What one Sentinel sees, from its answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.decide.news import Sight
from agent.view import council
from agent.view.council import members
from agent.wire.answers import Address, Result


@dataclass(frozen=True)
class Declared:
    """The cluster as it is declared, by name."""

    nodes: Mapping[str, Address]
    sentinels: Mapping[str, Address]
    """All of them, in the order of their index."""
    index: int
    """This one's place among them."""


def read(declared: Declared, answers: list[Result], now: float) -> Sight | None:
    """From SENTINEL MASTER, REPLICAS and SENTINELS and INFO; None where it does not answer."""
    own = list(declared.sentinels.values())[declared.index]
    seen = council.read(own, answers[:1])
    if seen is None:
        return None
    flags = {at: words for result in answers[1:3] for at, _, words in members(result)}
    flags[seen.named] = ",".join(seen.flags)
    places = {**declared.nodes, **{name: at for name, at in declared.sentinels.items() if at != own}}
    up = {name: _up(flags.get(at)) for name, at in places.items()}
    total = len(declared.sentinels)
    return Sight(
        at=now,
        master=seen.named,
        epoch=seen.epoch,
        up=up,
        sentinels_up=total - sum(up.get(name) is False for name in declared.sentinels),
        needed=max(seen.quorum, total // 2 + 1),
        tilt=isinstance(answers[3], str) and "sentinel_tilt:1" in answers[3],
        settled=1.0 + _down_after(answers[0]),
    )


def _up(flags: str | None) -> bool | None:
    """One that has just become a replica is connected before it is known to be hung: so `up` counts after a while."""
    if flags is None:
        return None
    if "s_down" in flags:
        return False
    return None if "disconnected" in flags else True


def _down_after(answer: Result) -> float:
    """Seconds."""
    words = [str(word) for word in answer] if isinstance(answer, list) else []
    fields = dict(zip(words[::2], words[1::2], strict=False))
    return int(fields.get("down-after-milliseconds", "1000")) / 1000
