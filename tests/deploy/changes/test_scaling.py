"""More and fewer nodes, by changing one number."""

import time
from collections.abc import Callable

from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.health import sentinel_view, wait_healthy
from drills.target.stack import Stack
from drills.target.waiting import until
from drills.watch.load import Load
from drills.watch.routes import ThroughEndpoint
from tests.deploy.support import longest, no_errors, nothing_lost, same_data, started_at, writing

GAP_SECONDS = 0.5  # what a busy machine may take, where nothing is to happen to the master


def _endpoint_reads_from(cluster: Cluster) -> int:
    """The port of the node that a new connection to the read endpoint leads to."""
    assert cluster.outputs.read
    with clients.direct(cluster.outputs.read, cluster.outputs.password) as client:
        return int(client.info("server")["tcp_port"])


def test_replicas_up_and_down(cluster: Cluster, stack: Stack, figure: Callable[[str], None]) -> None:
    """No node restarts, nor does the endpoint: it was told of the new one's place before that was there."""
    before, endpoint = started_at(cluster, "redis"), started_at(cluster, "endpoint")
    with writing(cluster) as load, Load(lambda: ThroughEndpoint(cluster.outputs), 2, 100.0, "endpoint") as through:
        since = time.time()
        with stack.changed({"replicas": 3}):
            stack.up()
            larger = Cluster(stack.outputs())
            assert [n.name for n in larger.nodes] == ["redis-0", "redis-1", "redis-2", "redis-3"]
            # Whole: each Sentinel counts three replicas.
            wait_healthy(larger)
            assert {k: v for k, v in started_at(larger, "redis").items() if k in before} == before
            newest = larger.nodes[-1].port
            until(lambda: _endpoint_reads_from(larger) == newest, "reads of the new replica", 20)
        stack.up()
        assert started_at(cluster, "redis") == before
        # Whole again: two replicas, no ghost of the third.
        wait_healthy(cluster)
        load.settle()
        through.settle()
    figure(f"longest write gap {longest(load, since) * 1000:.0f} ms, endpoint {longest(through, since) * 1000:.0f} ms")
    assert started_at(cluster, "endpoint") == endpoint
    for one in (load, through):
        assert longest(one, since) < GAP_SECONDS
        no_errors(one)
    same_data(cluster)
    nothing_lost(cluster, load, through)
    volumes = [v.id for v in cluster.docker.volumes.list(filters={"label": f"redis-ha.stack={stack.name}"})]
    assert not [v for v in volumes if str(v).endswith("redis-3")], "its volume goes with it, unless retainData is set"


def test_a_removed_replica_that_is_the_master_hands_over(cluster: Cluster, stack: Stack) -> None:
    last = cluster.nodes[-1]
    with writing(cluster) as load:
        for _ in range(6):
            master = cluster.master()
            if master == last:
                break
            cluster.container(master).stop(timeout=30)
            cluster.container(master).start()
            wait_healthy(cluster)
        assert cluster.master() == last
        with stack.changed({"replicas": 1}):
            stack.up()
            wait_healthy(Cluster(stack.outputs()))
            load.settle()
        stack.up()
        wait_healthy(cluster)
        load.settle()
    no_errors(load)
    same_data(cluster)
    nothing_lost(cluster, load)


def test_sentinels_up_and_down(cluster: Cluster, stack: Stack) -> None:
    """For more or fewer of them alone no data node restarts.

    Where most of them go with a change of every data node they run until the end, so that the data nodes go one by
    one, and have somebody to hand over to.
    """
    before = started_at(cluster, "redis")
    with writing(cluster) as load:
        for count, quorum in ((2, 2), (7, 4)):
            with stack.changed({"sentinels": count}):
                stack.up()
                now = Cluster(stack.outputs())
            assert len(now.sentinels) == count
            # Whole: each counts all the others, and no ghost of the one that was removed.
            wait_healthy(now)
            assert {sentinel_view(now, s)["quorum"] for s in now.sentinels} == {quorum}
            assert started_at(now, "redis") == before, "no data node restarts for a Sentinel"
        load.settle()
        since = time.time()
        with stack.changed({"redisConfig": {"slowlog-max-len": "64"}}):
            stack.up()
            wait_healthy(cluster)
            load.settle()
        assert {sentinel_view(cluster, s)["quorum"] for s in cluster.sentinels} == {2}
        after = started_at(cluster, "redis")
        assert all(after[name] != before[name] for name in before)
    assert longest(load, since) < GAP_SECONDS
    no_errors(load)
    nothing_lost(cluster, load)
    stack.up()
    wait_healthy(cluster)
