"""Masters that come back: with old data, without data, too quickly."""

from collections.abc import Callable

from drills.faults import FAULTS
from drills.faults.base import Scene
from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack
from drills.under_load import under_load
from drills.watch.load import Load
from drills.watch.routes import Route, ThroughSentinel
from drills.watch.timeline import Timeline
from redis_ha.outputs import Node
from tests.deploy.inside import inside
from tests.deploy.support import fill, holds, longest, no_errors, nothing_lost, same_data, writing


def _failed_over(cluster: Cluster, timeline: Timeline, old: Node) -> None:
    since = timeline.mark("fault", f"{old.name} killed")
    cluster.container(old).kill()
    timeline.wait_for("+switch-master", since, sources=len(cluster.sentinels))


def test_an_old_master_accepts_nothing_that_is_lost(cluster: Cluster, timeline: Timeline) -> None:
    old = cluster.master()
    # It writes to this one node, whatever that is, and never retries: what a client that knows no better does.
    stubborn = Load(
        lambda: Route(clients.direct(old.address, cluster.outputs.password, 0.3)), 2, 200, "stubborn", ready=False
    )
    with writing(cluster) as load:
        _failed_over(cluster, timeline, old)
        with stubborn:
            cluster.container(old).start()
            wait_healthy(cluster)
        load.settle()
    no_errors(load)
    # It may well accept a write as a master that was elected again; what it accepted must be there.
    lost = stubborn.lost(cluster)
    assert not lost, f"{len(lost)} of {stubborn.acknowledged} writes that the old master accepted are lost"
    nothing_lost(cluster, load)


def test_a_master_whose_volume_is_lost_wipes_nobody(cluster: Cluster, stack: Stack) -> None:
    content = fill(cluster)
    old = cluster.master()
    container = cluster.container(old)
    volume = next(m["Name"] for m in container.attrs["Mounts"] if m["Destination"] == "/data")
    with writing(cluster) as load:
        container.remove(force=True)
        cluster.docker.volumes.get(volume).remove()
        # Before Sentinel has noticed anything: the window in which an empty master is followed.
        stack.up("--refresh")
        wait_healthy(cluster)
        load.settle()
    no_errors(load)
    for node in cluster.nodes:
        assert holds(cluster, node, content), f"{node.name} has lost data"
    same_data(cluster)


def test_a_quick_restart_with_an_emptied_data_directory_wipes_nobody(cluster: Cluster, timeline: Timeline) -> None:
    content = fill(cluster)
    old = cluster.container(cluster.master())
    with writing(cluster) as load:
        assert inside(old, "sh", "-c", "rm -rf /data/*") == (0, "")
        # Well inside down-after: for the Sentinels it is the same master all the time.
        old.kill()
        old.start()
        timeline.mark("restarted")
        wait_healthy(cluster)
        load.settle()
    for node in cluster.nodes:
        assert holds(cluster, node, content), f"{node.name} has lost data"
    no_errors(load)
    same_data(cluster)


def test_a_quick_restart_loses_nothing(cluster: Cluster, figure: Callable[[str], None]) -> None:
    load = Load(lambda: ThroughSentinel(cluster.outputs), 3, 100)
    scene = Scene(cluster, Timeline(cluster))
    began = under_load(scene, FAULTS["master-restarted"], [load]).began
    figure(f"longest write gap {longest(load, began):.2f} s")
    no_errors(load)
    same_data(cluster)
    nothing_lost(cluster, load)
