"""What the program declares and what there is stay the same, whatever has happened to the roles.

That nothing changes after a hand-over either: test_addresses.py.
"""

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
    if stack.environment["REDIS_HA_ENGINE"] == "pulumi":  # the embedded engine always looks at Docker
        stack.expect_no_changes("--refresh")
    running = started_at(cluster, "redis")
    stack.up()
    assert started_at(cluster, "redis") == running
    assert cluster.master() != before


def test_up_refresh_puts_back_what_was_taken_away_by_hand(cluster: Cluster, stack: Stack) -> None:
    """A replica that was removed, one that was stopped, and a Sentinel too. test_sentinel.py has a Sentinel removed."""
    content = fill(cluster)
    removed, stopped = (cluster.container(node) for node in cluster.replicas())
    for container in (removed, stopped, cluster.container(cluster.sentinels[0])):
        container.stop(timeout=30)
    removed.remove()
    with pytest.raises(StackCommandError):
        stack.expect_no_changes("--refresh")
    stack.up("--refresh")
    wait_healthy(cluster)
    stack.expect_no_changes("--refresh")
    for node in cluster.nodes:
        assert holds(cluster, node, content)
