"""Sentinels that answer late: each vote is written to a disk first, and that may have much to do."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

from agent.act.claim import Claim, Electorate
from agent.view.council import Roster
from agent.wire.answers import Address, Command, Result, Unknown
from agent.world import World
from tests.agent.situations import EPOCH, MASTER, SENTINELS, council, settings

RUN_ID = "a" * 40


@dataclass
class SlowDisks:
    """A World in which each Sentinel votes for whoever asks, and its first `late` answers come too late."""

    late: int
    epochs: list[int] = field(default_factory=list)
    """Those that votes were asked for in, of the first Sentinel."""

    def now(self) -> float:
        return 0.0

    async def ask(self, peer: Address, command: Command, within: float) -> list[Result]:
        epoch = int(command[4])
        if epoch == 0:
            return [[0, "*", 0]]
        if peer == SENTINELS[0]:
            self.epochs.append(epoch)
        tries = epoch - EPOCH
        return [Unknown.LATE] if tries <= self.late else [[0, RUN_ID, epoch]]

    async def gather(
        self, *parts: Coroutine[Any, Any, Any], enough: Callable[[list[Any]], bool] | None = None
    ) -> list[Any]:
        return list(await asyncio.gather(*parts))


def _claim(world: SlowDisks) -> Claim | None:
    electorate = Electorate(cast(World, world), settings(), Roster(set(SENTINELS)))
    return asyncio.run(electorate.claim(MASTER, council(), RUN_ID))


def test_the_votes_are_asked_for_once_more_where_they_came_too_late() -> None:
    world = SlowDisks(late=1)
    assert _claim(world) == Claim(MASTER, EPOCH + 3, 0.0)
    assert world.epochs == [EPOCH + 1, EPOCH + 3], "in a new epoch: the old votes may be seen by others already"


def test_where_that_does_not_help_it_is_left_to_a_later_look() -> None:
    world = SlowDisks(late=1000)
    assert _claim(world) is None
    assert len(world.epochs) == 2
