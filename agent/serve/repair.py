"""A damaged append-only file: a node that can copy sets it aside. It never starts empty in its place."""

import asyncio
from dataclasses import replace

from agent.act.look import Lookout
from agent.serve.container import ContainerWorld
from agent.serve.data import Volume
from agent.serve.stop import Stop
from agent.settings import NodeSettings
from agent.view.council import Roster
from agent.view.mark import Mark
from agent.watch.door import MasterDoor

EVERY = 1.0
CHECK_SECONDS = 600.0


async def check(volume: Volume) -> bool:
    """Whether the append-only file is what the server has ended of: Redis' own checker says that it is damaged."""
    manifests = [path for path in volume.append_only_files() if path.suffix == ".manifest"]
    for manifest in manifests:
        process = await asyncio.create_subprocess_exec(
            "redis-check-aof", str(manifest), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        if await asyncio.wait_for(process.wait(), CHECK_SECONDS) != 0:
            return True
    return False


async def until_it_can_copy(world: ContainerWorld, settings: NodeSettings, volume: Volume, stop: Stop) -> Mark:
    """Wait until another node serves as master, then set the damaged file aside; the mark of a node without data.

    Meanwhile the server does not run, so that the others see this node's end, and promote one of themselves if it was
    the master.
    """
    lookout = Lookout(world, settings, Roster(set(settings.sentinels)), MasterDoor(world))
    why = "the append-only file is damaged; waiting for another node to copy from"
    world.say(why)
    while not stop.asked.done():
        world.show({"role": "none", "joined": False, "why": why})
        council = await lookout.council()
        if council.majority and council.agreed and council.named not in (None, settings.me):
            master = await lookout.node(council.named) if council.named else None
            if master is not None and master.is_master and (master.mark.whole or master.keys):
                moved = volume.set_aside("damaged")
                names = ", ".join(path.name for path in moved)
                world.say(f"the damaged append-only file is {names} now: copying from {council.named}")
                return replace(volume.mark(), whole=False, master=False, empty=True)
        await asyncio.wait([stop.asked], timeout=EVERY)
    return volume.mark()
