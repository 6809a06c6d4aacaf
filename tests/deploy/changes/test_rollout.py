"""Changes that go through node by node."""

import time
from collections.abc import Callable

import pytest

from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack, StackCommandError
from drills.watch.timeline import Timeline
from tests.deploy.inside import answer_of
from tests.deploy.support import longest, no_errors, nothing_lost, same_data, started_at, writing


def test_a_changed_directive_goes_through_all_data_nodes(
    cluster: Cluster, stack: Stack, timeline: Timeline, figure: Callable[[str], None]
) -> None:
    before = started_at(cluster, "sentinel")
    with writing(cluster, clients=4) as load:
        since = time.time()
        with stack.changed({"redisConfig": {"tcp-keepalive": "123"}}):
            stack.up()
            took = time.time() - since
            wait_healthy(cluster)
            for container in cluster.containers("redis"):
                code, found = answer_of(container, "grep", "tcp-keepalive", "/data/redis.conf")
                assert code == 0
                # The last one counts; before it stands the template's.
                assert found.splitlines()[-1] == "tcp-keepalive 123"
            stack.expect_no_changes()
        load.settle()
    figure(f"3 data nodes in {took:.1f} s, longest write gap {longest(load, since) * 1000:.0f} ms")
    no_errors(load)
    same_data(cluster)
    nothing_lost(cluster, load)
    assert started_at(cluster, "sentinel") == before, "a redis.conf directive is nothing to the Sentinels"
    assert not timeline.find("+odown", since), "a planned roll-out needs no failure detection"
    stack.up()
    wait_healthy(cluster)


def test_a_changed_password_goes_through(cluster: Cluster, stack: Stack) -> None:
    old = cluster.outputs.password
    kept = stack.config_file.read_bytes()
    try:
        stack.run("config", "set", "--secret", "redis-ha:password", stdin="another-password-0123456789\n")
        stack.up()
        changed = Cluster(stack.outputs())
        assert changed.outputs.password not in (None, old)
        wait_healthy(changed)
    finally:
        stack.config_file.write_bytes(kept)
        stack.up()
    wait_healthy(cluster)


def test_a_node_that_cannot_come_up_stops_the_rollout(cluster: Cluster, stack: Stack, timeline: Timeline) -> None:
    before = started_at(cluster, "redis")
    with writing(cluster) as load:
        with stack.changed({"redisConfig": {"no-such-directive": "1"}}):
            with pytest.raises(StackCommandError) as failed:
                stack.up(timeout=200)
            # The reason, with the node's own words.
            assert "no-such-directive" in failed.value.output, failed.value.output
            assert "Traceback" not in failed.value.output
            after = started_at(cluster, "redis")
            touched = [name for name in before if after.get(name) != before[name]]
            assert len(touched) == 1, f"the roll-out went on after a node had failed: {touched}"
            load.settle()
        # The next deployment, with the mistake mended, carries on from there.
        stack.up()
        wait_healthy(cluster)
        load.settle()
    no_errors(load)
    same_data(cluster)
    nothing_lost(cluster, load)
