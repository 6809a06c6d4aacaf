"""A node whose data is not whole is not promoted, whatever happens to the master meanwhile."""

import pytest
import redis

from tests.agent.harness.cluster import DOWN_AFTER, Cluster
from tests.agent.harness.node import Node, eventually, stays
from tests.agent.processes.conftest import MakeCluster

KEYS = {f"kept:{number}": str(number) for number in range(3000)}
SLOW = 3000
"""Microseconds a key: a copy takes as long as one of ten gigabytes."""
HURRIED = {"REDIS_HA_TEST_AGENT_PATIENCE": "15"}
"""Instead of a minute, which would be most of the test: still long enough for the other node to start meanwhile."""


def copying(node: Node) -> bool:
    try:
        return bool(node.client("handover").info("replication").get("master_sync_in_progress"))
    except redis.ConnectionError:  # its clients are sent away when it gets a master
        return False


@pytest.fixture
def half_copied(make_cluster: MakeCluster, request: pytest.FixtureRequest) -> Cluster:
    """A master with data, and one replica in the middle of its copy: it has lost its volume, or is far behind."""
    cluster = make_cluster(replicas=1, settings={"durability": "available"})
    cluster.form()
    master, replica = cluster.data
    admin = master.client("handover")
    admin.config_set("repl-backlog-size", "16kb")
    cluster.copied()
    replica.kill()
    master.client().mset(KEYS)
    if request.param == "has lost its volume":
        replica.lose_volume()
    admin.config_set("rdb-key-save-delay", str(SLOW))
    replica.start()
    eventually(lambda: replica.role_now() and copying(replica), 20, "it copies")
    return cluster


@pytest.mark.parametrize("half_copied", ["has lost its volume", "is far behind"], indirect=True)
def test_a_replica_that_copies_is_not_promoted(half_copied: Cluster) -> None:
    master, replica = half_copied.data
    assert replica.setting("replica-priority") == "0", "Sentinel may not promote it either"
    master.kill()
    stays(lambda: replica.role_now() != "master", 4 * DOWN_AFTER, "it is not promoted")
    master.start()
    half_copied.wait_joined(seconds=40)
    assert half_copied.master() == master
    for node in half_copied.data:
        assert node.client().dbsize() == len(KEYS)
    eventually(lambda: replica.setting("replica-priority") == "100", 10, "from now on it may be")


@pytest.mark.parametrize("half_copied", ["has lost its volume"], indirect=True)
def test_a_master_does_not_hand_over_to_a_replica_that_copies(half_copied: Cluster) -> None:
    master, replica = half_copied.data
    assert master.stop() == 0
    assert "no hand-over" in master.log()
    stays(lambda: replica.role_now() != "master", 2, "it is not promoted")
    master.start()
    half_copied.wait_joined(seconds=40)
    assert [node.client().dbsize() for node in half_copied.data] == [len(KEYS)] * 2


def test_the_replica_with_the_newest_data_is_promoted(formed: Cluster) -> None:
    """Not the one that was cut off before the last writes."""
    master, stale, fresh = formed.data
    stale.kill()
    master.client().mset(KEYS)
    formed.copied()
    for node in (master, fresh):
        node.kill()
    stale.start(**HURRIED)
    stays(lambda: stale.role_now() != "master", 2 * DOWN_AFTER, "one that is behind waits")
    fresh.start(**HURRIED)
    formed.wait_failover(master, 40)
    assert formed.master() == fresh
    master.start()
    formed.wait_joined(seconds=40)
    assert [node.client().dbsize() for node in formed.data] == [len(KEYS)] * 3
