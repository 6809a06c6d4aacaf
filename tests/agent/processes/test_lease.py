"""`durability: consistent`: a master that does not hear most of the Sentinels takes no writes, and says no error."""

import time
from contextlib import ExitStack

import pytest

from tests.agent.harness.cluster import DOWN_AFTER, Cluster
from tests.agent.harness.node import eventually, stays
from tests.agent.harness.writer import Writer
from tests.agent.processes.conftest import MakeCluster


@pytest.fixture
def consistent(make_cluster: MakeCluster) -> Cluster:
    cluster = make_cluster(settings={"durability": "consistent"})
    cluster.form()
    return cluster


def test_writes_wait_while_most_sentinels_are_silent(consistent: Cluster) -> None:
    master = consistent.master()
    with Writer(lambda: master.client(timeout=120)) as writer:
        writer.goes_on(50)
        with ExitStack() as silent:
            for node in consistent.sentinels[1:]:
                silent.enter_context(node.frozen())
            began = time.monotonic()
            eventually(lambda: master.state().get("paused") == ["lease"], DOWN_AFTER * 2, "writes are held back")
            print(f"writes held back after {time.monotonic() - began:.2f} s")
            time.sleep(0.2)
            count = len(writer.acknowledged)
            stays(lambda: len(writer.acknowledged) == count, 1, "no write is acknowledged")
        writer.goes_on(50, 20)
    assert writer.errors == []
    assert writer.missing(consistent.master().client()) == []
    eventually(lambda: not master.state().get("paused"), 3, "and it says so")


def test_one_silent_sentinel_is_nothing(consistent: Cluster) -> None:
    master = consistent.master()
    with Writer(lambda: master.client(timeout=120)) as writer, consistent.sentinels[0].frozen():
        end = time.monotonic() + 2 * DOWN_AFTER
        while time.monotonic() < end:
            writer.goes_on(1, DOWN_AFTER)
    assert consistent.promotions() == 0
    assert writer.missing(master.client()) == []
