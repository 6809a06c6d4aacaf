"""Whole hosts that fail under write load, with losses counted."""

import functools
import time
from collections.abc import Callable

from drills.drill import Outcome, Settings, run
from drills.faults import FAULTS
from drills.faults.base import Scene
from drills.faults.firewall import enter_namespace
from drills.faults.hosts import powered_off
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack
from drills.target.waiting import until
from drills.under_load import under_load
from drills.watch.load import Load
from drills.watch.milestones import milestones
from drills.watch.routes import AsItComes, ByRole, ThroughSentinel
from drills.watch.timeline import Timeline
from tests.deploy.support import longest, no_errors, nothing_lost, same_data, writing
from tests.hosts.control import RigControl
from tests.hosts.rig import Rig
from tests.hosts.support import Stopwatch

OUTAGE_SECONDS = 4.0  # at down-after 1000
LOST = 5  # a master that dies without warning may take its last unreplicated writes with it
HOLD = 6.0  # seconds that a cut lasts


def test_a_powered_off_master_is_left_for_another(
    cluster: Cluster, scene: Scene, figure: Callable[[str], None]
) -> None:
    before = cluster.master()
    plain = Load(lambda: AsItComes(cluster.outputs), 1, 100, "as it comes")
    with writing(cluster) as load, plain:
        with powered_off(scene):
            off = time.time()  # it has been off for a moment by now
            since = scene.timeline.find("fault")[-1].at
            scene.timeline.wait_for("+switch-master", since)
            load.settle()
            outage = longest(load, since)
            # redis-py by itself still waits for the silent host: 5 s and an error, or with its own retries two minutes.
            assert plain.clients[0].acknowledged[-1][1] < off
        watch = Stopwatch()
        wait_healthy(cluster)
        healthy = str(watch)
        load.settle()
    assert cluster.master().host_name != before.host_name
    assert len({e.detail for e in scene.timeline.find("+switch-master", since)}) == 1, "one promotion for one fault"
    lost = len(load.lost(cluster))
    figure(f"outage {outage:.2f} s, {lost} of {load.acknowledged} lost; whole {healthy} after power-on")
    assert outage < OUTAGE_SECONDS
    assert lost <= LOST
    no_errors(load)


def test_the_masters_host_is_lost_and_comes_back_blank(
    cluster: Cluster, stack: Stack, rig: Rig, figure: Callable[[str], None]
) -> None:
    before = cluster.master()
    outcome = run(cluster, FAULTS["host-blank"], Settings(), stack, RigControl(rig))
    _told(outcome, figure)
    assert cluster.master().host_name != before.host_name
    assert max(outcome.outages) < OUTAGE_SECONDS
    assert outcome.lost <= LOST
    stack.expect_no_changes()


def test_most_hosts_are_lost_and_restored(
    cluster: Cluster, stack: Stack, rig: Rig, figure: Callable[[str], None]
) -> None:
    # A client that asks for roles gives up earlier than the hosts are back.
    outcome = run(cluster, FAULTS["hosts-lost"], Settings(by_role=0), stack, RigControl(rig))
    _told(outcome, figure)
    # Nobody could be promoted, so nothing can have been left behind on the old master.
    assert outcome.lost == 0


def test_a_master_goes_on_without_its_replicas_hosts(cluster: Cluster, rig: Rig, figure: Callable[[str], None]) -> None:
    master = cluster.master()
    others = [host for host in rig.hosts if host.name != master.host_name]
    with writing(cluster) as load:
        since = time.time()
        for host in others:
            host.power_off()
        load.settle()
        for host in others:
            host.come_back()
        wait_healthy(cluster)
        load.settle()
    assert cluster.master() == master
    figure(f"longest write gap {longest(load, since) * 1000:.0f} ms")
    no_errors(load)
    nothing_lost(cluster, load)


def test_the_masters_host_is_cut_off_with_clients_beside_it(
    cluster: Cluster, stack: Stack, rig: Rig, figure: Callable[[str], None]
) -> None:
    host = str(cluster.master().host_name)
    near = tuple(s.address for s in cluster.sentinels if s.host_name == host)
    inside = functools.partial(enter_namespace, rig.host(host).network)
    beside = Load(lambda: ThroughSentinel(cluster.outputs, near), 1, 100, "beside", inside)
    careful = Load(lambda: ThroughSentinel(cluster.outputs, near, wait=1), 1, 100, "with WAIT", inside)
    load = Load(lambda: ThroughSentinel(cluster.outputs), 4, 100)
    by_role = Load(lambda: ByRole(cluster), 1, 100, "role client")
    scene = Scene(cluster, Timeline(cluster), hosts=RigControl(rig))

    def meanwhile(cut: float) -> None:
        scene.timeline.wait_for("+switch-master", cut, sources=2)
        load.settle()
        cluster.master(30)
        until(lambda: time.time() - cut > HOLD, "the cut to last", HOLD + 1)

    cut = under_load(scene, FAULTS["host-cut-off"], [load, by_role, beside, careful], meanwhile).began
    same_data(cluster)
    assert cluster.master().host_name != host
    nothing_lost(cluster, careful)
    outage = max(longest(load, cut), longest(by_role, cut))
    gone = len(load.lost(cluster)) + len(by_role.lost(cluster))
    figure(f"outage {outage:.2f} s, {gone} lost; {_steps(milestones(cluster, scene.timeline, load, cut))}")
    assert outage < OUTAGE_SECONDS
    assert gone <= LOST
    no_errors(load)
    no_errors(by_role)
    lost = beside.lost(cluster)
    # Only what was acknowledged in isolation can be lost.
    assert all(cut - 1 < failure.at < cut + HOLD + OUTAGE_SECONDS for failure in lost)
    figure(f"cut off for {HOLD:g} s: {len(lost)} writes taken beside the old master and lost, with WAIT none")
    stack.expect_no_changes()


def _told(outcome: Outcome, figure: Callable[[str], None]) -> None:
    assert outcome.problem is None
    assert not outcome.errors, outcome.errors[:3]
    lost = f"{outcome.lost} of {outcome.acknowledged} writes lost"
    figure(f"outage {max(outcome.outages):.2f} s, {lost}; {_steps(outcome.milestones)}")


def _steps(taken: dict[str, float]) -> str:
    return ", ".join(f"{step} {at:.2f}" for step, at in taken.items())
