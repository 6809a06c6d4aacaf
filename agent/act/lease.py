"""The lease of a master under `durability: consistent`: without most of the Sentinels it takes no writes.

It holds its writes back before they may promote another: they do so at the earliest down-after from their last answer
by this node, so it must have heard most of them for less than that. Once held back, they go on when most have been
heard for as long as a claim may be used: who was elected in the meantime has promoted itself by then, or never does.
"""

from agent.act.claim import LEASE
from agent.act.pause import WritePause
from agent.settings import NodeSettings
from agent.view import council as council_view
from agent.view.council import Roster, Sentinel
from agent.wire.answers import Address
from agent.world import World

SHARE = 0.5
"""Of down-after: how long a master goes on without having heard most of the Sentinels."""
BEATS = 4
"""Questions within that time."""
IDLE = 0.2
REASON = "lease"


class Lease:
    """Asks all Sentinels for a sign of life, for as long as this node is master and the setting wants it."""

    def __init__(self, world: World, settings: NodeSettings, roster: Roster, pause: WritePause) -> None:
        self._world = world
        self._settings = settings
        self._roster = roster
        self._pause = pause
        self._epoch: int | None = None
        self._heard_at = world.now()

    def office(self, epoch: int | None) -> None:
        """Since which epoch this node is the master; None: it is not."""
        if epoch is not None and self._epoch is None:
            self._heard_at = self._world.now()  # elected, or confirmed, by most of them a moment ago
        self._epoch = epoch

    async def run(self) -> None:
        """For as long as the agent lives."""
        if not self._settings.consistent:
            return
        limit = SHARE * self._settings.down_after
        silent_at = float("-inf")
        while True:
            if self._epoch is None:
                await self._world.sleep(IDLE)
                continue
            asked_at = self._world.now()
            if await self._most_answer(limit / BEATS):
                self._heard_at = asked_at
                if asked_at - silent_at > LEASE:
                    await self._pause.release(REASON)
            elif REASON in self._pause.reasons:
                silent_at = asked_at
            if self._epoch is not None and self._world.now() - self._heard_at > limit:
                if REASON not in self._pause.reasons:
                    self._world.say("most Sentinels are silent: writes are held back")
                silent_at = self._world.now()
                # At each beat anew: Redis refuses it in the middle of a slow script, and ends it after LONG by itself.
                await self._pause.hold(REASON)
            await self._world.sleep(max(0.0, asked_at + limit / BEATS - self._world.now()))

    async def _most_answer(self, within: float) -> bool:
        """Whether most Sentinels answer, and know of no newer master than this node.

        Where writes are held back, none may be failing over: it may promote another much later than a claim would.
        """
        peers = sorted(self._roster.sentinels)
        question = council_view.question(self._settings.master_name)
        held = REASON in self._pause.reasons

        async def one(peer: Address) -> Sentinel | None:
            return council_view.read(peer, await self._world.ask(peer, *question, within=within))

        def most(found: list[Sentinel | None]) -> bool:
            return 2 * sum(each is not None and self._is_for_me(each) for each in found) > len(peers)

        found = await self._world.gather(*(one(peer) for peer in peers), enough=None if held else most)
        return most(found) and not (held and any(each is not None and each.failing_over for each in found))

    def _is_for_me(self, one: Sentinel) -> bool:
        """Whether it takes this node for the master, or has not heard yet that it is."""
        named = one.named == self._settings.me and not one.failing_over and not one.sees_down
        return named or (self._epoch is not None and one.epoch < self._epoch)
