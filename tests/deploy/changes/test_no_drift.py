"""What the program declares and what there is stay the same, whatever has happened to the roles."""

import pytest

from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack, StackCommandError
from drills.target.waiting import until
from tests.deploy.support import fill, holds, started_at


def test_nothing_changes_after_a_failover(cluster: Cluster, stack: Stack) -> None:
    before = cluster.master()
    cluster.container(before).kill()
    until(lambda: cluster.master(30) != before, "a new master", 30)
    cluster.container(before).start()
    wait_healthy(cluster)
    stack.expect_no_changes()
    stack.expect_no_changes("--refresh")
    running = started_at(cluster, "redis")
    stack.up()
    assert started_at(cluster, "redis") == running
    assert cluster.master() != before


def test_nothing_changes_after_a_handover(cluster: Cluster, stack: Stack) -> None:
    container = cluster.container(cluster.master())
    container.stop(timeout=30)
    container.start()
    wait_healthy(cluster)
    stack.expect_no_changes()
    stack.expect_no_changes("--refresh")


@pytest.mark.parametrize("removed", ["redis", "sentinel"])
def test_up_refresh_puts_back_what_was_taken_away_by_hand(cluster: Cluster, stack: Stack, removed: str) -> None:
    """One container removed, one of the other kind stopped."""
    content = fill(cluster)
    chosen = {"redis": cluster.container(cluster.replicas()[0]), "sentinel": cluster.container(cluster.sentinels[0])}
    for container in chosen.values():
        container.stop(timeout=30)
    chosen[removed].remove()
    with pytest.raises(StackCommandError):
        stack.expect_no_changes("--refresh")
    stack.up("--refresh")
    wait_healthy(cluster)
    stack.expect_no_changes("--refresh")
    for node in cluster.nodes:
        assert holds(cluster, node, content)
