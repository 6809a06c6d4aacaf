"""A data node's agent: it looks around, decides, does it, and rests until something happens."""

from collections.abc import Collection
from dataclasses import replace

from agent.act.claim import LEASE, Claim
from agent.act.handover import HandOver
from agent.act.office import PRIORITY
from agent.act.successor import Successor
from agent.act.supervised import LEAVING, Supervised
from agent.decide import steps
from agent.decide.role import decide
from agent.decide.situation import Situation
from agent.settings import NodeSettings
from agent.view.mark import Mark
from agent.view.node import Node
from agent.wire.answers import Address
from agent.world import World

SCRIPT_SHARE = 0.4
"""Of down-after, as `busy-reply-threshold`."""
YIELD_AGAIN = 10.0
SEE_EVERY = 5.0
"""Seconds between two looks at the Sentinels' votes: one that is seen for the first time counts as a rival's. After a
failover that has come to nothing there is one at once, so that its votes do not hinder the next hand-over."""
STALE = 1.0
"""Seconds that a look may take; it is asked once more, since a machine may be so busy that each takes longer."""
ASK_AGAIN_FOR = 8.0
"""Seconds after which a leaving master asks no replica anew; `docker stop` by itself leaves ten."""
SELECTED_SECONDS = 5.0
"""How long writes are held back for a failover that a Sentinel leads over the head of this master."""


class DataNode(Supervised):
    """Supervises one data node."""

    def __init__(self, world: World, settings: NodeSettings, mark: Mark, nodes: Collection[Address] = ()) -> None:
        super().__init__(world, settings, mark, nodes)
        self.successor = Successor(self)
        self.hand_over = HandOver(self)
        self._yielded_at = float("-inf")
        self._saw_votes_at = float("-inf")
        self._unrest = False
        self._leaving_since = 0.0
        self._left = False
        self.end_server = False
        self._in_doubt: tuple[Situation, Address | None] | None = None
        """The last look, where it is to be made certain; and the master in whose place this node would be elected."""
        self._canvassed: Address | None = None
        """That master, where the last look has done so."""
        self._claim: Claim | None = None
        """What was won meanwhile."""
        self._since = world.now()
        self._shown = ""

    async def run(self) -> None:
        """For as long as the server lives, or until it has left."""
        self.world.spawn(self.events.run())
        self.world.spawn(self.messages.run())
        self.world.spawn(self.lease.run())
        while not self._left:
            now = await self._fresh_look()
            now = await self._settle(await self._seen_votes(now))
            waited = self.world.now() - self._leaving_since
            if self.leaving and not now.was_master and not await self.hand_over.too_early(now, waited):
                self._left = await self._may_stop(now, waited)
                continue
            if not self.leaving and await self.successor.serve(now):
                continue
            step = decide(now)
            if isinstance(step, steps.Ascertain):
                self._in_doubt = now, step.disputed
                continue
            self.lookout.ended(isinstance(step, steps.TakeOffice) or (isinstance(step, steps.Rest) and step.ended))
            await self._do(now, step)

    async def _fresh_look(self) -> Situation:
        """A look around that says how it is. One in the midst of which this agent stood still says how it was."""
        began = self.world.now()
        now = await self._look()
        return now if self.world.now() - began < STALE else await self._look()

    async def _look(self) -> Situation:
        """A look around. While the master's end is made certain, the votes to take its place are asked for already."""
        doubt, self._in_doubt, self._canvassed, self._claim = self._in_doubt, None, None, None
        look = self.lookout.look(self.memory.mark, patient=doubt is not None)
        if doubt is None:
            return await look
        now: Situation
        before, self._canvassed = doubt
        if self._canvassed is None or before.own is None:
            return await look
        claim = self.electorate.claim(self._canvassed, before.council, before.own.run_id)
        now, self._claim = await self.world.gather(look, claim)
        if self._claim is not None and self._claim.epoch <= now.council.epoch:
            self._claim = None
        return replace(now, elected=self._claim is not None and now.named == self._canvassed)

    async def _seen_votes(self, now: Situation) -> Situation:
        """A server that has become the master by somebody else: by a Sentinel that was elected, or by hand?"""
        own, named = now.own, now.named
        if own is None or not own.is_master or self.memory.mark.master or named in (None, now.me):
            return now
        assert named is not None  # noqa: S101 - for the type
        await self.electorate.see(named, now.council, own.run_id)
        # Those that name it by now say nothing any more of the votes that have led to that.
        return replace(now, led=self.electorate.sentinel_leads, council=await self.lookout.council())

    async def _may_stop(self, now: Situation, waited: float) -> bool:
        """Hand over; whether the server can be told to stop. `waited` are the seconds since it was told to leave.

        A master that hangs would take what its clients have sent before it stops. So it is waited for. And a replica
        that stands still has not got all of it, and may be elected when it goes on: it is asked again.
        """
        if await self.hand_over.run(now) or self.hand_over.unknown:
            return True
        if self.hand_over.again and waited < ASK_AGAIN_FOR:
            await self.world.rest(steps.SOON)
            return False
        return not self.lookout.was_master or await self.lookout.own() is not None

    async def leave(self) -> None:
        """The container is to stop: hand over where that can be done. Asked again, it changes nothing."""
        if not self.leaving:
            self.leaving, self._leaving_since = True, self.world.now()
            if self.lookout.was_master:
                await self.pause.hold(LEAVING)
        while not self._left:
            self.world.wake()
            await self.world.sleep(0.01)

    async def _do(self, now: Situation, step: steps.Act) -> None:
        if isinstance(step, steps.Rest):
            await self._heed(now)
            self._show(now, step.why, step.joined)
            for address in step.nudge:
                self.world.spawn(self.messages.wake(address))
            # A master is looked at often enough to end a slow script before that costs a failover.
            often = (
                SCRIPT_SHARE * self.settings.down_after if now.own is not None and now.own.is_master else steps.STEADY
            )
            await self.world.rest(min(step.again, often))
        elif isinstance(step, steps.Follow):
            await self._follow(step.master, step.why)
        elif isinstance(step, steps.TakeOffice):
            await self._take_office(now, step)
        elif isinstance(step, steps.Begin):
            await self._begin(now, step.why)
        elif isinstance(step, steps.TellAgain):
            await self.office.tell(self.memory.mark.epoch)
            await self.world.rest(steps.AT_ONCE)
        elif isinstance(step, steps.Yield):
            await self._yield(now, step.why)
        elif isinstance(step, steps.EndServer):
            self.world.say(f"its Redis is ended at once: {step.why}")
            self.end_server = self._left = True
        else:
            await self._announce(now, step)

    async def _follow(self, master: Address, why: str) -> None:
        self.world.say(f"following {master}: {why}")
        await self.office.demote(master)
        self.lookout.in_touch = False
        self.lease.office(None)
        self.events.selected = False
        self.door.hold(master)
        await self.world.rest(steps.SOON)

    async def _take_office(self, now: Situation, step: steps.TakeOffice) -> None:
        own = now.own
        assert own is not None  # noqa: S101 - decided from it
        claim = self._claim
        if self._canvassed != step.disputed:
            claim = await self.electorate.claim(step.disputed, now.council, own.run_id)
        if claim is None or not await self.office.take(claim):
            self._show(now, f"{step.why}; the Sentinels' votes cannot be had", False)
            await self.world.rest(LEASE + LEASE * self.world.random() / 2)
            return
        await self.took_office(claim, step.why, whole=step.whole)

    async def _begin(self, now: Situation, why: str) -> None:
        if not await self.office.promote():
            await self.world.rest(steps.SOON)
            return
        self.world.say(f"master: {why}")
        self.lease.office(max(0, now.mark.epoch))
        self.memory.office(max(0, now.mark.epoch))
        await self.memory.mark_server()

    async def _yield(self, now: Situation, why: str) -> None:
        """Hand over without leaving. Where nobody knows how that has ended, this process ends, to start in limbo."""
        self._show(now, why, False)
        if self.world.now() - self._yielded_at >= YIELD_AGAIN:
            self._yielded_at = self.world.now()
            await self.hand_over.run(now)
            if self.hand_over.unknown:
                self._left = True
                return
        await self.world.rest(steps.STEADY)

    async def _announce(self, now: Situation, step: steps.Announce) -> None:
        own = now.own
        assert own is not None  # noqa: S101 - decided from it
        claim = await self.electorate.claim(step.disputed, now.council, own.run_id, over_sentinels=True)
        if claim is None:
            await self.world.rest(LEASE if step.disputed == self.settings.me else steps.SOON)
            return
        await self.took_office(claim, step.why)
        # They are in sync with a master of an older epoch until they look: should this one die now, none would count.
        for replica in own.replicas:
            self.world.spawn(self.messages.wake(replica.address))

    async def _heed(self, now: Situation) -> None:
        """A Sentinel fails this living master over: what it still took would be lost, so its writes wait.

        Under `consistent` they also wait, as long, where one that was cut off comes back and names another.
        """
        own = now.own
        replaced = now.settings.consistent and now.named not in (None, now.me)
        if (self.events.selected or replaced) and own is not None and own.is_master:
            if "failover" not in self.pause.reasons:
                await self.pause.hold("failover", SELECTED_SECONDS)
            elif not now.council.failing_over:
                self.events.selected = False
        if not self.events.selected and not replaced:
            await self.pause.release("failover")
            await self.successor.go_on_alone(now)
        if not self.leaving:
            await self.pause.release(LEAVING)  # of a hand-over that was given up while its Redis hung

    async def _settle(self, now: Situation) -> Situation:
        """Keep up what follows from the look alone: what is remembered, the priority, the door, the lease."""
        if now.own is None:
            return now
        if self.memory.copy_lost(now.own):
            self.lookout.in_touch = False
        if not now.own.loading:
            await self._keep_up(now, now.own)
        return replace(now, mark=self.memory.mark, stored=self.memory.stored, in_touch=self.lookout.in_touch)

    async def _keep_up(self, now: Situation, own: Node) -> None:
        council = now.council
        self.door.hold(own.follows if not own.is_master and own.follows == council.named else None)
        self.lease.office(max(self.memory.mark.epoch, 0) if own.is_master else None)
        await self.memory.look(now, own)
        unrest = council.failing_over or council.sees_down
        self._unrest = self._unrest or unrest
        due = self.world.now() - self._saw_votes_at > SEE_EVERY or (self._unrest and not unrest)
        if due and council.majority and council.named and not own.is_master:
            self._saw_votes_at, self._unrest = self.world.now(), unrest
            self.world.spawn(self.electorate.see(council.named, council, own.run_id))
        mark = self.memory.mark
        newest = now.in_touch and mark.whole and mark.epoch >= council.epoch
        promotable = own.is_master or (newest and own.storing)
        wanted = PRIORITY if promotable else 0
        if own.priority != wanted:
            await self.world.ask(self.settings.local, ("CONFIG", "SET", "replica-priority", str(wanted)), within=1.0)

    def _show(self, now: Situation, why: str, joined: bool) -> None:
        """The state file; a change of words is a line in the log, too, and the beginning of a new state."""
        own = now.own
        if why != self._shown:
            self._shown, self._since = why, self.world.now()
            self.world.say(why)
        self.world.show(
            {
                "role": "unknown" if own is None else "master" if own.is_master else "replica",
                "joined": joined,
                "why": why,
                "for": round(self.world.now() - self._since, 1),
                "master": str(now.named) if now.named else None,
                "epoch": now.council.epoch,
                "sentinels": [len(now.council.sentinels), now.council.total],
                "data": self.memory.mark.as_memory(),
                "paused": sorted(self.pause.reasons),
                "storing": own.storing if own is not None else None,
            }
        )
