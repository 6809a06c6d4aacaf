"""A Sentinel is restarted to forget what is not declared any more, and seldom for what does not go away."""

import asyncio
from dataclasses import dataclass
from typing import cast

from agent.act.sentinel import AGAIN, SELDOM, SentinelAgent, SentinelSettings
from agent.wire.answers import Address, Command, Result, Value
from agent.world import World

MASTER, STRANGER = Address("10.0.0.1", 6379), Address("10.0.0.9", 6380)


class EndedError(Exception):
    """As long as the test lasts."""


@dataclass
class Watched:
    """A World with a Sentinel that sees a replica which nobody has declared, and which is down."""

    port: int
    ends: float
    time: float = 0.0

    def now(self) -> float:
        return self.time

    async def ask(self, peer: Address, *commands: Command, within: float) -> list[Result]:
        master: list[Value] = ["ip", MASTER.host, "port", str(MASTER.port), "flags", "master", "config-epoch", "1"]
        fields = {"num-other-sentinels": "0", "quorum": "1", "last-ok-ping-reply": "1", "down-after-milliseconds": "1"}
        master += [word for pair in fields.items() for word in pair]
        replica: Value = ["ip", STRANGER.host, "port", str(self.port), "runid", "bb", "flags", "slave,s_down"]
        return [master, [replica], [], "sentinel_tilt:0"]

    def show(self, state: object) -> None:
        pass

    async def rest(self, seconds: float) -> None:
        self.time += seconds
        if self.time > self.ends:
            raise EndedError


def restarts(port: int, hours: float) -> list[float]:
    """When a Sentinel is restarted for that replica, in seconds."""
    world = Watched(port, 3600 * hours)
    settings = SentinelSettings(MASTER, 0, "mymaster", MASTER, (MASTER,), (), 0)
    forgotten: dict[Address, tuple[int, float]] = {}
    found: list[float] = []

    async def run() -> None:
        while True:
            assert await SentinelAgent(cast(World, world), settings, forgotten).run() == [STRANGER]
            found.append(world.time)

    try:
        asyncio.run(run())
    except EndedError:
        return found
    raise AssertionError("it has come to an end")


def test_something_that_is_attached_and_not_declared_is_forgotten_ever_more_seldom() -> None:
    first, *more = restarts(STRANGER.port, 24)
    assert first < 5
    pauses = [b - a for a, b in zip([first, *more], more, strict=False)]
    assert AGAIN < pauses[0] < AGAIN + 5
    assert all(SELDOM < pause < SELDOM + 5 for pause in pauses[6:])
    assert len(more) < 30


def test_a_client_that_copies_is_nobody_to_forget() -> None:
    assert restarts(0, 1) == []
