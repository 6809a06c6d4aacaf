"""Failovers that the Sentinels lead while the master is alive."""

import json

from redis.exceptions import ResponseError

from agent.watch.events import CHANNELS
from tests.agent.harness.cluster import MASTER_NAME, Cluster
from tests.agent.harness.node import HOST, Node, eventually
from tests.agent.harness.writer import Writer, by_sentinel
from tests.agent.processes.conftest import MakeCluster


def wait_until_heard(cluster: Cluster) -> None:
    """Until every data node listens to every Sentinel."""

    def listeners(sentinel: Node) -> int:
        return sum(client["sub"] == str(len(CHANNELS)) for client in sentinel.client("handover").client_list())

    for sentinel in cluster.sentinels:
        eventually(lambda: listeners(sentinel) == len(cluster.data), 15, "all listen")  # noqa: B023


def fail_over(sentinel: Node) -> None:
    """Has it lead a failover, as soon as it finds a replica for it: it takes none whose INFO is a few seconds old."""

    def begun() -> bool:
        try:
            sentinel.client("handover").execute_command("SENTINEL FAILOVER", MASTER_NAME)
        except ResponseError as error:
            if "NOGOODSLAVE" not in str(error):
                raise
            return False
        return True

    eventually(begun, 10, f"{sentinel.name} finds a replica")


def test_failover_by_hand_loses_nothing(formed: Cluster) -> None:
    wait_until_heard(formed)
    for round_number in range(3):
        old = formed.master()
        with Writer(by_sentinel(formed, retries=50), prefix=f"r{round_number}") as writer:
            writer.goes_on(300)
            fail_over(formed.sentinels[round_number])
            formed.wait_failover(old)
            eventually(lambda: old.role_now() == "slave", 10, "the old master follows")  # noqa: B023
            writer.goes_on(300)
        print(f"SENTINEL FAILOVER: write gap {writer.gap * 1000:.0f} ms, errors {len(writer.errors)}")
        formed.wait_joined(seconds=25)
        assert writer.missing(formed.master().client()) == []


def test_a_sentinel_that_the_nodes_were_not_told_of_is_heard_too(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(sentinel_count=5)
    cluster.form()
    wait_until_heard(cluster)
    old = cluster.master()
    with Writer(by_sentinel(cluster, retries=50)) as writer:
        writer.goes_on(300)
        fail_over(cluster.sentinels[4])
        cluster.wait_failover(old)
        eventually(lambda: old.role_now() == "slave", 10, "the old master follows")
        writer.goes_on(300)
    assert writer.missing(cluster.master().client()) == []


def test_a_sentinel_that_died_in_its_failover_is_told_of_the_master_anew(formed: Cluster) -> None:
    """It had noted the new epoch, and not yet the new address: to its peers' news it would not listen any more."""
    wait_until_heard(formed)
    old, stray = formed.master(), formed.sentinels[0]
    fail_over(stray)
    formed.wait_failover(old)
    eventually(lambda: old.role_now() == "slave", 10, "the old master follows")
    formed.wait_joined(seconds=25)
    new, epoch = formed.master(), formed.epoch()
    stray.kill()
    kept, memory = stray.root / "data/sentinel.conf", stray.root / "data/redis-ha.json"
    kept.write_text(
        kept.read_text().replace(f"monitor {MASTER_NAME} {HOST} {new.port}", f"monitor {MASTER_NAME} {HOST} {old.port}")
    )
    memory.write_text(json.dumps({"master": old.name, "address": old.endpoint}))
    stray.start()
    eventually(lambda: tuple(formed.named()[0] or ()) == (HOST, old.port), 10, "it names the former master")
    formed.wait_failover(old, seconds=30)
    assert formed.master() is new
    assert formed.epoch() > epoch
    formed.wait_joined(seconds=25)
