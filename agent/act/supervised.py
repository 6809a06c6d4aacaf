"""One data node's server, and all that looks at it, acts on it and remembers of it."""

from collections.abc import Collection

from agent.act.claim import Claim, Electorate
from agent.act.lease import Lease
from agent.act.look import Lookout
from agent.act.memory import Memory
from agent.act.office import Office
from agent.act.pause import WritePause
from agent.settings import NodeSettings
from agent.view.council import Roster
from agent.view.mark import Mark
from agent.watch.door import MasterDoor
from agent.watch.events import SentinelEvents
from agent.watch.messages import Messages
from agent.wire.answers import Address
from agent.world import World

LEAVING = "leaving"
"""Why a node that is told to stop holds writes back."""


class Supervised:
    """`mark` is what is remembered of the node's data; its server has been started in limbo.

    `nodes` are the other data nodes that it knew: where to look for a master while most Sentinels are silent.
    """

    def __init__(self, world: World, settings: NodeSettings, mark: Mark, nodes: Collection[Address] = ()) -> None:
        self.world = world
        self.settings = settings
        self.roster = Roster(set(settings.sentinels), nodes=set(nodes))
        self.memory = Memory(world, settings, self.roster, mark)
        self.door = MasterDoor(world)
        self.events = SentinelEvents(world, settings, self.roster)
        self.messages = Messages(world, settings)
        self.pause = WritePause(world, settings.local)
        self.electorate = Electorate(world, settings, self.roster)
        self.office = Office(world, settings, self.electorate, self.pause)
        self.lookout = Lookout(world, settings, self.roster, self.door)
        self.lease = Lease(world, settings, self.roster, self.pause)
        self.leaving = False
        """The container is to stop."""

    async def took_office(self, claim: Claim, why: str, whole: bool = True) -> None:
        """This node has been promoted on `claim`: the Sentinels are told, and it is remembered."""
        self.lookout.was_master = True
        if self.leaving:  # it was told so when it was none yet
            await self.pause.hold(LEAVING)
        self.lease.office(claim.epoch)
        self.door.hold(None)
        self.events.selected = False
        self.memory.office(claim.epoch, whole=whole)
        await self.world.gather(self.office.tell(claim.epoch), self.memory.mark_server())
        took = 1000 * (self.world.now() - claim.asked_at)
        self.world.say(f"master since epoch {claim.epoch}, told {took:.0f} ms after asking for votes: {why}")
