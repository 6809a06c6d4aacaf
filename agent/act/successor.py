"""The successor's half of a hand-over: a replica that its leaving master has asked to take over."""

from agent.act.claim import LEASE, Claim
from agent.act.pause import HOLD
from agent.act.supervised import Supervised
from agent.decide.situation import Situation
from agent.tell.board import say_handed_over
from agent.watch.messages import Message

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
            await self._until_followed()

    async def _until_followed(self) -> None:
        """Hold writes back until a replica has a copy of them. Where none comes in time, `go_on_alone` has the rest.

        Redis sends away those that it had when it is promoted, so whoever is online now follows the new master.
        """
        node, world = self._node, self._node.world
        while world.now() - node.pause.since < FOLLOWED_WITHIN:
            asked_at = world.now()
            (role,) = await world.ask(node.settings.local, ("ROLE",), within=FOLLOWED_WITHIN)
            # An answer from before it stood still says nothing any more.
            fresh = world.now() - asked_at < FOLLOWED_WITHIN
            if fresh and isinstance(role, list) and role[0] == "master" and role[2]:
                await self._take_writes("a replica follows it")
                return
            await world.sleep(POLL)

    async def go_on_alone(self, now: Situation) -> None:
        """At a look at which nothing speaks against it: take the writes that no replica has come for in time.

        It may have stood still meanwhile, and yet another is about to take its place, or has.
        """
        node, council = self._node, now.council
        if ALONE not in node.pause.reasons or now.own is None or not now.own.is_master:
            return
        if council.majority:
            if council.named != now.me or council.failing_over or council.sees_down:
                return
            await node.electorate.see(now.me, council, now.own.run_id)
            if node.electorate.rival_waits():
                return
        elif now.silent_for < LEASE:
            return
        await self._take_writes("no replica has followed it in time")

    async def _take_writes(self, why: str) -> None:
        """It is said before it is done."""
        self._node.world.say(f"{TAKES_WRITES}: {why}")
        await self._node.pause.release(ALONE)

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
        publish = (("CLIENT", "UNPAUSE"), ("MULTI",), message.command(), HOLD, ("EXEC",))
        await node.world.ask(settings.local, *publish, within=0.5)
