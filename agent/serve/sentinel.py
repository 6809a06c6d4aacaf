"""A Sentinel's container, from its start to its end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from agent.act.sentinel import SentinelAgent, SentinelSettings
from agent.decide.news import Watcher
from agent.serve.container import ContainerWorld
from agent.serve.environment import Environment
from agent.serve.node import SIGNAL, login
from agent.serve.sentinel_state import SentinelState
from agent.serve.server import Server
from agent.serve.stop import Stop
from agent.serve.strangers import Strangers
from agent.tell.board import Board
from agent.tell.notify import Notifier
from agent.tell.post import Webhook, post
from agent.tell.state import StateFile
from agent.view import sight
from agent.wire.answers import Address, Result

REMEMBER_EVERY = 1.0
WEBHOOK = "webhook.json"
"""The file that says where notifications go, among those of the node."""


async def run_sentinel(environment: Environment) -> int:
    """Run the Sentinel until it is stopped or its server ends; the exit code."""
    stop = Stop()
    state = SentinelState(environment)
    world = ContainerWorld(
        environment.local, login(environment), state.memory, StateFile(environment.run), environment.run / SIGNAL
    )
    seen = _notifications(environment, state, world)
    forgotten: dict[Address, tuple[int, float]] = {}
    while True:
        agent = SentinelAgent(world, _settings(environment, state), forgotten)
        agent.seen = seen
        finding = asyncio.ensure_future(_watch(agent, state))
        first: list[asyncio.Future[Any]] = [finding, stop.asked]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not finding.done():
            return 0
        finding.result()
        server = await Server.start("redis-server", str(state.config), "--sentinel")
        loop = asyncio.ensure_future(agent.run())
        parts = [
            asyncio.ensure_future(part) for part in (Strangers(world, environment.local).run(), _remember(agent, state))
        ]
        ended = asyncio.ensure_future(server.ended())
        until: list[asyncio.Future[Any]] = [ended, stop.asked, loop]
        await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
        for part in (*parts, loop):
            part.cancel()
        if ended.done():
            return ended.result() or 1  # it has not been asked to end
        code = await server.stop()
        if stop.asked.done():
            return code
        if loop.exception() is not None:  # without its agent a Sentinel must not go on
            raise loop.exception() or RuntimeError
        world.say(f"forgetting what is not declared any more: {', '.join(map(str, loop.result()))}")


async def _watch(agent: SentinelAgent, state: SentinelState) -> None:
    """Write the configuration to start from.

    A node that is moved to another host is declared there while it still serves here: as long as it does, the master is
    where it was.
    """
    last = state.last
    moving = last is not None and not state.is_declared(last.master) and await agent.serves(last.master)
    state.write((last if moving else state.remembered()) or await agent.find())


async def _remember(agent: SentinelAgent, state: SentinelState) -> None:
    """Keep the name of the node that is watched, whenever that is another one."""
    kept: Address | None = None
    while True:
        if agent.master is not None and agent.master != kept:
            with suppress(OSError):  # a full disk: tried again until it is kept
                state.remember(agent.master)
                kept = agent.master
        await asyncio.sleep(REMEMBER_EVERY)


def _notifications(
    environment: Environment, state: SentinelState, world: ContainerWorld
) -> Callable[[list[Result]], None] | None:
    """What is done with the Sentinel's answers where there is a webhook."""
    hook = Webhook.load(environment.etc / "node" / WEBHOOK)
    if hook is None or not state.peers:
        return None
    sentinels = {f"sentinel-{index}": peer.address for index, peer in enumerate(state.peers)}
    declared = sight.Declared(state.nodes, sentinels, state.index)
    watcher = Watcher({at: name for name, at in state.nodes.items()}, hook.cluster, list(sentinels)[state.index])
    board = Board(world, environment.local, tuple(peer.address for peer in state.others))
    notifier = Notifier(world, hook, watcher, board, state.index, post)

    def see(answers: list[Result]) -> None:
        seen = sight.read(declared, answers, world.now())
        if seen is not None:
            notifier.see(seen)

    return see


def _settings(environment: Environment, state: SentinelState) -> SentinelSettings:
    return SentinelSettings(
        local=environment.local,
        index=state.index,
        master_name=environment.master_name,
        declared=environment.master,
        nodes=tuple(state.nodes.values()),
        others=tuple(peer.address for peer in state.others),
        earlier=min(state.index, len(state.others)),
        periods=tuple(environment.get("sentinel_periods").split()),
    )
