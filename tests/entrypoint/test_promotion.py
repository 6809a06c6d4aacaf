"""A promoted replica tells the Sentinels itself, and does so only while its promotion stands."""

import subprocess

from tests.entrypoint.conftest import MakeCluster
from tests.entrypoint.node import Node, eventually, shell
from tests.entrypoint.processes import MASTER_NAME, Cluster
from tests.entrypoint.writer import Writer, by_sentinel

DOWN_AFTER = 1.25  # seconds, of these clusters
ANNOUNCED = "promoted, and told the Sentinels"


def announce(node: Node, leader: Node, before: Node) -> None:
    """What `node` does when it is told by `leader` that it is promoted in the place of `before`."""
    parts = ["common", "ask", "config", "supervise", "epoch", "promotion"]
    script = "".join(f'. "$REDIS_HA_LIB/{part}.sh"\n' for part in parts) + (
        'ask_start; me="$announce_address:$redis_port" here=$(local_node)\n'
        f'announce_promotion {leader.endpoint} "{before.endpoint.replace(":", " ")}"\n'
    )
    subprocess.run([*shell(), "-c", script], env=node.environment(), check=True, timeout=10)


def test_clients_need_not_wait_for_the_leaders_next_look(formed: Cluster) -> None:
    """Sentinel by itself takes 0.8 s more in the mean: it asks the promoted replica once a second."""
    gaps = []
    for turn in range(3):
        old = formed.master()
        with Writer(by_sentinel(formed, retries=500), f"w{turn}") as writer:
            writer.goes_on(100)
            old.kill()
            formed.wait_failover(old)
            writer.goes_on(100)
        new = formed.master()
        assert ANNOUNCED in new.log()
        assert writer.missing(new.client()) == []
        gaps.append(writer.gap)
        old.start()
        formed.wait_joined(seconds=25)
    print("write gaps: " + ", ".join(f"{gap:.2f} s" for gap in gaps))
    assert min(gaps) < DOWN_AFTER + 0.8


def test_the_others_follow_at_once(make_cluster: MakeCluster) -> None:
    """All of them, though only so many at a time as `parallel-syncs` says; and nobody is forgotten."""
    cluster = make_cluster(replicas=4)
    cluster.form()
    old = cluster.master()
    old.kill()
    cluster.wait_failover(old)
    new = cluster.master()
    others = [node for node in cluster.data if node not in (old, new)]
    eventually(lambda: all(node.follows(new.port) for node in others), 8, "they follow; by itself Sentinel needs 10 s")
    for node in others:
        assert f"replicaof 127.0.0.1 {new.port}" in (node.root / "data/redis.conf").read_text()
    for sentinel in cluster.sentinels:
        master = sentinel.client("handover").execute_command("SENTINEL MASTER", MASTER_NAME)
        assert (master["num-slaves"], master["num-other-sentinels"]) == (4, 2)


def test_a_promotion_that_no_longer_stands_is_not_announced(formed: Cluster) -> None:
    """As after a node has hung for so long that the failover was given up; the order is the last it knows."""
    master, replica = formed.data[:2]
    replica.client("handover").execute_command("REPLICAOF", "NO", "ONE")
    announce(replica, formed.sentinels[0], master)
    assert formed.master() == master
    eventually(lambda: replica.follows(master.port), 25, "the Sentinels make it a replica again")


def test_a_replica_announces_nothing(formed: Cluster) -> None:
    announce(formed.data[1], formed.sentinels[0], formed.data[0])
    assert formed.master() == formed.data[0]
