"""The successor's half of a hand-over: a replica that its leaving master has asked to take over."""

from agent.act.claim import Claim
from agent.act.pause import HOLD
from agent.act.supervised import Supervised
from agent.decide.situation import Situation
from agent.tell.board import say_handed_over
from agent.watch.messages import CHANNEL, Message
from agent.wire.answers import Address

GO_WITHIN = 1.5
"""Seconds that it waits for the master's word after it has said that it is ready."""
CATCH_UP_WITHIN = 2.0
POLL = 0.002
FOLLOWED_WITHIN = 0.25
"""Seconds that it holds writes back for want of a replica of its own. They follow within some tens of milliseconds."""
ALONE = "alone"
TAKES_WRITES = "takes writes from here on"


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
        alone = ALONE if asked.number else ""
        taken = await node.office.take(held, alone) if held is not None else False
        if held is None or not taken:
            if taken is False:
                await self._answer(asked, "refused", why="the Sentinels' votes cannot be had, or its Redis is too slow")
            return  # where it is unknown, the master goes on waiting, and then leaves
        node.world.spawn(say_handed_over(node.world, node.electorate.roster.sentinels, held.epoch))
        # The Sentinels first: a client that the old master sends away asks them at once where to go.
        await node.took_office(held, f"{asked.sender} has handed over")
        await self._answer(asked, "taken", held.epoch)
        if alone:
            await self._until_followed(asked.sender)

    async def _until_followed(self, former: Address) -> None:
        """Hold writes back until a replica has a copy of them; where none comes in time, until the next look.

        If this node stood still and yet another was elected, that look tells it so, and it steps down.
        """
        node, world = self._node, self._node.world
        for peer in sorted(node.roster.nodes - {node.settings.me, former}):
            world.spawn(node.messages.wake(peer))
        while world.now() - node.pause.since < FOLLOWED_WITHIN:
            asked_at = world.now()
            (role,) = await world.ask(node.settings.local, ("ROLE",), within=FOLLOWED_WITHIN)
            fresh = world.now() - asked_at < FOLLOWED_WITHIN
            if fresh and isinstance(role, list) and role[0] == "master" and role[2]:
                world.say(f"{TAKES_WRITES}: a replica follows it")
                await node.pause.release(ALONE)
                return
            await world.sleep(POLL)

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
        """On this node's own Redis, where the leaving master listens.

        While it holds writes back, it would hold back this, too. No client's write gets in between: Redis carries out
        at one go what has come together on one connection.
        """
        node, settings = self._node, self._node.settings
        message = Message(kind, asked.hand_over, settings.me, number, why)
        if not node.pause.reasons:
            await node.messages.send(settings.local, message)
            return
        publish = ("PUBLISH", CHANNEL, message.text())
        await node.world.ask(settings.local, ("CLIENT", "UNPAUSE"), ("MULTI",), publish, HOLD, ("EXEC",), within=0.5)
