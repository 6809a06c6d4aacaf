"""Masters that die, hang or are cut off: another one takes over."""

import time
from collections.abc import Callable

import pytest

from drills.faults import FAULTS
from drills.faults.base import Scene
from drills.target.cluster import Cluster
from drills.target.health import problems, wait_healthy
from drills.target.waiting import until
from drills.under_load import under_load
from drills.watch.load import Load
from drills.watch.milestones import milestones
from drills.watch.routes import ByRole, ThroughSentinel
from drills.watch.timeline import Timeline
from redis_ha.outputs import Node
from tests.deploy.support import longest, no_errors, nothing_lost, same_data, writing

DOWN_AFTER = 1.0
WATCHED = 6  # times down-after, for what must not happen


# Seconds without a write at the default profile on a quiet machine, by fault: what the README promises.
FIGURES = {"master-killed": 0.25, "master-hung": DOWN_AFTER + 0.5, "master-cut-off": DOWN_AFTER + 0.5}
# What a busy machine may add, in failovers that somebody asks for, of the same run.
ROOM = 5


@pytest.mark.parametrize("name", list(FIGURES))
def test_another_node_takes_over(
    cluster: Cluster, timeline: Timeline, figure: Callable[[str], None], name: str
) -> None:
    fault = FAULTS[name]
    scene = Scene(cluster, Timeline(cluster))
    if reason := fault.refused(scene):
        pytest.skip(reason)
    with writing(cluster) as asked_for:
        plain = _forced(cluster, timeline, asked_for)
    before = cluster.master()
    load, asks_role = Load(lambda: ThroughSentinel(cluster.outputs), 3, 100), Load(lambda: ByRole(cluster), 1, 100)
    promoted: list[Node] = []

    def meanwhile(since: float) -> None:
        switch = scene.timeline.wait_for("+switch-master", since, sources=len(cluster.sentinels))
        load.settle()
        promoted.append(cluster.master())
        assert promoted != [before]
        assert switch.detail.endswith(f"{promoted[0].host} {promoted[0].port}")

    since = under_load(scene, fault, [load], meanwhile, [asks_role]).began
    # Whole means that every other node, the old master included, is a linked replica of the new master.
    assert [cluster.master()] == promoted
    outage, by_role = longest(load, since), longest(asks_role, since)
    steps = milestones(cluster, scene.timeline, load, since)
    figure(
        f"outage {outage:.2f} s through Sentinel, {by_role:.2f} s by ROLE, {plain:.2f} s when asked for; "
        + ", ".join(f"{step} {at:.2f}" for step, at in steps.items())
    )
    assert len({e.detail for e in scene.timeline.find("+switch-master", since)}) == 1, "one promotion for one fault"
    assert outage < FIGURES[name] + ROOM * plain
    no_errors(asked_for)
    no_errors(load)
    same_data(cluster)
    nothing_lost(cluster, asked_for, load, asks_role)


def _forced(cluster: Cluster, timeline: Timeline, load: Load) -> float:
    """The longest time without a write, in seconds, in a failover that Sentinel is asked for."""
    before = cluster.master()
    since = timeline.mark("fault", "SENTINEL FAILOVER")
    cluster.fail_over()
    timeline.wait_for("+switch-master", since, sources=len(cluster.sentinels))
    wait_healthy(cluster)
    load.settle()
    assert cluster.master() != before
    return longest(load, since)


def test_forced_failover(cluster: Cluster, timeline: Timeline, figure: Callable[[str], None]) -> None:
    with writing(cluster) as load:
        gap = _forced(cluster, timeline, load)
    no_errors(load)
    same_data(cluster)
    figure(f"longest write gap {gap * 1000:.0f} ms, {load.acknowledged} writes")
    nothing_lost(cluster, load)


def test_no_failover_without_a_majority(cluster: Cluster, timeline: Timeline) -> None:
    master = cluster.container(cluster.master())
    dead = [cluster.container(s) for s in cluster.sentinels[:2]]
    for container in dead:
        container.kill()
    since = timeline.mark("kill")
    master.kill()
    timeline.wait_for("+sdown", since, containing="master ")
    # Whoever would decide without a majority does it soon after down-after, the replicas at once.
    until(lambda: time.time() > since + WATCHED * DOWN_AFTER, "nobody to do anything", WATCHED * DOWN_AFTER + 1)
    assert not timeline.find("+odown", since)
    assert not timeline.find("+switch-master", since)
    assert not [n.name for n, role in cluster.roles().items() if role and role.name == "master"]
    assert [p for p in problems(cluster) if "is exited" in p]
    for container in dead:
        container.start()
    # With the majority back the failover happens, without anybody's help; the old master joins it later.
    timeline.wait_for("+switch-master", since, timeout=60)
    master.start()
    wait_healthy(cluster)
