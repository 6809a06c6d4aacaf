"""Asks data nodes and Sentinels, each on a connection that stays: more often while a master is looked for."""

import asyncio
from collections.abc import Callable

from agent.endpoint.decide import Node
from agent.view import council
from agent.wire.answers import Address, Command, Result
from agent.wire.link import Link, Login, connect

NODE_S, SENTINEL_S = 0.05, 0.25
"""Seconds between an answer and the next question."""
HURRIED_S = 0.01
"""The same of a node while a master is looked for."""
CONNECT_S = 0.05
"""Until a kernel that does not take a connection is dead, or too far away."""
HANDSHAKE_S = 0.5
"""The same with TLS and a process that has to answer."""
GIVE_UP_S = 2.0
"""Without an answer for so long a connection is made anew: a link that was cut off says nothing when it is back."""
ABSENT_S = 0.5
"""Between two attempts to reach a node that has not been there yet, or not for long."""
RECENTLY_S = 30.0
PATIENCE_S = 0.15
"""How long an answer may take before the node counts as late."""
SILENCES = 3
"""So many late answers make void what a node has last said. That is less than Sentinel needs to find it down."""


def silence(patience: float) -> float:
    """Seconds without an answer until what a node has last said is void, with so many for an answer."""
    return SILENCES * (patience + NODE_S)


class Watch:
    """One connection, on which the same is asked again and again. `changed` is called whenever something is known."""

    def __init__(self, address: Address, login: Login, question: tuple[Command, ...], every: float) -> None:
        self.address = address
        self.asked = False
        """Whether it has been tried to ask it."""
        self.lives = False
        self.late = False
        self._login = login
        self._question = question
        self._every = every
        self._results: list[Result] = []
        self._at = float("-inf")
        self._lived = float("-inf")
        self._loop = asyncio.get_running_loop()

    async def run(self, patience: float, changed: Callable[[], None], hurried: Callable[[], bool]) -> None:
        """For as long as the endpoint lives."""
        while True:
            link = await connect(self.address, self._login, HANDSHAKE_S if self._login.context else CONNECT_S)
            if isinstance(link, Link):
                await self._converse(link, patience, changed, hurried)
                link.close()
            self.lives = await self._listens()
            self.asked = True
            changed()
            if not self.lives or not isinstance(link, Link):
                await asyncio.sleep(HURRIED_S if self._loop.time() - self._lived < RECENTLY_S else ABSENT_S)

    def age(self) -> float:
        """Seconds since its last answer."""
        return self._loop.time() - self._at

    async def _converse(
        self, link: Link, patience: float, changed: Callable[[], None], hurried: Callable[[], bool]
    ) -> None:
        """Until the connection is lost, or has been silent for too long."""
        while True:
            *_, answer = answers = link.send(*self._question)
            began = self._loop.time()
            while not (await asyncio.wait({answer}, timeout=patience))[0]:
                self.late, self.asked, self.lives = True, True, await self._listens()
                changed()
                if not link.open or self._loop.time() - began > GIVE_UP_S:
                    return
            if not link.open:
                return
            self._results, self._at = [each.result() for each in answers], self._loop.time()
            self.late, self.asked, self.lives, self._lived = False, True, True, self._at
            changed()
            await asyncio.wait({link.lost}, timeout=HURRIED_S if hurried() else self._every)

    async def _listens(self) -> bool:
        """Whether the kernel there takes a connection, whoever answers on it."""
        found = await connect(self.address, Login(), CONNECT_S)
        if isinstance(found, Link):
            found.close()
        return isinstance(found, Link)


class NodeWatch(Watch):
    """Of a data node: its role."""

    def __init__(self, address: Address, login: Login) -> None:
        super().__init__(address, login, (("ROLE",),), NODE_S)

    def seen(self, patience: float) -> Node:
        """What counts of it now."""
        role = self._results[0] if self._results and self.age() < silence(patience) else None
        if not isinstance(role, list) or not role:
            return Node(lives=self.lives)
        replica = role[0] == "slave"
        linked = replica and len(role) > 3 and role[3] == "connected"
        return Node(claims=role[0] == "master", lives=self.lives, replica=replica, linked=linked)


class SentinelWatch(Watch):
    """Of a Sentinel: what it says of the master."""

    def __init__(self, address: Address, login: Login, master_name: str) -> None:
        super().__init__(address, login, council.question(master_name), SENTINEL_S)
        self._failing_over = float("-inf")

    def seen(self) -> council.Sentinel | None:
        """What it says; None where it does not answer, or knows no such master."""
        if not self._results or self.age() > 2 * (PATIENCE_S + SENTINEL_S):
            return None
        said = council.read(self.address, self._results)
        if said is not None and said.failing_over:
            self._failing_over = self._at
        return said

    def failing_over(self, within: float) -> bool:
        """Whether it leads a failover, or has led one so many seconds ago."""
        self.seen()
        return self._loop.time() - self._failing_over < within
