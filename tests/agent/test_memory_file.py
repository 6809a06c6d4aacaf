"""What an agent remembers is on the volume: the offset alone a moment later, since a busy disk must not hold it up."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from agent.serve import memory_file
from agent.serve.container import ContainerWorld
from agent.tell.state import StateFile
from agent.view.mark import Mark
from agent.wire.answers import Address
from agent.wire.link import Login

SLOW = 0.3  # seconds that the disk takes for each file


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it is kept, on a disk that is slow."""

    def slow(_: int) -> None:
        time.sleep(SLOW)

    monkeypatch.setattr(os, "fsync", slow)
    monkeypatch.setattr(os, "fdatasync", slow)
    return tmp_path / "memory.json"


def kept(file: Path) -> dict[str, Any]:
    """What would be read at the next start."""
    found = memory_file.read(file)
    assert found
    return {key: value for key, value in found.items() if key != "written"}


def _world(file: Path) -> ContainerWorld:
    state = StateFile(file.parent / "run")
    return ContainerWorld(Address("127.0.0.1", 1), Login(), file, state, file.parent / "signal")


def test_what_it_is_is_there_when_it_is_remembered(file: Path) -> None:
    async def remember() -> None:
        _world(file).remember({"epoch": 1, "offset": 10})
        assert kept(file) == {"epoch": 1, "offset": 10}

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
        assert kept(file) == {"epoch": 1, "offset": 30}
        world.remember({"epoch": 1, "offset": 40})
        world.remember({"epoch": 2, "offset": 50})
        return took

    assert asyncio.run(remember()) < SLOW / 2
    assert kept(file) == {"epoch": 2, "offset": 50}, "what came before does not take its place"


def test_a_torn_offset_costs_the_offset_alone(file: Path) -> None:
    """As after a power loss: nothing is claimed that is not known."""

    async def remember() -> None:
        world = _world(file)
        world.remember({"epoch": 1, "offset": 10})
        world.remember({"epoch": 1, "offset": 20})
        await asyncio.sleep(1.5 * SLOW)

    asyncio.run(remember())
    offset = file.with_suffix(".offset")
    assert kept(file)["offset"] == 20
    offset.write_bytes(offset.read_bytes()[:20])
    assert kept(file) == {"epoch": 1, "offset": 10}
    offset.write_text('{"of": 1, "offset": 99}')  # of an earlier memory
    assert kept(file) == {"epoch": 1, "offset": 10}
    file.write_text("")
    assert memory_file.read(file) == {}


def test_a_file_that_takes_anothers_place_does_so_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a power loss brings back what was there before: data that was not whole any more would be called whole."""
    file = tmp_path / "memory.json"
    file.write_text("before")
    synced: list[tuple[str, str]] = []

    def sync(descriptor: int) -> None:
        synced.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), file.read_text()))

    monkeypatch.setattr(os, "fsync", sync)
    memory_file.replace_on_disk(file, "after")
    assert [(Path(name).parent, text) for name, text in synced[:1]] == [(tmp_path, "before")], "its content comes first"
    assert synced[1:] == [(str(tmp_path), "after")]


def test_data_of_which_nothing_is_known_is_not_lost_data() -> None:
    assert not Mark.from_memory({}, there=True).empty
