"""A connection to the master that nothing is sent on: the kernel closes it as soon as that process ends."""

from agent.wire.answers import Address
from agent.world import Door, Task, World

RETRY = 0.5
"""Seconds between two attempts to have one."""
AFTER = (0.0, 0.01, 0.1)
"""Seconds between the looks when it has been closed: the own server may hear a moment later that its link has ended."""


class MasterDoor:
    """Holds a door to one master at a time; `closed` is the master whose door was closed from the other side."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._task: Task | None = None
        self._door: Door | None = None
        self._master: Address | None = None
        self.closed: Address | None = None

    def hold(self, master: Address | None) -> None:
        """From now on hold one to `master`, or to none."""
        if master == self._master:
            return
        if self._task is not None:
            self._task.cancel()
        if self._door is not None:
            self._door.let_go()
        self._task, self._door, self._master, self.closed = None, None, master, None
        if master is not None:
            self._task = self._world.spawn(self._keep(master))

    async def _keep(self, master: Address) -> None:
        while True:
            self._door = await self._world.door(master, within=RETRY)
            if self._door is None:
                await self._world.sleep(RETRY)
                continue
            self.closed = None
            await self._door.closed()
            self.closed = master
            for seconds in AFTER:
                await self._world.sleep(seconds)
                self._world.wake()
            await self._world.sleep(RETRY)
