"""Writes held back for several reasons, and how they go on."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from agent.act.lease import Lease
from agent.act.pause import LONG, WritePause
from agent.settings import NodeSettings
from agent.view.council import Roster
from agent.wire.answers import Address, Command, Refusal, Result, Unknown
from agent.world import World

LOCAL = Address("127.0.0.1", 6379)


def held(seconds: float) -> Command:
    """The command that holds writes back."""
    return ("CLIENT", "PAUSE", str(round(1000 * seconds)), "WRITE")


UNPAUSE: Command = ("CLIENT", "UNPAUSE")


@dataclass
class OneServer:
    """A World with one server, which answers everything with `answer`."""

    answer: Result = "OK"
    hangs: bool = False
    asked: list[tuple[Command, ...]] = field(default_factory=list)

    def now(self) -> float:
        return 5.0

    async def ask(self, peer: Address, *commands: Command, within: float) -> list[Result]:
        assert peer == LOCAL
        if commands == (("PING",),):
            return [Unknown.LATE if self.hangs else "PONG"]
        self.asked.append(commands)
        return [self.answer] * len(commands)


SECONDS = 10


class EndedError(Exception):
    """The time of the test is over."""


@dataclass
class Cut(OneServer):
    """With Sentinels of which none answers."""

    passed: float = 0.0

    def now(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds
        if self.passed > SECONDS:
            raise EndedError

    def say(self, text: str) -> None:
        return

    async def ask(self, peer: Address, *commands: Command, within: float) -> list[Result]:
        if peer == LOCAL:
            return await super().ask(peer, *commands, within=within)
        return [Unknown.LATE] * len(commands)

    async def gather(self, *parts: Coroutine[Any, Any, Any], enough: object) -> list[Any]:
        return [await part for part in parts]


def test_writes_go_on_when_no_reason_is_left() -> None:
    world = OneServer()
    pause = WritePause(cast(World, world), LOCAL)

    async def both() -> None:
        assert await pause.hold("lease")
        assert await pause.hold("failover", 5.0)
        await pause.release("lease")
        await pause.release("failover")
        await pause.release("failover")

    asyncio.run(both())
    assert world.asked == [(held(LONG),), (held(5.0),), (UNPAUSE, held(5.0)), (UNPAUSE,)], "no longer than each is for"
    assert not pause.reasons


def test_a_lease_is_held_for_as_long_as_most_sentinels_are_silent() -> None:
    """Redis refuses the first word in the middle of a slow script, and ends a pause by itself after a while."""
    world = Cut(Refusal("BUSY"))
    roster = Roster({Address("10.0.0.1", 1), Address("10.0.0.2", 1), Address("10.0.0.3", 1)})
    told = NodeSettings("a", LOCAL, LOCAL, True, LOCAL, tuple(roster.sentinels), consistent=True)
    lease = Lease(cast(World, world), told, roster, WritePause(cast(World, world), LOCAL))
    lease.office(1)
    with pytest.raises(EndedError):
        asyncio.run(lease.run())
    assert world.asked.count((held(LONG),)) > SECONDS, "again and again"


@pytest.mark.parametrize(
    ("answer", "stays"), [(Unknown.UNSENT, True), (Unknown.CLOSED, True), (Unknown.LATE, False), ("OK", False)]
)
def test_what_could_not_be_sent_is_tried_again(answer: Result, stays: bool) -> None:
    world = OneServer()
    pause = WritePause(cast(World, world), LOCAL)
    asyncio.run(pause.hold("alone"))
    world.answer = answer
    asyncio.run(pause.release("alone"))
    assert ("alone" in pause.reasons) is stays


def test_a_server_that_hangs_is_not_told_to_go_on() -> None:
    """It would do so whenever it goes on itself, and another node may be the master by then."""
    world = OneServer()
    pause = WritePause(cast(World, world), LOCAL)
    asyncio.run(pause.hold("lease"))
    world.hangs = True
    asyncio.run(pause.release("lease"))
    assert (UNPAUSE,) not in world.asked
    assert "lease" in pause.reasons
    world.hangs = False
    asyncio.run(pause.release("lease"))
    assert (UNPAUSE,) in world.asked
    assert not pause.reasons
