"""The leaving master's half of a hand-over: a replica takes over before it stops, and no acknowledged write is lost.

    master                          replica                         Sentinels
      | holds writes back              |
      | -- prepare ------------------> | -- votes for an epoch -------> |
      | <----------------- ready ----- |
      | reads its offset               |
      | -- go OFFSET ----------------> | catches up, promotes itself
      | <----------------- taken ----- |
      |                                | -- the new configuration ----> |
      | becomes a replica, sends its clients away
                                       | takes writes when another replica follows it

A node that is told to stop holds writes back from that moment on: if it stands still before it has handed over, and
goes on when another has been elected, it takes none. After `go` has been sent there is no way back: the writes that
are held back never go on here, whatever is not answered. The successor holds them back until another node has a copy
of them: if it stands still at once and yet another is elected, nothing that it has acknowledged is missing there.
"""

from agent.act.supervised import LEAVING, Supervised
from agent.decide.candidates import candidates
from agent.decide.situation import Situation
from agent.view.node import Node
from agent.watch.messages import Message
from agent.wire.answers import LIMBO, Address, done

IN_ALL = 5.0
"""Seconds that a hand-over may take."""
READY_WITHIN = 1.5
HEARD_WITHIN = 1.5
"""Seconds that a leaving master, which a Sentinel has just promoted, waits to be named by them."""
POLL = 0.02
MIN_REPLICAS = "min-replicas-to-write"


class HandOver:
    """Finds a successor for this node's office, if it holds one."""

    def __init__(self, node: Supervised) -> None:
        self._node = node
        self._min_replicas: str | None = None
        self._why = ""
        self.unknown = False
        """A replica was told to take over, and nobody says whether it has."""
        self.again = False
        """None has, for certain; one that stood still, or was hindered, may yet."""

    async def run(self, now: Situation) -> bool:
        """Hand over; true where another node is the master now, for certain."""
        world, own = self._node.world, now.own
        self.again = False
        if own is None or not own.is_master:
            return False
        hindrance = self._hindrance(now)
        if hindrance:
            return self._not(hindrance)
        deadline = world.now() + IN_ALL
        if now.council.total == 1:
            return await self._by_sentinel(now, deadline)
        replicas = await self._candidates(own)
        for replica in replicas:
            if world.now() >= deadline:
                break
            outcome = await self._to(replica, len(replicas) - 1, deadline)
            if outcome is not None:
                return outcome
        self.again = self.again or bool(replicas)
        return self._not("no replica could take over")

    def _not(self, why: str) -> bool:
        """It is tried again and again; said once."""
        if why != self._why:
            self._why = why
            self._node.world.say(f"no hand-over: {why}")
        return False

    async def too_early(self, now: Situation, waited: float) -> bool:
        """Whether this leaving node is a master that the Sentinels do not name yet: before they do, no hand-over.

        One of them may have promoted it since the look began. `waited` are the seconds since it was told to leave.
        """
        if not now.council.majority or now.named == now.me or waited >= HEARD_WITHIN:
            return False
        own = await self._node.lookout.own()
        return own is not None and own.is_master

    @staticmethod
    def _hindrance(now: Situation) -> str | None:
        own = now.own
        if not now.settings.sentinels:
            return "there is no Sentinel"
        if not now.council.majority:
            return f"only {len(now.council.sentinels)} of {now.council.total} Sentinels answer"
        if now.named != now.me:
            return f"the Sentinels name {now.named} as master"
        if own is not None and not any(one.online for one in own.replicas):
            return "no replica is online"
        return None

    async def _candidates(self, own: Node) -> list[Address]:
        """The replicas that could take over, the best one first."""
        node = self._node
        asked = [one.address for one in own.replicas if one.online]
        found = await node.world.gather(*(node.lookout.node(address, within=0.3) for address in asked))
        self.again = None in found
        return candidates(node.settings.me, [one for one in found if one is not None])

    async def _to(self, replica: Address, others: int, deadline: float) -> bool | None:
        """Hand over to `replica`, which so many `others` will follow.

        None: it certainly does not take over; false: that is unknown.
        """
        node, world, me = self._node, self._node.world, self._node.settings.me
        hand_over = f"{me.port}-{round(world.now() * 1000)}-{round(world.random() * 1e6)}"
        listening = world.spawn(node.messages.listen(replica))
        try:
            return await self._with(replica, others, hand_over, deadline)
        finally:
            listening.cancel()
            node.messages.heard.discard(replica)

    async def _with(self, replica: Address, others: int, hand_over: str, deadline: float) -> bool | None:
        """As `_to`, while the replica's answers are listened to."""
        node, world = self._node, self._node.world
        me = node.settings.me
        if not await self._listening(replica, min(deadline, world.now() + READY_WITHIN)):
            return None
        if await node.messages.send(replica, Message("prepare", hand_over, me, others)) is not True:
            return None
        ready = await self._answer(hand_over, min(deadline, world.now() + READY_WITHIN))
        if ready is None or ready.kind != "ready":
            world.say(f"{replica} does not take over: {ready.why if ready else 'no answer'}")
            return None
        offset = await self._hold()
        if offset is None:
            await self._back_out()
            return None
        sent = await node.messages.send(replica, Message("go", hand_over, me, offset))
        if sent is False:
            await self._back_out()
            return None
        taken = await self._taken(replica, hand_over, deadline)
        if taken is None:
            self.unknown = True
            world.say(f"{replica} has not said that it took over: writes stay held back until this node has stopped")
            return False
        if not taken:
            await self._back_out()
            return None
        held_since = node.pause.since
        await node.office.demote(LIMBO, leaving=node.leaving)
        await self._restore()
        world.say(f"handed over to {replica}; writes were held back for {1000 * (world.now() - held_since):.0f} ms")
        return True

    async def _listening(self, replica: Address, deadline: float) -> bool:
        world = self._node.world
        while replica not in self._node.messages.heard:
            if world.now() >= deadline:
                return False
            await world.rest(POLL)
        return True

    async def _answer(self, hand_over: str, deadline: float) -> Message | None:
        world = self._node.world
        while world.now() < deadline:
            answer = self._node.messages.take("ready", "refused", "taken", hand_over=hand_over)
            if answer is not None:
                return answer
            await world.rest(POLL)
        return None

    async def _taken(self, replica: Address, hand_over: str, deadline: float) -> bool | None:
        """Whether `replica` has taken over: by its own word, or by its role; None where nobody says."""
        world = self._node.world
        while world.now() < deadline:
            answer = await self._answer(hand_over, min(deadline, world.now() + 0.2))
            if answer is not None and answer.kind in ("taken", "refused"):
                return answer.kind == "taken"
            (role,) = await world.ask(replica, ("ROLE",), within=0.2)
            if isinstance(role, list) and role[:1] == ["master"]:
                return True  # nobody but its own agent makes it one
        return None

    async def _hold(self) -> int | None:
        """Hold writes back; the bytes of the replication stream that have been acknowledged. None: that has failed.

        A write that comes when the replicas have left for the successor must wait as well: Redis would refuse it for
        want of replicas before it looks at the pause.
        """
        world, local = self._node.world, self._node.settings.local
        if not await self._node.pause.hold(LEAVING):
            return None
        found, _, role = await world.ask(
            local, ("CONFIG", "GET", MIN_REPLICAS), ("CONFIG", "SET", MIN_REPLICAS, "0"), ("ROLE",), within=1.0
        )
        if isinstance(found, list) and len(found) == 2:
            self._min_replicas = str(found[1])
        return int(str(role[1])) if isinstance(role, list) and role and role[0] == "master" else None

    async def _back_out(self) -> None:
        """Nobody takes over, for certain: go on as before, unless this node is to stop all the same."""
        await self._restore()
        if not self._node.leaving:
            await self._node.pause.release(LEAVING)

    async def _restore(self) -> None:
        """What `_hold` has set aside."""
        if self._min_replicas is not None:
            command = ("CONFIG", "SET", MIN_REPLICAS, self._min_replicas)
            await self._node.world.ask(self._node.settings.local, command, within=1.0)
            self._min_replicas = None

    async def _by_sentinel(self, now: Situation, deadline: float) -> bool:
        """Nobody could tell a single Sentinel of an epoch: it is asked to fail over while writes are held back."""
        node, world = self._node, self._node.world
        sentinel = now.council.sentinels[0].address
        offset = await self._hold()
        if offset is None or not await self._all_have(now, offset, deadline):
            self.again = offset is not None
            await self._back_out()
            return self._not("not every replica has got all that was acknowledged")
        (result,) = await world.ask(sentinel, ("SENTINEL", "FAILOVER", node.settings.master_name), within=1.0)
        if not done(result):
            self.unknown = True
            world.say("the only Sentinel has not said that it fails over")
            return False  # it may yet: writes stay held back
        while world.now() < deadline:
            council = await node.lookout.council()
            if council.named not in (None, node.settings.me):
                await node.office.demote(LIMBO, leaving=node.leaving)
                await self._restore()
                world.say(f"handed over to {council.named} by the only Sentinel")
                return True
            await world.sleep(POLL)
        self.unknown = True
        return False

    async def _all_have(self, now: Situation, offset: int, deadline: float) -> bool:
        """Whether each replica that is online has got so much: any of them may be chosen."""
        node, world = self._node, self._node.world
        online = [one.address for one in now.own.replicas if one.online] if now.own is not None else []
        until = min(deadline, world.now() + READY_WITHIN)
        while world.now() < until:
            found = await world.gather(*(node.lookout.node(address, within=0.3) for address in online))
            if all(one is not None and one.offset >= offset for one in found):
                return True
            await world.sleep(POLL)
        return False
