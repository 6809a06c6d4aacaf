"""What a node remembers on its volume of its data: no more than is there, and all of that."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from agent.act.memory import Memory
from agent.view.council import Roster
from agent.view.mark import Mark
from agent.view.node import Node
from agent.world import World
from tests.agent.situations import ME, THIRD, WHOLE, replica, settings

LINKED = replica(ME, link_up=True)
"""In sync with the master, as at the look before."""


class Disk:
    """A World that remembers."""

    def __init__(self) -> None:
        self.kept: list[Mapping[str, Any]] = []

    def remember(self, memory: Mapping[str, Any]) -> None:
        self.kept.append(memory)


def looked(*nodes: Node) -> tuple[Memory, Disk]:
    """After these looks at its own server, one after the other."""
    disk = Disk()
    memory = Memory(cast(World, disk), settings(ME), Roster({THIRD}), WHOLE)
    for node in nodes:
        memory.copy_lost(node)
    disk.kept.clear()
    return memory, disk


@pytest.mark.parametrize(
    ("looks", "kept"),
    [
        pytest.param([LINKED, replica(ME, link_up=True, rewriting=True)], True, id="a rewrite of its own accord"),
        pytest.param(
            [replica(ME, link_up=False), replica(ME, link_up=True, rewriting=True)], False, id="one after a copy"
        ),
        pytest.param([LINKED, replica(ME, link_up=True, run_id="anew", rewriting=True)], False, id="one after a start"),
        pytest.param(
            [replica(ME, link_up=False), replica(ME, link_up=True, rewriting=True), LINKED], True, id="it has ended"
        ),
    ],
)
def test_an_office_is_noted_at_once_unless_the_file_is_from_before_a_copy(looks: list[Node], kept: bool) -> None:
    """Else a master that dies while its file is rewritten is none when it is back, and older data takes its place."""
    memory, disk = looked(*looks)
    memory.office(7)
    assert memory.mark == Mark(True, True, 7, True, WHOLE.offset, False)
    assert [one["epoch"] for one in disk.kept] == [7] * kept


def test_data_that_is_not_whole_any_more_is_noted_in_any_case() -> None:
    memory, disk = looked(replica(ME, link_up=False), replica(ME, link_up=True, rewriting=True))
    assert memory.copy_lost(replica(ME, link_up=False, loading=True, rewriting=True))
    assert [one["whole"] for one in disk.kept] == [False]
