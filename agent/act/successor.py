"""The successor's half of a hand-over: a replica that its leaving master has asked to take over."""

from agent.act.claim import Claim
from agent.act.supervised import Supervised
from agent.decide.situation import Situation
from agent.tell.board import say_handed_over
from agent.watch.messages import Message

GO_WITHIN = 1.5
"""Seconds that it waits for the master's word after it has said that it is ready."""
CATCH_UP_WITHIN = 2.0
POLL = 0.002


class Successor:
    """Answers prepare with ready or refused, and go with taken or refused."""

    def __init__(self, node: Supervised) -> None:
        self._node = node

    async def serve(self, now: Situation) -> bool:
        """Answer a leaving master that has asked; true where one had."""
        asked = self._node.messages.take("prepare")
        if asked is None:
            return False
        hindrance = self._hindrance(now, asked)
        claim = None if hindrance else await self._claim(now)
        if claim is None:
            await self._answer(asked, "refused", why=hindrance or "the Sentinels do not vote for it")
            return True
        await self._answer(asked, "ready", claim.epoch)
        go = await self._wait_for_go(asked)
        if go is not None:
            await self._take_over(now, asked, go, claim)
        return True

    @staticmethod
    def _hindrance(now: Situation, asked: Message) -> str | None:
        own = now.own
        if own is None or own.is_master or own.loading:
            return "it is no replica that answers"
        if now.named != asked.sender or own.follows != asked.sender or not own.link_up:
            return f"it does not replicate from {asked.sender}"
        if not now.mark.whole or not own.storing:
            return "its data is not whole"
        if now.council.failing_over or now.council.total < 2:
            return "the Sentinels fail over by themselves"
        return None

    async def _claim(self, now: Situation) -> Claim | None:
        assert now.named is not None and now.own is not None  # noqa: S101 - else it is hindered
        return await self._node.electorate.claim(now.named, now.council, now.own.run_id)

    async def _wait_for_go(self, asked: Message) -> Message | None:
        """The master's word; None where it does not come, and then the master has not waited for this node."""
        world = self._node.world
        deadline = world.now() + GO_WITHIN
        while world.now() < deadline:
            go = self._node.messages.take("go", hand_over=asked.hand_over)
            if go is not None:
                return go
            await world.rest(0.05)
        return None

    async def _take_over(self, now: Situation, asked: Message, go: Message, claim: Claim) -> None:
        """Take office as soon as all that the master has acknowledged is here. It waits: there is no way back."""
        node = self._node
        if not await self._caught_up(go.number):
            await self._answer(asked, "refused", why=f"it has not caught up within {CATCH_UP_WITHIN:g} s")
            return
        held: Claim | None = claim
        if not claim.holds(node.world.now()):
            held = await self._claim_again(now)
        taken = await node.office.take(held) if held is not None else False
        if held is None or not taken:
            if taken is False:
                await self._answer(asked, "refused", why="the Sentinels' votes cannot be had, or its Redis is too slow")
            return  # where it is unknown, the master goes on waiting, and then leaves
        node.world.spawn(say_handed_over(node.world, node.electorate.roster.sentinels, held.epoch))
        # The Sentinels first: a client that the old master sends away asks them at once where to go.
        await node.took_office(held, f"{asked.sender} has handed over")
        await self._answer(asked, "taken", held.epoch)

    async def _claim_again(self, now: Situation) -> Claim | None:
        """The votes are too old. Another may have been elected meanwhile: then this one has come too late."""
        node = self._node
        council = await node.lookout.council()
        if not council.majority or council.named != now.named or council.epoch != now.council.epoch:
            return None
        assert now.named is not None and now.own is not None  # noqa: S101 - else it is hindered
        return await node.electorate.claim(now.named, council, now.own.run_id)

    async def _caught_up(self, offset: int) -> bool:
        world, local = self._node.world, self._node.settings.local
        deadline = world.now() + CATCH_UP_WITHIN
        while world.now() < deadline:
            (role,) = await world.ask(local, ("ROLE",), within=0.5)
            if isinstance(role, list) and len(role) == 5 and role[0] == "slave" and int(str(role[4])) >= offset:
                return True
            await world.sleep(POLL)
        return False

    async def _answer(self, asked: Message, kind: str, number: int = 0, why: str = "") -> None:
        """On this node's own Redis, where the leaving master listens."""
        settings = self._node.settings
        await self._node.messages.send(settings.local, Message(kind, asked.hand_over, settings.me, number, why))
