"""Mistakes of the shell that the agent has replaced, put back: the simulation must find each of them."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from agent.act import datanode
from agent.act.claim import VOTE_WITHIN, Claim, Electorate
from agent.act.datanode import DataNode
from agent.act.memory import Memory
from agent.act.office import PRIORITY, Office
from agent.decide import role
from agent.decide.situation import Situation
from agent.decide.steps import Begin, Step
from agent.view import votes
from agent.view.council import Council
from agent.view.node import Node
from agent.view.votes import Vote
from agent.wire.answers import Address, done

Mistake = Callable[[pytest.MonkeyPatch], None]


def minority(patch: pytest.MonkeyPatch) -> None:
    """C3: of the Sentinels only those that answer are counted, so that a minority elects."""

    def won(seen: Mapping[Address, Vote | None], run_id: str, epoch: int, total: int) -> bool:
        answers = [vote for vote in seen.values() if vote is not None]
        return bool(answers) and all(vote.leader == run_id and vote.epoch == epoch for vote in answers)

    async def ballots(
        self: Electorate, disputed: Address, epoch: int, run_id: str, council: Council
    ) -> dict[Address, Vote | None]:
        """As the agent's, but that it waits for all: one vote is not taken for all there are."""
        command, peers = votes.ballot(disputed, epoch, run_id), sorted(self.roster.sentinels)
        results = await self.world.gather(*(self.world.ask(peer, command, within=VOTE_WITHIN) for peer in peers))
        return {peer: votes.read(result[0]) for peer, result in zip(peers, results, strict=True)}

    patch.setattr(votes, "won", won)
    patch.setattr(Electorate, "_ballots", ballots)
    patch.setattr(Council, "majority", property(lambda self: bool(self.sentinels)))


def promotable(patch: pytest.MonkeyPatch) -> None:
    """C4: a replica that has never had the data has Redis' own priority, so that a Sentinel may promote it."""

    async def settle(self: DataNode, now: Situation, real: Any = DataNode._settle) -> Situation:
        settled: Situation = await real(self, now)
        command = ("CONFIG", "SET", "replica-priority", str(PRIORITY))
        await self.world.ask(self.settings.local, command, within=1.0)
        return settled

    patch.setattr(DataNode, "_settle", settle)


def unstored(patch: pytest.MonkeyPatch) -> None:
    """Of the agent's own: whatever rewrite there is, nothing is noted on the volume before it has ended."""

    def note(self: Memory, _before: Node | None, own: Node) -> None:
        self.stored = not own.rewriting

    patch.setattr(Memory, "_note_stored", note)


def timer(patch: pytest.MonkeyPatch) -> None:
    """C5: an empty declared master begins when nobody has been heard for a while: here 1 s, in the shell 15."""

    def decide(now: Situation, real: Callable[[Situation], Step] = role.decide) -> Step:
        own = now.own
        alone = now.silent_for >= 1.0 and now.mark.empty and now.settings.declared_master
        if alone and own is not None and not own.loading and not own.is_master and not own.link_up:
            return Begin("nobody has been heard")
        return real(now)

    patch.setattr(datanode, "decide", decide)


def unknown_is_no(patch: pytest.MonkeyPatch) -> None:
    """H1: a promotion that was sent, and not answered, is taken not to have happened, and never will."""

    async def take(self: Office, claim: Claim) -> bool | None:
        return claim.holds(self._world.now()) and await self.promote()

    patch.setattr(Office, "take", take)


def not_demoted(patch: pytest.MonkeyPatch) -> None:
    """H2: the old master is not stepped down where a single answer is late, and its pause ends by itself."""

    async def demote(self: Office, master: Address, leaving: bool = False, real: Any = Office.demote) -> bool:
        world, peers = self._world, sorted(self._settings.sentinels)
        if leaving:
            answers = await world.gather(*(world.ask(each, ("PING",), within=0.3) for each in peers))
            if not all(done(answer[0]) for answer in answers):
                await world.ask(self._settings.local, ("CLIENT", "UNPAUSE"), within=1.0)
                await world.sleep(0.5)
                return True
        return bool(await real(self, master, leaving))

    patch.setattr(Office, "demote", demote)
