"""An agent's connections outlive the server that they were begun for."""

import asyncio
import socket
from pathlib import Path

from agent.serve.container import ContainerWorld
from agent.tell.state import StateFile
from agent.wire.answers import Address, Unknown
from agent.wire.link import Login


def test_a_server_that_ends_takes_no_question_about_the_next_one_with_it(tmp_path: Path) -> None:
    """CI found it: a damaged file's server ended while a part of the agent connected; the agent's own look died."""

    async def ask_again() -> list[object]:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))  # taken, and nobody listens
            own = Address("127.0.0.1", nobody.getsockname()[1])
            world = ContainerWorld(own, Login(), tmp_path / "memory", StateFile(tmp_path / "run"), tmp_path / "signal")
            world.spawn(world.ask(own, ("PING",), within=1.0))
            await asyncio.sleep(0)  # it has begun to connect
            await asyncio.sleep(0)
            world.end_tasks()
            await asyncio.sleep(0)
            return [*await world.ask(own, ("PING",), within=1.0)]

    assert asyncio.run(ask_again()) == [Unknown.CLOSED]
