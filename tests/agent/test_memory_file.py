"""What an agent remembers is on the volume: the offset alone a moment later, since a busy disk must not hold it up."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from agent.serve.container import ContainerWorld
from agent.tell.state import StateFile
from agent.wire.answers import Address
from agent.wire.link import Login

SLOW = 0.3  # seconds that the disk takes for each file


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it is kept, on a disk that is slow."""
    dump = json.dump

    def slow(*given: Any) -> None:
        time.sleep(SLOW)
        dump(*given)

    monkeypatch.setattr(json, "dump", slow)
    return tmp_path / "memory.json"


def _world(file: Path) -> ContainerWorld:
    state = StateFile(file.parent / "run")
    return ContainerWorld(Address("127.0.0.1", 1), Login(), file, state, file.parent / "signal")


def test_what_it_is_is_there_when_it_is_remembered(file: Path) -> None:
    async def remember() -> None:
        _world(file).remember({"epoch": 1, "offset": 10})
        assert json.loads(file.read_text()) == {"epoch": 1, "offset": 10}

    asyncio.run(remember())


def test_the_offset_holds_nobody_up_and_the_last_one_stays(file: Path) -> None:
    async def remember() -> float:
        world = _world(file)
        world.remember({"epoch": 1, "offset": 10})
        began = time.monotonic()
        for offset in (20, 30):
            world.remember({"epoch": 1, "offset": offset})
        took = time.monotonic() - began
        await asyncio.sleep(2.5 * SLOW)
        world.remember({"epoch": 1, "offset": 40})
        world.remember({"epoch": 2, "offset": 50})
        return took

    assert asyncio.run(remember()) < SLOW / 2
    assert json.loads(file.read_text()) == {"epoch": 2, "offset": 50}, "what came before does not take its place"
