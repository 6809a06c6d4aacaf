"""What is kept on the volumes, and what follows a changed declaration."""

import pytest
import redis

from tests.agent.harness.cluster import MASTER_NAME, Cluster
from tests.agent.harness.node import Node, eventually
from tests.agent.processes.conftest import MakeCluster


def master_as_seen(sentinel: Node) -> dict[str, str]:
    """Empty while it is not answering."""
    try:
        answer: dict[str, str] = sentinel.client("handover").execute_command("SENTINEL MASTER", MASTER_NAME)
    except redis.RedisError:
        return {}
    return answer


def lines(node: Node, start: str) -> list[str]:
    text = (node.root / "data/sentinel.conf").read_text()
    return sorted(line for line in text.splitlines() if line.startswith(f"sentinel {start}"))


def counts(sentinel: Node) -> tuple[int, int, int]:
    seen = master_as_seen(sentinel)
    if not seen:
        return 0, 0, 0
    return int(seen["num-slaves"]), int(seen["num-other-sentinels"]), int(seen["quorum"])


def test_counts_are_right_from_the_first_moment(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.data[0].start(sentinels="")
    for node in cluster.data[1:]:
        node.start()
    cluster.wait_joined(cluster.data)
    alone = cluster.sentinels[0]
    alone.start()
    eventually(alone.joined, 10, "the first one waits for no later one")
    assert counts(alone) == (2, 2, 2)
    later = cluster.sentinels[2]
    later.start()
    eventually(
        lambda: later.health()[0] == 1 and "is not seen" in later.health()[1], 10, "the third waits for the second"
    )
    cluster.sentinels[1].start()
    cluster.wait_joined()


def test_removed_nodes_are_forgotten(formed: Cluster) -> None:
    removed = [formed.data.pop(), formed.sentinels.pop()]
    for node in removed:
        node.kill()
    formed.declare_sentinels()
    for node in formed.sentinels:
        node.stop()
        node.start()
        formed.wait_joined([node])
    for node in formed.sentinels:
        assert counts(node) == (1, 1, 2)
        text = (node.root / "data/sentinel.conf").read_text()
        assert not any(f" {one.port}" in text for one in removed)
    for node in removed:
        node.kill()


def test_nodes_that_are_removed_after_the_sentinels_are_told_are_forgotten(formed: Cluster) -> None:
    """As in a roll-out: they still run, and are discovered again, while the Sentinels are replaced."""
    removed = [formed.data.pop(), formed.sentinels.pop()]
    formed.declare_sentinels()
    for node in formed.sentinels:
        node.stop()
        node.start()
        formed.wait_joined([node])
    for node in removed:
        node.kill()
    eventually(lambda: [counts(node) for node in formed.sentinels] == [(1, 1, 2)] * 2, 20, "forgotten")
    formed.wait_joined()


@pytest.mark.parametrize("remembers", [True, False], ids=["remembered", "lost volumes"])
def test_a_master_that_is_declared_elsewhere_is_one_until_it_is_removed(formed: Cluster, remembers: bool) -> None:
    """A host is drained: its node is declared on another one, by the same name, while it still serves here."""
    formed.data[0].stop()
    formed.data[0].start()
    formed.wait_joined()
    former = formed.master()
    former.client().set("kept", "1")
    before = formed.epoch()
    try:
        moved = formed.declare_elsewhere(former)
        moved.start()
        formed.wait_joined([moved])
        for node in formed.sentinels:
            node.stop()
            if not remembers:
                node.lose_volume()
            node.start()
            formed.wait_joined([node])
            assert int(master_as_seen(node)["port"]) == former.port
        assert (former.role_now(), formed.epoch()) == ("master", before)
        former.stop()
        formed.wait_joined()
        assert [node.client().get("kept") for node in formed.data] == ["1"] * 3
        assert formed.epoch() == before + 1
    finally:
        former.kill()


def test_state_outlives_a_restart(formed: Cluster) -> None:
    formed.data[0].stop()
    new = formed.master()
    node = formed.sentinels[0]
    before = [lines(node, start) for start in ("config-epoch", "current-epoch", "myid", "monitor")]
    node.stop()
    node.start()
    eventually(lambda: node.role_now() == "sentinel", 5, "runs again")
    assert [lines(node, start) for start in ("config-epoch", "current-epoch", "myid", "monitor")] == before
    assert int(master_as_seen(node)["port"]) == new.port


def test_lost_volume_of_a_sentinel(formed: Cluster) -> None:
    """The same identity, the same counts, and the master that is one now, not the declared one."""
    formed.data[0].stop()
    new = formed.master()
    formed.data[0].start()
    formed.wait_joined([formed.data[0]])
    node = formed.sentinels[1]
    myid = lines(node, "myid")
    node.kill()
    node.lose_volume()
    node.start()
    formed.wait_joined()
    assert lines(node, "myid") == myid
    assert int(master_as_seen(node)["port"]) == new.port
    assert [counts(one) for one in formed.sentinels] == [(2, 2, 2)] * 3


def test_all_sentinels_lost_and_a_data_node_down(formed: Cluster) -> None:
    """Whoever is silent may be the master: they wait for all, and do not take the declared one."""
    formed.data[0].stop()
    new = formed.master()
    for node in formed.sentinels:
        node.kill()
        node.lose_volume()
    for node in formed.sentinels:
        node.start()
    for node in formed.sentinels:
        eventually(lambda: f"waiting for data node {formed.data[0].endpoint}" in node.why(), 10, "waits")  # noqa: B023
    formed.data[0].start()
    formed.wait_joined(seconds=30)
    assert formed.master() == new


def test_changed_settings_reach_a_sentinel(formed: Cluster) -> None:
    node = formed.sentinels[0]
    (node.root / "etc/node/directives.conf").write_text(f"sentinel down-after-milliseconds {MASTER_NAME} 4321\n")
    node.stop()
    node.start(quorum="3")
    eventually(lambda: node.role_now() == "sentinel", 5, "runs again")
    seen = master_as_seen(node)
    assert (str(seen["down-after-milliseconds"]), int(seen["quorum"])) == ("4321", 3)


def test_the_profiles_periods_are_set_again_at_each_start(formed: Cluster) -> None:
    node = formed.sentinels[1]

    def periods() -> list[str]:
        known = node.client("handover").execute_command("SENTINEL DEBUG")
        return [str(known["PING-PERIOD"]), str(known["INFO-PERIOD"])]

    assert periods() == ["300", "500"]
    for _ in range(2):
        node.stop()
        node.start(sentinel_periods="ping-period 400 info-period 900")
        eventually(lambda: node.role_now() == "sentinel", 5, "runs again")
        eventually(lambda: periods() == ["400", "900"], 5, "periods set")


def test_rewritten_configuration_is_kept_until_the_settings_change(formed: Cluster) -> None:
    replica = formed.data[1]
    replica.client("handover").config_set("maxmemory-policy", "allkeys-lru")
    replica.client("handover").config_rewrite()
    replica.stop()
    replica.start()
    formed.wait_joined([replica])
    assert replica.client("handover").config_get("maxmemory-policy")["maxmemory-policy"] == "allkeys-lru"
    (replica.root / "etc/node/directives.conf").write_text("appendonly yes\nmaxmemory 50mb\n")
    replica.stop()
    replica.start()
    formed.wait_joined([replica])
    settings = replica.client("handover").config_get("maxmemory*")
    assert (settings["maxmemory"], settings["maxmemory-policy"]) == (str(50 * 1024**2), "noeviction")
    assert replica.follows(formed.data[0].port)


def test_without_secrets_and_lists_as_in_the_source_document(make_cluster: MakeCluster) -> None:
    """Three plain `docker run` lines: redis_port, master_port, sentinel_port and nothing else."""
    cluster = make_cluster(replicas=1, sentinel_count=1, secrets=False)
    known = ("redis_port", "master_port", "sentinel_port", "master_address")
    for node in cluster.nodes:
        node.env = {name: value for name, value in node.env.items() if name in known} | {"quorum": "1"}
    cluster.data[0].start()
    cluster.data[1].start()
    cluster.wait_joined(cluster.data)
    cluster.sentinels[0].start()
    cluster.wait_joined()
    eventually(lambda: counts(cluster.sentinels[0])[0] == 1, 15, "the replica is found")
    cluster.data[0].client().set("works", "1")
