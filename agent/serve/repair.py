"""A damaged append-only file: a node that can copy sets it aside. It never starts empty in its place."""

import asyncio
import contextlib
import os
import signal
from dataclasses import replace
from typing import Any

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
DAMAGED = "the append-only file is damaged; waiting for another node to copy from"
CANNOT_KEEP = "the append-only file is damaged, and the volume cannot be written to: is it full?"


async def check(world: ContainerWorld, volume: Volume, stop: Stop) -> bool:
    """Whether the append-only file is what the server has ended of: Redis' own checker says that it is damaged.

    Where it is told to stop meanwhile, or that takes too long, it counts as not damaged: nobody knows.
    """
    manifests = [path for path in volume.append_only_files() if path.suffix == ".manifest"]
    for manifest in manifests:
        process = await asyncio.create_subprocess_exec(
            "redis-check-aof", str(manifest), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        ended = asyncio.ensure_future(process.wait())
        until: list[asyncio.Future[Any]] = [ended, stop.asked]
        await asyncio.wait(until, timeout=CHECK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            await ended
            if not stop.asked.done():
                world.say(f"the check of the append-only file has been ended: it took longer than {CHECK_SECONDS:g} s")
            return False
        if ended.result() != 0:
            return True
    return False


async def until_it_can_copy(world: ContainerWorld, settings: NodeSettings, volume: Volume, stop: Stop) -> Mark:
    """Wait until another node serves as master, then set the damaged file aside; the mark of a node without data.

    Meanwhile the server does not run, so that the others see this node's end, and promote one of themselves if it was
    the master.
    """
    lookout = Lookout(world, settings, Roster(set(settings.sentinels)), MasterDoor(world))
    why = DAMAGED
    world.say(why)
    while not stop.asked.done():
        world.show({"role": "none", "joined": False, "why": why})
        council = await lookout.council()
        if council.majority and council.agreed and council.named not in (None, settings.me):
            master = await lookout.node(council.named) if council.named else None
            if master is not None and master.is_master and (master.mark.whole or master.keys):
                mark = replace(volume.mark(), whole=False, master=False)
                if _kept(world, volume, mark):
                    moved = volume.set_aside("damaged")
                    names = ", ".join(path.name for path in moved)
                    world.say(f"the damaged append-only file is {names} now: copying from {council.named}")
                    return replace(mark, empty=True)
                if why != CANNOT_KEEP:
                    why = CANNOT_KEEP
                    world.say(why)
        await asyncio.wait([stop.asked], timeout=EVERY)
    return volume.mark()


def _kept(world: ContainerWorld, volume: Volume, mark: Mark) -> bool:
    """Keep the mark on the volume; whether it is there.

    Before the file is set aside: a node that is killed just after that would else load an old snapshot at its next
    start, and take that for the newest data.
    """
    world.remember({**mark.as_memory(), "nodes": sorted(str(node) for node in volume.nodes())})
    return not volume.mark().whole
