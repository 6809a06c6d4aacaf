"""Who gets the writes and the reads, as a table."""

import pytest

from agent.endpoint.decide import Node, View, reads_from, writes_to

MASTER = Node(claims=True)
LINKED, UNLINKED = Node(replica=True, linked=True), Node(replica=True)
SILENT = Node()


def view(*nodes: Node, majority: bool = True, named: str | None = "a", failing_over: bool = False) -> View:
    return View(dict(zip("abc", nodes, strict=False)), majority, named, failing_over)


@pytest.mark.parametrize(
    ("seen", "has", "settled", "expected"),
    [
        pytest.param(view(MASTER, LINKED, LINKED), None, False, "a", id="the only one that says so"),
        pytest.param(view(LINKED, LINKED, LINKED), "a", True, None, id="nobody says so"),
        pytest.param(view(SILENT, LINKED, LINKED), "a", True, None, id="it is dead, or has been silent for too long"),
        pytest.param(view(LINKED, MASTER, LINKED), "a", True, "b", id="promoted, before the Sentinels name it"),
        pytest.param(view(MASTER, MASTER), "a", True, "a", id="a second one, and the Sentinels name the first"),
        pytest.param(view(MASTER, MASTER, named="b"), "a", True, "b", id="a second one, whom the Sentinels name"),
        pytest.param(view(MASTER, MASTER, named="b"), "a", False, "a", id="not before all have been asked"),
        pytest.param(view(MASTER, MASTER, named="b", failing_over=True), "a", True, "a", id="nor in a failover"),
        pytest.param(view(MASTER, MASTER, failing_over=True), None, False, None, id="a failover, and nobody has them"),
        pytest.param(view(MASTER, MASTER, named=None), "b", True, "b", id="no majority names anybody"),
        pytest.param(view(MASTER, MASTER, named=None), None, False, None, id="and nobody has them"),
        pytest.param(view(MASTER, MASTER, named="c"), "a", True, None, id="the Sentinels name a third one"),
    ],
)
def test_writes(seen: View, has: str | None, settled: bool, expected: str | None) -> None:
    assert writes_to(seen, has, settled, consistent=False) == expected


def test_consistent_needs_most_of_the_sentinels() -> None:
    for majority, expected in ((True, "a"), (False, None)):
        assert writes_to(view(MASTER, LINKED, majority=majority), "a", True, consistent=True) == expected
    assert writes_to(view(MASTER, LINKED, majority=False), "a", True, consistent=False) == "a"


@pytest.mark.parametrize(
    ("seen", "writes", "expected"),
    [
        pytest.param(view(MASTER, LINKED, LINKED), "a", "bc", id="the replicas"),
        pytest.param(view(MASTER, LINKED, UNLINKED), "a", "b", id="not one that has lost its link"),
        pytest.param(view(MASTER, UNLINKED, SILENT), "a", "a", id="the master where no replica has it"),
        pytest.param(view(SILENT, UNLINKED, UNLINKED), None, "bc", id="old data is better than none"),
        pytest.param(view(SILENT, SILENT), None, "", id="nobody"),
    ],
)
def test_reads(seen: View, writes: str | None, expected: str) -> None:
    assert reads_from(seen, writes) == frozenset(expected)
