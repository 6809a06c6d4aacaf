"""What the Sentinels say of themselves: each event wakes the node, and one of them cannot wait for that."""

from agent.settings import NodeSettings
from agent.view.council import Roster
from agent.wire.answers import Address
from agent.world import Event, World

CHANNELS = (
    "+sdown",
    "-sdown",
    "+odown",
    "+selected-slave",
    "+failover-state-wait-promotion",
    "+promoted-slave",
    "+switch-master",
    "-failover-abort-not-elected",
    "-failover-abort-no-good-slave",
    "-failover-abort-slave-timeout",
    "+config-update-from",
)
LOOK_EVERY = 1.0
"""Seconds until Sentinels that are new are listened to."""
AGAIN = 0.2
"""Seconds until a Sentinel that cannot be listened to is tried again: one that has just started may be told to fail the
master over, and what this one took until it heard of that would be lost."""


class SentinelEvents:
    """Listens to every Sentinel that is known. Each of them may lead a failover."""

    def __init__(self, world: World, settings: NodeSettings, roster: Roster) -> None:
        self._world = world
        self._settings = settings
        self._roster = roster
        self._heard: set[Address] = set()
        self.selected = False
        """A Sentinel fails this master over, and is about to promote one of its replicas."""

    async def run(self) -> None:
        """For as long as the agent lives."""
        while True:
            for sentinel in sorted(self._roster.sentinels - self._heard):
                self._heard.add(sentinel)
                self._world.spawn(self._listen(sentinel))
            await self._world.sleep(LOOK_EVERY)

    async def _listen(self, sentinel: Address) -> None:
        while sentinel in self._roster.sentinels:
            async for event in self._world.listen(sentinel, *CHANNELS):
                if event.channel and self._concerns(event):
                    self._world.wake()
            await self._world.sleep(AGAIN)
        self._heard.discard(sentinel)

    def _concerns(self, event: Event) -> bool:
        """Whether it is about this cluster's master; notes when it is about this node's own office."""
        words = event.text.split()
        me, name = self._settings.me, self._settings.master_name
        if name not in words:
            return False
        mine = words[-3:] == [name, me.host, str(me.port)]
        if event.channel == "+selected-slave" and mine:
            self.selected = True
        elif event.channel.startswith("-failover-abort"):
            self.selected = False
        return True
