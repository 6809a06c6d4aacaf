"""Becoming the master, and ceasing to be it. Nobody but a node's own agent promotes it, save Sentinel itself."""

from agent.act.claim import Claim, Electorate
from agent.act.pause import HOLD, WritePause
from agent.settings import NodeSettings
from agent.view import node as node_view
from agent.view.node import Node
from agent.wire.answers import LIMBO, Address, Command, done
from agent.world import World

PROMOTE_WITHIN = 0.25
DEMOTE_WITHIN = 1.0
TELL_AGAIN = 5
PRIORITY = 100
"""Redis' own default, of every node that may be promoted; 0 is one that may not."""


class Office:
    """This node's own server: promoting and demoting it."""

    def __init__(self, world: World, settings: NodeSettings, electorate: Electorate, pause: WritePause) -> None:
        self._world = world
        self._settings = settings
        self._electorate = electorate
        self._pause = pause

    async def take(self, claim: Claim, held: str = "") -> bool | None:
        """Promote this node on `claim`. False: it certainly has not become the master; None: nobody knows.

        Where there is a reason `held`, the new master holds writes back for it from its first moment on.

        An answer that comes too late is no answer: another may have been elected meanwhile, so the server is sent back
        behind the order that it may still carry out.
        """
        if not claim.holds(self._world.now()):
            self._world.say(f"the votes for epoch {claim.epoch} are too old to be used")
            return False
        if await self.promote(held) and claim.holds(self._world.now()):
            return True
        self._world.say(
            f"its Redis has not taken office within the time that the votes for epoch {claim.epoch} are good for"
        )
        return False if await self.demote(LIMBO) else None

    async def promote(self, held: str = "") -> bool:
        """Make this node's server a master, in one transaction; true when it has said so. `held`: as in `take`."""
        results = await self._world.ask(
            self._settings.local,
            ("MULTI",),
            ("REPLICAOF", "NO", "ONE"),
            HOLD if held else ("CLIENT", "UNPAUSE"),
            ("EXEC",),
            within=PROMOTE_WITHIN,
        )
        if not done(results[-1]):
            return False
        self._pause.forget(but=held)
        return True

    async def demote(self, master: Address, leaving: bool = False) -> bool:
        """Make this node's server a replica of `master`, in one transaction, and send its clients away.

        Writes that were held back fail unexecuted. Where it is `leaving`, it is closed to the outside at the same
        moment: a client that comes back too early is refused, instead of being told that this is a replica. True when
        the server has said so, or says that it is a replica.
        """
        closed: tuple[Command, ...] = (("CONFIG", "SET", "bind", self._settings.local.host),) if leaving else ()
        commands: tuple[Command, ...] = (
            ("MULTI",),
            ("REPLICAOF", master.host, str(master.port)),
            ("CONFIG", "SET", "replica-priority", "0"),
            *closed,
            ("CLIENT", "KILL", "TYPE", "normal"),
            ("CLIENT", "KILL", "TYPE", "pubsub"),
            ("CLIENT", "UNPAUSE"),
            ("EXEC",),
        )
        results = await self._world.ask(self._settings.local, *commands, within=DEMOTE_WITHIN)
        if done(results[-1]):
            self._pause.forget()
            return True
        own = node_view.read(
            self._settings.me, await self._world.ask(self._settings.local, *node_view.QUESTION, within=DEMOTE_WITHIN)
        )
        if not isinstance(own, Node) or own.is_master:
            return False
        self._pause.forget()
        return True

    async def tell(self, epoch: int) -> None:
        """Tell the Sentinels that this node is the master since `epoch`, again where most have not heard it."""
        for _ in range(TELL_AGAIN):
            told = await self._electorate.tell(self._settings.me, epoch)
            if 2 * told > len(self._electorate.roster.sentinels):
                return
            await self._world.sleep(0.05)
