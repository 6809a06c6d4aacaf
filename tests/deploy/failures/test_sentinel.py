"""Sentinels that die, and come back with their state or without."""

import pytest
from redis.sentinel import MasterNotFoundError

from drills.faults.base import all_at_once, kill
from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack
from drills.watch.timeline import Timeline
from tests.deploy.support import no_errors, nothing_lost, writing


def test_one_sentinel_killed_reads_and_writes_go_on(cluster: Cluster, timeline: Timeline) -> None:
    with writing(cluster) as load:
        since = timeline.mark("kill")
        cluster.container(cluster.sentinels[0]).kill()
        timeline.wait_for("+sdown", since, sources=2, containing="sentinel ")
        load.settle()
        newcomer = clients.master(cluster.outputs)
        newcomer.set("testSentinel", "ok")
        assert newcomer.get("testSentinel") == "ok"
        cluster.container(cluster.sentinels[0]).start()
        wait_healthy(cluster)
    no_errors(load)
    nothing_lost(cluster, load)


def test_all_sentinels_killed_existing_clients_go_on_and_new_ones_find_no_master(cluster: Cluster) -> None:
    sentinels = cluster.containers("sentinel")
    with writing(cluster) as load:
        all_at_once(sentinels, kill)
        load.settle(writes=100)
        with pytest.raises(MasterNotFoundError):
            clients.sentinel(cluster.outputs).discover_master(cluster.outputs.master_name)
        load.settle(writes=100)
        all_at_once(sentinels, lambda c: c.start())
        wait_healthy(cluster)
        assert clients.sentinel(cluster.outputs).discover_master(cluster.outputs.master_name)
    no_errors(load)
    nothing_lost(cluster, load)


def test_a_sentinel_that_lost_its_volume_is_the_same_one_to_the_others(cluster: Cluster, stack: Stack) -> None:
    gone = cluster.container(cluster.sentinels[1])
    volumes = [m["Name"] for m in gone.attrs["Mounts"] if m["Destination"] == "/data"]
    assert volumes, "a Sentinel keeps its state on a volume"
    gone.remove(force=True)
    for name in volumes:
        cluster.docker.volumes.get(name).remove()
    stack.up("--refresh")
    # Whole means: every Sentinel counts exactly two others, none of them down. A ghost would be a third.
    wait_healthy(cluster)
