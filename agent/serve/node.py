"""A data node's container, from its start to its end."""

import asyncio
import contextlib
import fcntl
import signal
from typing import Any

from agent.act.datanode import DataNode
from agent.decide.steps import SOON
from agent.serve.container import ContainerWorld
from agent.serve.data import Volume
from agent.serve.environment import MASTER, NO_ACCESS, Environment, StartError
from agent.serve.repair import check, until_it_can_copy
from agent.serve.server import Server, bury
from agent.serve.stop import Stop
from agent.serve.strangers import Strangers
from agent.settings import NodeSettings
from agent.tell.state import StateFile
from agent.view.node import fields_of
from agent.wire.answers import Address, Refusal, done
from agent.wire.link import Login, tls_context

SIGNAL = "first-start"
"""A file in the run folder, by which the deployment says that there has never been any data."""
AGAIN = 1.0
"""Seconds between two attempts at what the server refuses."""
KILLED = 128 + signal.SIGKILL


async def run_node(environment: Environment) -> int:
    """Run the data node until it is stopped or its server ends; the exit code."""
    stop = Stop()
    volume = Volume(environment)
    state = StateFile(environment.run)
    world = ContainerWorld(environment.local, login(environment), volume.memory, state, environment.run / SIGNAL)
    with await _own_data(environment, world, stop):
        if stop.asked.done():
            return 0
        mark = volume.mark()
        if volume.memory.exists():  # said of an earlier start, after which there was data
            (environment.run / SIGNAL).unlink(missing_ok=True)
        while True:
            arguments = volume.prepare(mark)
            bury()
            server = await Server.start("redis-server", str(volume.config), *arguments)
            node = DataNode(world, node_settings(environment), mark, volume.nodes())
            parts = [asyncio.ensure_future(part) for part in (node.run(), Strangers(world, environment.local).run())]
            loaded = asyncio.ensure_future(_until_loaded(world, environment.local))
            parts.append(loaded)
            if arguments:
                switch = _switch_append_only(world, volume, environment.local, loaded)
                parts.append(asyncio.ensure_future(switch))
            ended = asyncio.ensure_future(server.ended())
            until: list[asyncio.Future[Any]] = [ended, stop.asked, parts[0]]
            await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
            code = await _leave(node, server, ended, stop, parts[0])
            had_loaded = loaded.done()
            for part in parts:
                part.cancel()
            world.end_tasks()
            if stop.asked.done():
                return code
            if node.end_server:
                mark = volume.mark()
                continue
            # A damaged file ends it while it loads, by itself. After any other end the next one is to try first: killed
            # as it wrote, it leaves a file that is cut off, which the checker takes for damaged, and which it loads.
            if had_loaded or code == KILLED or not await check(world, volume, stop):
                return code or 1  # it has not been asked to end
            mark = await until_it_can_copy(world, node_settings(environment), volume, stop)
            if stop.asked.done():
                return code


async def _leave(
    node: DataNode, server: Server, ended: "asyncio.Future[int]", stop: Stop, loop: "asyncio.Future[None]"
) -> int:
    """Hand over and stop the server where that is asked for; its exit code."""
    if ended.done():
        return ended.result()
    if stop.asked.done():
        leaving = asyncio.ensure_future(node.leave())
        until: list[asyncio.Future[Any]] = [leaving, ended, loop]
        await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
    if loop.done() and loop.exception() is not None:  # without its agent a node must not go on
        await server.stop()
        raise loop.exception() or RuntimeError
    return await (server.kill() if node.end_server else server.stop())


def node_settings(environment: Environment) -> NodeSettings:
    """What the agent is told."""
    return NodeSettings(
        name=environment.name,
        me=environment.me,
        local=environment.local,
        declared_master=environment.role == MASTER,
        master=environment.master,
        sentinels=tuple(Address.parse(each) for each in environment.sentinels),
        master_name=environment.master_name,
        consistent=environment.get("durability") == "consistent",
        down_after=environment.down_after,
    )


def login(environment: Environment) -> Login:
    """How agents log in to nodes and Sentinels."""
    context = tls_context(*environment.tls) if environment.tls else None
    return Login("handover", environment.secret, context)


async def _own_data(
    environment: Environment, world: ContainerWorld, stop: Stop
) -> contextlib.AbstractContextManager[object]:
    """Wait for an earlier container of this node to end: a Swarm may start the next one while it is still leaving."""
    try:
        lock = (environment.data / ".lock").open("w")
    except OSError as error:
        raise StartError(NO_ACCESS, f"cannot write to {environment.data}: {error}") from None
    while not stop.asked.done():
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            world.show({"joined": False, "why": "waiting: an earlier container still uses the data"})
            await asyncio.wait([stop.asked], timeout=0.2)
        except OSError as error:
            # A file system without locks, as of some networks. To wait for one would be to wait for ever; and two
            # servers are kept apart by their port, too, which a server takes before it looks at the data.
            world.say(f"the data is used without a lock, which its file system does not give: {error}")
            break
        else:
            break
    return lock


async def _until_loaded(world: ContainerWorld, local: Address) -> None:
    """Until the own server has loaded its data."""
    while (await _persistence(world, local)).get("loading") != "0":
        await world.sleep(SOON)


async def _switch_append_only(
    world: ContainerWorld, volume: Volume, local: Address, loaded: "asyncio.Future[None]"
) -> None:
    """The server was started with the other `appendonly`, to load what is newest: switch it once that is loaded.

    A full disk, or too little memory for another process, may hinder that. Tried no more, it would never be done: the
    node would go on without the file that its settings promise, and load an old snapshot at its next start.
    """
    wanted = volume.wanted_append_only()
    await loaded
    said: set[str] = set()
    while True:
        results = await world.ask(local, ("CONFIG", "SET", "appendonly", wanted), ("CONFIG", "REWRITE"), within=10.0)
        failed = next((result for result in results if not done(result)), None)
        if failed is None:
            break
        reason = failed.text if isinstance(failed, Refusal) else "no answer"
        if reason not in said:
            said.add(reason)
            world.say(f"appendonly cannot be set to {wanted}, which is tried again: {reason}")
        await world.sleep(AGAIN)
    world.say(f"all data is loaded; appendonly is {wanted} now")
    if wanted == "no":
        await _save(world, local)
        volume.set_aside("stale")


async def _save(world: ContainerWorld, local: Address) -> None:
    """A snapshot, where there are to be any: until it is there, the append-only file is all that outlives a kill."""
    while True:
        (save,) = await world.ask(local, ("CONFIG", "GET", "save"), within=2.0)
        if isinstance(save, list) and save[1:] == [""]:
            return
        (started,) = await world.ask(local, ("BGSAVE",), within=2.0)
        while (found := await _persistence(world, local)).get("rdb_bgsave_in_progress") != "0":
            await world.sleep(SOON)
        if isinstance(started, str) and found.get("rdb_last_bgsave_status") == "ok":
            return
        await world.sleep(1.0)


async def _persistence(world: ContainerWorld, local: Address) -> dict[str, str]:
    """What the own server says of it; nothing where it does not answer."""
    (info,) = await world.ask(local, ("INFO", "persistence"), within=2.0)
    return fields_of(info) if isinstance(info, str) else {}
