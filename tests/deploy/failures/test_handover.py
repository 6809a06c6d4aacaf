"""Masters that are stopped as planned: they hand over first."""

import time
from collections.abc import Callable

import pytest

from drills.faults.base import all_at_once, kill
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.watch.timeline import Timeline
from tests.deploy.support import longest, no_errors, nothing_lost, same_data, writing

STOP_TIMEOUT = 30


def test_a_stopped_master_hands_over_first(cluster: Cluster, timeline: Timeline, figure: Callable[[str], None]) -> None:
    gaps, stops = [], []
    with writing(cluster, clients=4) as load:
        for _ in range(3):
            before = cluster.master()
            container = cluster.container(before)
            since = timeline.mark("stop", before.name)
            container.stop(timeout=STOP_TIMEOUT)
            stops.append(time.time() - since)
            load.settle()
            gaps.append(longest(load, since))
            assert cluster.master() != before
            # It left by itself, after the hand-over, and nobody had to find out that it is gone.
            container.reload()
            assert container.attrs["State"]["ExitCode"] in (0, 143), container.attrs["State"]
            assert not timeline.find("+odown", since), "the hand-over was none: the Sentinels saw the master go down"
            container.start()
            wait_healthy(cluster)
    figure(
        "longest write gap "
        + ", ".join(f"{g * 1000:.0f}" for g in gaps)
        + " ms; stop took "
        + ", ".join(f"{s:.1f}" for s in stops)
        + " s"
    )
    no_errors(load)
    same_data(cluster)
    nothing_lost(cluster, load)
    assert max(gaps) < 2.0


def test_a_master_without_sentinels_leaves_without_waiting_for_them(cluster: Cluster) -> None:
    sentinels = cluster.containers("sentinel")
    before = cluster.master()
    with writing(cluster) as load:
        all_at_once(sentinels, kill)
        began = time.monotonic()
        cluster.container(before).stop(timeout=STOP_TIMEOUT)
        assert time.monotonic() - began < 10
        all_at_once([*sentinels, cluster.container(before)], lambda c: c.start())
        wait_healthy(cluster)
        load.settle()
    same_data(cluster)
    nothing_lost(cluster, load)


def test_a_master_without_replicas_leaves_at_once_and_comes_back_as_master(cluster: Cluster) -> None:
    before = cluster.master()
    replicas = [cluster.container(n) for n in cluster.replicas()]
    with writing(cluster) as load:
        all_at_once(replicas, kill)
        began = time.monotonic()
        cluster.container(before).stop(timeout=STOP_TIMEOUT)
        assert time.monotonic() - began < 10
        cluster.container(before).start()
        load.settle()
        assert cluster.master() == before
        all_at_once(replicas, lambda c: c.start())
        wait_healthy(cluster)
    same_data(cluster)
    nothing_lost(cluster, load)


def test_a_stopped_replica_is_not_noticed(cluster: Cluster, timeline: Timeline) -> None:
    victim = cluster.container(cluster.replicas()[0])
    with writing(cluster) as load:
        since = timeline.mark("stop")
        victim.stop(timeout=STOP_TIMEOUT)
        load.settle()
        victim.start()
        wait_healthy(cluster)
    assert longest(load, since) < 1.0
    no_errors(load)
    same_data(cluster)
    nothing_lost(cluster, load)


@pytest.mark.parametrize("writes", [0, 20000])
def test_writes_are_not_paused_for_long(cluster: Cluster, figure: Callable[[str], None], writes: int) -> None:
    """A hand-over that cannot succeed (all replicas hung) ends within its bound, and the master just leaves."""
    before = cluster.container(cluster.master())
    replicas = [cluster.container(n) for n in cluster.replicas()]
    if writes:
        pipeline = cluster.client(cluster.master()).pipeline(transaction=False)
        for i in range(writes):
            pipeline.set(f"bulk:{i}", "x" * 100)
        pipeline.execute()
    all_at_once(replicas, lambda c: c.pause())
    began = time.monotonic()
    before.stop(timeout=STOP_TIMEOUT)
    took = time.monotonic() - began
    all_at_once(replicas, lambda c: c.unpause())
    before.start()
    wait_healthy(cluster)
    figure(f"stop with hung replicas took {took:.1f} s")
    assert took < 10


def test_everything_stopped_at_once_and_started_again(cluster: Cluster, figure: Callable[[str], None]) -> None:
    containers = cluster.containers()
    with writing(cluster) as load:
        began = time.monotonic()
        all_at_once(containers, lambda c: c.stop(timeout=30))
        took = time.monotonic() - began
        began = time.monotonic()
        all_at_once(containers, lambda c: c.start())
        wait_healthy(cluster)
        formed = time.monotonic() - began
        load.settle(timeout=60)
    figure(f"stopped within {took:.1f} s, whole {formed:.1f} s after the start")
    # One bounded hand-over (5 s), not one for each node, and what Docker needs.
    assert took < 12
    same_data(cluster)
    nothing_lost(cluster, load)
