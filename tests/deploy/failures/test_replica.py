"""Replicas that die, and come back."""

from collections.abc import Callable

from drills.faults.base import all_at_once, kill
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.watch.timeline import Timeline
from tests.deploy.inside import inside
from tests.deploy.support import longest, no_errors, nothing_lost, same_data, writing


def test_a_replica_killed_and_restored(cluster: Cluster, timeline: Timeline, figure: Callable[[str], None]) -> None:
    victim = cluster.replicas()[0]
    with writing(cluster) as load:
        since = timeline.mark("kill")
        cluster.container(victim).kill()
        timeline.wait_for("+sdown", since, containing="slave ")
        load.settle(writes=100)
        cluster.container(victim).start()
        wait_healthy(cluster)
        figure(f"longest write gap {longest(load, since) * 1000:.0f} ms")
    no_errors(load)
    same_data(cluster)
    nothing_lost(cluster, load)


def test_a_replica_that_lost_its_volume_gets_all_data_again(cluster: Cluster) -> None:
    victim = cluster.container(cluster.replicas()[-1])
    with writing(cluster) as load:
        # The data alone: the container, and what it needs to start, stay.
        assert inside(victim, "sh", "-c", "rm -rf /data/*") == (0, "")
        victim.kill()
        load.settle(writes=50)
        victim.start()
        wait_healthy(cluster)
    no_errors(load)
    same_data(cluster)
    nothing_lost(cluster, load)


def test_all_replicas_killed_the_master_serves_alone(cluster: Cluster) -> None:
    """The source document's promise: as long as one Redis instance is alive, the service goes on."""
    replicas = [cluster.container(n) for n in cluster.replicas()]
    with writing(cluster) as load:
        all_at_once(replicas, kill)
        load.settle(writes=100)
        all_at_once(replicas, lambda c: c.start())
        wait_healthy(cluster)
    no_errors(load)
    same_data(cluster)
    nothing_lost(cluster, load)
