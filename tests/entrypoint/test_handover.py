"""What a master does when it is told to stop."""

import time

import pytest

from tests.entrypoint.conftest import MakeCluster
from tests.entrypoint.node import eventually
from tests.entrypoint.processes import MASTER_NAME, Cluster
from tests.entrypoint.writer import Writer, by_role, by_sentinel

BOUND = 5.0  # seconds, the default of handover_timeout


def epoch(cluster: Cluster) -> int:
    """The newest configuration epoch that a Sentinel knows."""
    return max(
        int(node.client("handover").execute_command("SENTINEL MASTER", MASTER_NAME)["config-epoch"])
        for node in cluster.sentinels
    )


@pytest.mark.parametrize("client", ["by_sentinel", "by_role"])
def test_hand_overs_lose_nothing(formed: Cluster, client: str) -> None:
    gaps = []
    for turn in range(2):
        old = formed.master()
        with Writer((by_sentinel if client == "by_sentinel" else by_role)(formed), f"w{turn}") as writer:
            writer.goes_on(100)
            assert old.stop(seconds=BOUND) == 0
            writer.goes_on(100)
        new = formed.master()
        assert new != old
        assert writer.missing(new.client()) == []
        if client == "by_sentinel":
            assert writer.errors == [], "one retry is enough"
        gaps.append(writer.gap)
        old.start()
        eventually(old.joined, 10, "comes back as a replica")
        assert old.follows(new.port)
    print(f"write gaps with a client {client}: " + ", ".join(f"{gap * 1000:.0f} ms" for gap in gaps))
    assert max(gaps) < 0.5


def test_all_agree_afterwards(formed: Cluster) -> None:
    old, before = formed.master(), epoch(formed)
    old.stop()
    new = formed.master()
    assert epoch(formed) == before + 1
    eventually(
        lambda: all(node.follows(new.port) for node in formed.data if node not in (old, new)), 5, "the others follow"
    )
    assert f"replicaof 127.0.0.1 {new.port}" in (old.root / "data/redis.conf").read_text()
    eventually(lambda: "replicaof" not in (new.root / "data/redis.conf").read_text(), 5, "the new role is on disk")
    for node in formed.sentinels:
        assert "+switch-master" in node.log()
        master = node.client("handover").execute_command("SENTINEL MASTER", MASTER_NAME)
        assert (master["num-slaves"], master["num-other-sentinels"]) == (2, 2), "no ghosts, nobody forgotten"


def test_the_longest_up_takes_over(formed: Cluster) -> None:
    """In a roll-out that is the one which has not been replaced yet."""
    restarted, other = formed.data[1:]
    time.sleep(1.1)  # uptime counts in seconds
    restarted.stop()
    restarted.start()
    formed.wait_joined([restarted])
    formed.data[0].stop()
    assert formed.master() == other


def test_an_epoch_that_was_taken_is_passed_over(formed: Cluster) -> None:
    """Failed elections raise the epoch without showing it in the configuration."""
    before = epoch(formed)
    for node in formed.sentinels:
        node.client("handover").execute_command(
            "SENTINEL IS-MASTER-DOWN-BY-ADDR", "127.0.0.1", formed.data[0].port, before + 5, "f" * 40
        )
    formed.data[0].stop(seconds=BOUND)
    assert formed.master() != formed.data[0]
    assert epoch(formed) > before + 5


@pytest.mark.parametrize("sentinel_count", [1, 2])
def test_fewer_sentinels(make_cluster: MakeCluster, sentinel_count: int) -> None:
    """With a single one nobody can pass on the news: Sentinel does it, which takes longer."""
    cluster = make_cluster(sentinel_count=sentinel_count)
    cluster.form()
    with Writer(by_sentinel(cluster)) as writer:
        writer.goes_on(100)
        assert cluster.data[0].stop(seconds=BOUND + 1) == 0
        writer.goes_on(100)
    cluster.wait_failover(cluster.data[0])
    assert writer.missing(cluster.master().client()) == []
    print(f"write gap with {sentinel_count} Sentinel(s): {writer.gap * 1000:.0f} ms")


@pytest.mark.parametrize("left", [2, 1])
def test_some_sentinels_down(formed: Cluster, left: int) -> None:
    for node in formed.sentinels[left:]:
        node.kill()
    formed.data[0].stop(seconds=BOUND)
    assert formed.master() != formed.data[0]
    new = formed.master()
    for node in (formed.data[0], *formed.sentinels[left:]):
        node.start()
    eventually(lambda: formed.named() == [("127.0.0.1", new.port)] * 3, 10, "the others learn of it")


@pytest.mark.parametrize("missing", ["replicas", "sentinels"])
def test_nobody_to_hand_over_to_or_through(formed: Cluster, missing: str) -> None:
    for node in formed.data[1:] if missing == "replicas" else formed.sentinels:
        node.kill()
    eventually(
        lambda: missing != "replicas" or not formed.data[0].client("handover").info("replication")["connected_slaves"],
        5,
        "gone",
    )
    began = time.monotonic()
    assert formed.data[0].stop() == 0
    assert time.monotonic() - began < 2
    assert "stopping without a hand-over" in formed.data[0].log()


def test_hung_replicas_leave_no_pause_behind(formed: Cluster) -> None:
    """Nobody can take over: the master stops within the bound, and what it has acknowledged is kept."""
    with formed.data[1].hung(), formed.data[2].hung(), Writer(formed.data[0].client) as writer:
        writer.goes_on(10)
        began = time.monotonic()
        assert formed.data[0].stop(seconds=BOUND + 1) == 0
        print(f"stopped without a successor within {time.monotonic() - began:.1f} s")


def test_a_hung_replica_is_not_waited_for(formed: Cluster) -> None:
    hung, other = formed.data[1:]
    with hung.hung():
        formed.data[0].stop(seconds=BOUND)
        assert formed.master() == other


def test_all_told_to_stop_at_once(formed: Cluster) -> None:
    formed.data[0].client().set("kept", "1")
    assert formed.data[0].client("handover").execute_command("WAIT", 2, 1000) == 2
    began = time.monotonic()
    for node in formed.nodes:
        assert node.process
        node.process.terminate()
    for node in formed.nodes:
        assert node.process
        assert node.process.wait(10) == 0
    took = time.monotonic() - began
    print(f"all stopped within {took:.2f} s")
    assert took < BOUND
    for node in formed.nodes:
        node.start()
    formed.wait_joined(seconds=25)
    assert [node.client().get("kept") for node in formed.data] == ["1", "1", "1"]


def test_a_replica_leaves_at_once(formed: Cluster) -> None:
    began = time.monotonic()
    assert formed.data[1].stop() == 0
    assert time.monotonic() - began < 1
    assert formed.master() == formed.data[0]
