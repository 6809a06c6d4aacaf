"""Votes of the Sentinels: who has been elected to lead, in which epoch."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.wire.answers import Address, Command, Result


@dataclass(frozen=True)
class Vote:
    """The last vote of one Sentinel; no leader where it has given none."""

    leader: str
    epoch: int


def ballot(disputed: Address, epoch: int, run_id: str) -> Command:
    """Ask for a vote for `run_id` as the leader of `epoch`. An epoch of 0 only asks for the vote there is."""
    return ("SENTINEL", "IS-MASTER-DOWN-BY-ADDR", disputed.host, str(disputed.port), str(epoch), run_id)


def read(result: Result) -> Vote | None:
    """The vote in an answer to `ballot`; None where there was no answer."""
    if not isinstance(result, list) or len(result) != 3:
        return None
    _, leader, epoch = result
    return Vote(str(leader), int(str(epoch)))


def won(votes: Mapping[Address, Vote | None], run_id: str, epoch: int, total: int) -> bool:
    """Whether more than half of all Sentinels that there are have voted for `run_id` in this very epoch."""
    mine = sum(vote is not None and vote.leader == run_id and vote.epoch == epoch for vote in votes.values())
    return 2 * mine > total > 0


def highest(votes: Mapping[Address, Vote | None]) -> int:
    """The highest epoch that any of them has voted in."""
    return max((vote.epoch for vote in votes.values() if vote is not None), default=0)


def rivals(votes: Mapping[Address, Vote | None], run_id: str, since: int) -> frozenset[Vote]:
    """Votes for others in epochs after `since`: their leaders may be about to promote somebody."""
    return frozenset(
        vote
        for vote in votes.values()
        if vote is not None and vote.epoch > since and vote.leader not in ("*", "", run_id)
    )
