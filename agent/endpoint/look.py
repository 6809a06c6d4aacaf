"""Asks data nodes and Sentinels, each on a connection that stays: more often while a master is looked for."""

import asyncio
from collections.abc import Callable

from agent.endpoint.decide import Node
from agent.view import council
from agent.wire.answers import Address, Command, Probe, Result, Unknown
from agent.wire.link import Link, Login, connect, probe

NODE_S, SENTINEL_S = 0.1, 0.25
"""Seconds between an answer and the next question."""
HURRIED_S, PATIENT_S = 0.01, 0.05
"""The same of a node while a master is looked for; and when that has taken longer than LONG_S."""
LONG_S = 10.0
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
    return SILENCES * (patience + min(NODE_S, patience))


class Hurry:
    """Whether a master is looked for; who waits for the next question can wait for that instead."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._since = 0.0
        self.begun: asyncio.Future[None] = self._loop.create_future()

    def set(self, on: bool) -> None:
        """From now on."""
        if on and not self.begun.done():
            self._since = self._loop.time()
            self.begun.set_result(None)
        elif not on and self.begun.done():
            self.begun = self._loop.create_future()

    @property
    def pause(self) -> float:
        """Seconds between two questions, as long as it lasts."""
        return HURRIED_S if self._loop.time() - self._since < LONG_S else PATIENT_S


class Watch:
    """One connection, on which the same is asked again and again. `changed` is called when there is news."""

    def __init__(
        self, address: Address, login: Login, question: tuple[Command, ...], patience: float, every: float
    ) -> None:
        self.address = address
        self.asked = False
        """Whether it has been tried to ask it."""
        self.lives = False
        """Whether it is connected, or could be as soon as it was not."""
        self.late = False
        self.heard = float("-inf")
        """When its last answer was asked for, on the loop's clock."""
        self._login = login
        self._question = question
        self._patience = patience
        self._every = every
        self._results: list[Result] = []
        self._at = float("-inf")
        self._loop = asyncio.get_running_loop()

    async def run(self, changed: Callable[[], None], hurry: Hurry | None = None) -> None:
        """For as long as the endpoint lives. In a `hurry` it is asked more often."""
        while True:
            link = await connect(self.address, self._login, HANDSHAKE_S if self._login.context else CONNECT_S)
            answered = False
            if isinstance(link, Link):
                answered = await self._converse(link, changed, hurry)
                link.close()
            self.lives = await probe(self.address, CONNECT_S) is Probe.LISTENS
            self.asked = True
            changed()
            if not (answered and self.lives):  # else somebody has closed the connection, and no more
                recently = self.age() < RECENTLY_S
                await self._rest(self._every if recently else ABSENT_S, asyncio.Future(), hurry if recently else None)

    def age(self) -> float:
        """Seconds since its last answer."""
        return self._loop.time() - self._at

    async def _converse(self, link: Link, changed: Callable[[], None], hurry: Hurry | None) -> bool:
        """Until the connection is lost, or has been silent for too long. Whether anything has been answered."""
        answered = False
        while link.open:
            *_, answer = answers = link.send(*self._question)
            began = self._loop.time()
            while not (await asyncio.wait({answer}, timeout=self._patience))[0]:
                # Its machine, or this one, may be busy: nothing follows but a closer look.
                self.late = self.asked = True
                changed()
                if self._loop.time() - began > GIVE_UP_S:
                    return answered
            if answer.result() is Unknown.LATE:  # the connection is lost
                break
            answered, self.heard = True, began
            self._take([each.result() for each in answers], changed)
            await self._rest(self._every, link.lost, hurry)
        return answered

    async def _rest(self, seconds: float, lost: asyncio.Future[None], hurry: Hurry | None) -> None:
        """Until the next question, or until the connection is lost. A hurry cuts it short."""
        if hurry is not None and hurry.begun.done():
            await asyncio.wait({lost}, timeout=hurry.pause)
        else:
            until = {lost} if hurry is None else {lost, hurry.begun}
            await asyncio.wait(until, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    def _take(self, results: list[Result], changed: Callable[[], None]) -> None:
        news = (results, False, True, True) != (self._results, self.late, self.asked, self.lives)
        self._at = self._loop.time()
        self._results, self.late, self.asked, self.lives = results, False, True, True
        if news:
            changed()


class NodeWatch(Watch):
    """Of a data node: its role."""

    def __init__(self, address: Address, login: Login, patience: float) -> None:
        super().__init__(address, login, (("ROLE",),), patience, min(NODE_S, patience))

    def seen(self) -> Node:
        """What counts of it now."""
        role = self._results[0] if self._results and self.age() < silence(self._patience) else None
        if not isinstance(role, list) or not role:
            return Node()
        linked = role[0] == "slave" and len(role) > 3 and role[3] == "connected"
        return Node(claims=role[0] == "master" and self.lives, replica=role[0] == "slave", linked=linked)


class SentinelWatch(Watch):
    """Of a Sentinel: what it says of the master."""

    def __init__(self, address: Address, login: Login, master_name: str) -> None:
        super().__init__(address, login, council.question(master_name), PATIENCE_S, SENTINEL_S)
        self._said: council.Sentinel | None = None
        self._failing_over = float("-inf")

    def _take(self, results: list[Result], changed: Callable[[], None]) -> None:
        self._said = council.read(self.address, results)
        if self._said is not None and self._said.failing_over:
            self._failing_over = self._loop.time()
        # Of all that it says these change anything; how long ago it has heard of whom is no news.
        what = self._said and (self._said.named, self._said.failing_over)
        super()._take([str(what)], changed)

    def names(self) -> Address | None:
        """Whom it names as the master; None where it does not answer, or knows no such master."""
        late = self.age() > 2 * (PATIENCE_S + SENTINEL_S)
        return None if late or self._said is None else self._said.named

    def failing_over(self, within: float) -> bool:
        """Whether it leads a failover, or has led one so many seconds ago."""
        return self._loop.time() - self._failing_over < within
