"""Planned changes over hosts, under load: nothing that was acknowledged is lost."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from drills.drill import Settings, run
from drills.faults import FAULTS
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack
from tests.deploy.support import longest, no_errors, nothing_lost, writing
from tests.hosts.rig import Rig
from tests.hosts.support import Stopwatch, moved, settings, started_at

GAP_SECONDS = 1.5  # catches a failover that was not planned; the aim, on a quiet machine, is 0.5


def test_a_change_goes_through_host_by_host(cluster: Cluster, stack: Stack, figure: Callable[[str], None]) -> None:
    before = started_at(cluster)
    with writing(cluster) as load:
        since, watch = time.time(), Stopwatch()
        # It stays: nothing here depends on it, and a way back would take as long.
        stack.configure({"redisConfig": {"tcp-keepalive": "123"}})
        stack.up()
        took = str(watch)
        wait_healthy(cluster)
        stack.expect_no_changes()
        load.settle()
    figure(f"3 data nodes on 3 hosts in {took}, longest write gap {longest(load, since) * 1000:.0f} ms")
    assert moved(before, started_at(cluster)) == ["redis-0", "redis-1", "redis-2"]
    assert longest(load, since) < GAP_SECONDS
    no_errors(load)
    nothing_lost(cluster, load)


def test_a_master_hands_over_to_another_host(cluster: Cluster, stack: Stack, figure: Callable[[str], None]) -> None:
    before = cluster.master()
    outcome = run(cluster, FAULTS["hand-over"], Settings(), stack)
    assert outcome.problem is None
    assert cluster.master().host_name != before.host_name
    figure(f"longest write gap {max(outcome.outages) * 1000:.0f} ms, {outcome.lost} of {outcome.acknowledged} lost")
    assert max(outcome.outages) < GAP_SECONDS
    assert not outcome.errors
    assert outcome.lost == 0


def test_a_replica_is_added_and_removed(cluster: Cluster, stack: Stack, figure: Callable[[str], None]) -> None:
    before = started_at(cluster)
    with writing(cluster) as load:
        watch = Stopwatch()
        with stack.changed({"replicas": 3}):
            said = stack.up("--diff")
            figure(f"a replica added in {watch}")
            grown = Cluster(stack.outputs())
            wait_healthy(grown)
            assert len(grown.nodes) == 4
            # What it was replaced for is in what `up` has said: a checkout that changes during the tests, most of all.
            assert [n for n in moved(before, started_at(grown)) if n.startswith("redis")] == ["redis-3"], said
        stack.up()
        wait_healthy(cluster)
        load.settle()
    no_errors(load)
    nothing_lost(cluster, load)


def test_a_host_is_added_and_another_drained(
    cluster: Cluster, stack: Stack, rig: Rig, figure: Callable[[str], None]
) -> None:
    drained = rig.hosts[1]
    with rig.another(), writing(cluster) as load:
        since, watch = time.time(), Stopwatch()
        declared: list[dict[str, Any]] = settings(rig)["hosts"]
        declared[1]["drain"] = True
        with stack.changed({"hosts": declared}):
            stack.up()
            figure(f"a host added and another drained in {watch}")
            after = Cluster(stack.outputs())
            wait_healthy(after)
            assert drained.name not in {n.host_name for n in (*after.nodes, *after.sentinels)}
            assert not drained.docker().containers.list(all=True)
            stack.expect_no_changes()
            load.settle()
            figure(f"longest write gap {longest(load, since) * 1000:.0f} ms")
            no_errors(load)
            # Back again, while the added host is still there to leave.
        declared[1]["drain"], declared[3]["drain"] = False, True
        with stack.changed({"hosts": declared}):
            stack.up()
            whole = Cluster(stack.outputs())
            wait_healthy(whole)
        stack.up()
        load.settle()
    nothing_lost(cluster, load)


def test_a_dead_host_is_named_and_can_be_left_out(
    cluster: Cluster, stack: Stack, rig: Rig, figure: Callable[[str], None]
) -> None:
    dead = next(str(n.host_name) for n in reversed(cluster.replicas()))
    rig.host(dead).power_off()
    since = time.time()
    with writing(cluster) as load:
        stack.configure({"redisConfig": {"tcp-keepalive": "124"}})
        before = started_at(cluster)
        watch = Stopwatch()
        with pytest.raises(Exception, match=f"{dead}.*cannot be reached") as failed:
            stack.up()
        figure(f"a dead host is named after {watch}")
        assert "Traceback" not in str(failed.value)
        assert moved(before, started_at(cluster)) == []
        watch = Stopwatch()
        stack.up("--exclude", f"**.{dead}")
        figure(f"a change on the other two hosts in {watch}")
        there = [str(n.name) for n in cluster.nodes if n.host_name != dead]
        assert [n for n in moved(before, started_at(cluster)) if n.startswith("redis")] == sorted(there)
        rig.host(dead).come_back()
        stack.up()
        wait_healthy(cluster)
        load.settle()
        figure(f"longest write gap {longest(load, since) * 1000:.0f} ms")
    no_errors(load)
    nothing_lost(cluster, load)
