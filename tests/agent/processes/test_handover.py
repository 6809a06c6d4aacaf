"""What a master does when it is told to stop."""

import time
from contextlib import ExitStack

import pytest

from agent.act.claim import LEASE
from agent.act.datanode import ASK_AGAIN_FOR, SEE_EVERY
from agent.act.handover import IN_ALL
from agent.act.successor import TAKES_WRITES
from tests.agent.harness.cluster import DOWN_AFTER, MASTER_NAME, Cluster
from tests.agent.harness.node import PATIENCE, eventually, stays
from tests.agent.harness.writer import Writer, by_role, by_sentinel
from tests.agent.processes.conftest import MakeCluster

BOUND = IN_ALL + 1.0  # seconds: a hand-over, and the server's own end


@pytest.mark.parametrize("client", ["by_sentinel", "by_role"])
def test_hand_overs_lose_nothing(formed: Cluster, client: str) -> None:
    gaps, followed = [], []
    for turn in range(2):
        old = formed.master()
        with Writer(
            by_sentinel(formed, retries=20) if client == "by_sentinel" else by_role(formed), f"w{turn}"
        ) as writer:
            writer.goes_on(100)
            assert old.stop(seconds=BOUND) == 0
            writer.goes_on(100)
        new = formed.master()
        assert new != old
        assert f"handed over to {new.endpoint}" in old.log()
        followed.append(f"{TAKES_WRITES}: a replica follows it" in new.log())
        assert writer.missing(new.client()) == []
        if client == "by_sentinel":
            assert writer.errors == [], "a few retries are enough"
        gaps.append(writer.gap)
        old.start()
        formed.wait_joined([old])
        assert old.follows(new.port)
    print(f"write gaps with a client {client}: " + ", ".join(f"{gap * 1000:.0f} ms" for gap in gaps))
    assert min(gaps) < DOWN_AFTER / 2, "no Sentinel had to notice anything"
    assert any(followed), "it has not waited for its time to be over, which a busy machine may make it do"


@pytest.mark.parametrize("sentinels", [3, 1])
def test_a_replica_that_stands_still_is_waited_for(make_cluster: MakeCluster, sentinels: int) -> None:
    """It has not got all that was acknowledged, and would be elected without that when it goes on."""
    formed = make_cluster(replicas=1, sentinel_count=sentinels)
    formed.form()
    old, replica = formed.data
    with Writer(by_role(formed), "w") as writer:
        writer.goes_on(50)
        with replica.frozen():
            writer.goes_on(20)
            old.terminate()
            time.sleep(3 * DOWN_AFTER / 4)  # a Sentinel that takes the replica for down does not choose it
        assert old.ended(ASK_AGAIN_FOR + BOUND) == 0
        writer.goes_on(50, 20)
    assert f"handed over to {replica.endpoint}" in old.log()
    assert formed.master() == replica
    assert writer.missing(replica.client()) == []


def test_all_agree_afterwards(formed: Cluster) -> None:
    old, before = formed.master(), formed.epoch()
    old.stop()
    new = formed.master()
    assert formed.epoch() == before + 1
    eventually(
        lambda: all(node.follows(new.port) for node in formed.data if node not in (old, new)), 5, "the others follow"
    )
    memory = (new.root / "data/redis-ha.json").read_text()
    assert '"master": true' in memory and f'"epoch": {before + 1}' in memory, "the new office is on disk"
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
    before = formed.epoch()
    for node in formed.sentinels:
        node.client("handover").execute_command(
            "SENTINEL IS-MASTER-DOWN-BY-ADDR", "127.0.0.1", formed.data[0].port, before + 5, "f" * 40
        )
    time.sleep(SEE_EVERY + 2 * LEASE)  # whoever has been elected then may be about to promote somebody
    formed.data[0].stop(seconds=BOUND)
    assert "handed over" in formed.data[0].log()
    assert formed.master() != formed.data[0]
    assert formed.epoch() > before + 5


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


def test_a_dead_sentinel_learns_of_it(formed: Cluster) -> None:
    formed.sentinels[2].kill()
    formed.data[0].stop(seconds=BOUND)
    assert "handed over" in formed.data[0].log()
    new = formed.master()
    for node in (formed.data[0], formed.sentinels[2]):
        node.start()
    eventually(lambda: formed.named() == [("127.0.0.1", new.port)] * 3, 15, "the third learns of it")


@pytest.mark.parametrize("how", ["killed", "hung"])
def test_a_minority_of_the_sentinels_is_not_enough(formed: Cluster, how: str) -> None:
    """One of three: it looks the same from here as being cut off from where another is elected meanwhile."""
    with ExitStack() as stack:
        for node in formed.sentinels[1:]:
            stack.enter_context(node.hung()) if how == "hung" else node.kill()
        began = time.monotonic()
        assert formed.data[0].stop() == 0
        took = time.monotonic() - began
        assert "no hand-over: only 1 of 3 Sentinels answer" in formed.data[0].log()
        stays(lambda: not formed.masters(), 3, "no replica is promoted, though the master has gone")
        assert formed.promotions() == 0
    print(f"stopped {took:.2f} s after SIGTERM")
    assert took < PATIENCE * 2


def test_nobody_to_hand_over_to(formed: Cluster) -> None:
    for node in formed.data[1:]:
        node.kill()
    master = formed.data[0]
    eventually(lambda: not master.client("handover").info("replication")["connected_slaves"], 10, "they are gone")
    began = time.monotonic()
    assert master.stop() == 0
    assert "no hand-over: no replica is online" in master.log()
    assert time.monotonic() - began < PATIENCE * 2


def test_hung_replicas_leave_no_pause_behind(formed: Cluster) -> None:
    """Nobody can take over: the master stops within the bound, and what it has acknowledged is kept."""
    with formed.data[1].hung(), formed.data[2].hung(), Writer(formed.data[0].client) as writer:
        writer.goes_on(10)
        assert formed.data[0].stop(seconds=BOUND) == 0
    assert "no hand-over: no replica could take over" in formed.data[0].log()
    formed.data[0].start()
    formed.wait_joined(seconds=40)
    assert writer.missing(formed.master().client()) == []


def test_a_hung_replica_is_not_waited_for(formed: Cluster) -> None:
    hung, other = formed.data[1:]
    with hung.hung():
        formed.data[0].stop(seconds=BOUND)
        assert f"handed over to {other.endpoint}" in formed.data[0].log()
        assert formed.master() == other


def test_all_told_to_stop_at_once(formed: Cluster) -> None:
    formed.data[0].client().set("kept", "1")
    formed.copied()
    for node in formed.nodes:
        node.terminate()
    for node in formed.nodes:
        assert node.ended(BOUND) == 0
    for node in formed.nodes:
        node.start()
    formed.wait_joined(seconds=40)
    assert [node.client().get("kept") for node in formed.data] == ["1", "1", "1"]


def test_a_replica_leaves_at_once(formed: Cluster) -> None:
    assert formed.data[1].stop(seconds=2) == 0
    assert formed.master() == formed.data[0]
    assert formed.promotions() == 0


@pytest.mark.parametrize("pause", [0.0, 0.02])
def test_further_signals_change_nothing(formed: Cluster, pause: float) -> None:
    old = formed.master()
    with Writer(by_role(formed)) as writer:
        writer.goes_on(100)
        for _ in range(8):
            old.terminate()
            time.sleep(pause)
        assert old.ended(BOUND) == 0
        writer.goes_on(100)
    assert "handed over" in old.log()
    assert formed.promotions() == 1
    assert writer.missing(formed.master().client()) == []
