"""A master that dies: its replicas elect, by its closed door, and long before the Sentinels would."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import redis

from tests.agent.harness.cluster import DOWN_AFTER, MASTER_NAME, Cluster
from tests.agent.harness.node import PATIENCE, Node, eventually, stays
from tests.agent.harness.writer import Writer, by_role, by_sentinel
from tests.agent.processes.conftest import MakeCluster

ELECTED = "has ended"
"""In the log of the replica that took over by itself."""


def kill(node: Node, what: str) -> None:
    """Its container, or only its server."""
    if what == "container":
        node.kill()
    else:
        node.kill_server()


@pytest.mark.parametrize("what", ["container", "server"])
def test_a_killed_master_is_replaced_before_any_sentinel_notices(formed: Cluster, what: str) -> None:
    gaps, elected = [], []
    for turn in range(3):
        old = formed.master()
        with Writer(by_sentinel(formed, retries=500), f"{what}{turn}") as writer:
            writer.goes_on(100)
            kill(old, what)
            formed.wait_failover(old)
            writer.goes_on(100)
        new = formed.master()
        elected.append(f"{old.endpoint} {ELECTED}" in new.log())
        assert formed.promotions() == turn + 1, "one promotion each"
        assert writer.missing(new.client()) == []
        gaps.append(writer.gap)
        if what == "server":
            assert old.ended() == 137, "the container ends with its server, and Docker starts it anew"
        old.start()
        formed.wait_joined(seconds=25)
    print(f"write gaps, {what} killed: " + ", ".join(f"{gap * 1000:.0f} ms" for gap in gaps))
    # Sentinel begins to act down-after after the last sign of life; on a busy machine the best of three says it.
    assert min(gaps) < DOWN_AFTER / 2
    # Where the replicas' agents have no processor for down-after, the Sentinels do it: rightly.
    assert all(own or gap > DOWN_AFTER / 2 for own, gap in zip(elected, gaps, strict=True)), "the replicas elect"


def test_all_agree_on_it_and_nobody_is_forgotten(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(replicas=4)
    cluster.form()
    old = cluster.master()
    old.kill()
    cluster.wait_failover(old)
    new = cluster.master()
    others = [node for node in cluster.data if node not in (old, new)]
    eventually(lambda: all(node.follows(new.port) for node in others), 8, "they follow; by itself Sentinel needs 10 s")
    for sentinel in cluster.sentinels:
        master = sentinel.client("handover").execute_command("SENTINEL MASTER", MASTER_NAME)
        assert (master["num-slaves"], master["num-other-sentinels"]) == (4, 2)


def test_closed_connections_alone_are_no_death(make_cluster: MakeCluster) -> None:
    """CLIENT KILL of all of them, once a second, beside slow commands: its kernel still takes connections."""
    cluster = make_cluster(directives="busy-reply-threshold 30000\n")  # no script is ended in this test
    cluster.form()
    master = cluster.master()
    admin = master.client("handover")
    slowest = 0.0
    slow = "local till = os.clock() + 0.15 repeat until os.clock() > till"  # of CPU time
    with Writer(by_role(cluster)) as writer:
        writer.goes_on(50)
        for _ in range(6):
            for kind in ("normal", "replica", "pubsub", "master"):
                admin.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
            began = time.monotonic()
            master.client().eval(slow, 0)
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.5)
        writer.goes_on(50)
    cluster.wait_joined()
    print(f"the slowest command took {slowest:.2f} s; {cluster.promotions()} promotions")
    assert not any(ELECTED in node.log() for node in cluster.data), "no replica takes it for dead"
    assert writer.missing(cluster.master().client()) == []
    if slowest < DOWN_AFTER / 2:  # else the machine is so busy that the Sentinels may rightly take it for hung
        assert cluster.promotions() == 0


@pytest.mark.parametrize("how", ["killed", "hung"])
def test_a_minority_of_the_sentinels_elects_nobody(formed: Cluster, how: str) -> None:
    old = formed.master()
    old.client().set("kept", "1")
    formed.copied()
    with ExitStack() as stack:
        for node in formed.sentinels[1:]:
            stack.enter_context(node.hung()) if how == "hung" else node.kill()
        old.kill()
        stays(lambda: not formed.masters(), 3 * DOWN_AFTER, "one of three votes for nobody")
        assert formed.promotions() == 0
    for node in formed.sentinels[1:]:
        if how == "killed":
            node.start()
    formed.wait_failover(old, 20, of=3)
    assert formed.master().client().get("kept") == "1"


def test_a_hung_master_is_replaced_when_the_sentinels_say_so(formed: Cluster) -> None:
    gaps, elected = [], []
    for turn in range(2):
        old = formed.master()
        with Writer(by_sentinel(formed, retries=500, timeout=0.3), f"h{turn}") as writer:
            writer.goes_on(100)
            with old.frozen():
                formed.wait_failover(old)
                writer.goes_on(100)
        assert formed.promotions() == turn + 1
        eventually(lambda: old.follows(formed.master().port), 10, "gives way as soon as it goes on")  # noqa: B023
        assert writer.missing(formed.master().client()) == []
        elected.append(f"{old.endpoint} is down for the Sentinels" in formed.master().log())
        gaps.append(writer.gap)
        formed.wait_joined()
    print(f"write gaps, hung: {', '.join(f'{gap:.2f} s' for gap in gaps)}; by the replicas: {elected}")
    assert any(elected), "the replicas elect when the Sentinels say so, before these would have promoted one"
    assert min(gaps) < 3 * DOWN_AFTER


@pytest.mark.parametrize("leaving", [False, True])
def test_a_hung_server_takes_nothing_once_it_was_succeeded(formed: Cluster, leaving: bool) -> None:
    """What a client has sent waits in its socket: it would be taken, and lost, before the server hears of anything."""
    old = formed.master()
    late = old.client(timeout=60 * PATIENCE)
    late.ping()
    with old.hung(), ThreadPoolExecutor(1) as pool:
        sent = pool.submit(late.set, "late", "1")
        if leaving:
            old.terminate()
        formed.wait_failover(old)
        with pytest.raises(redis.ConnectionError):
            sent.result(10 * PATIENCE)
    assert "its Redis is ended at once" in old.log()
    if leaving:
        assert old.ended() == 137
        old.start()
    formed.wait_joined()
    assert old.follows(formed.master().port)
    assert formed.promotions() == 1


def test_after_all_sentinels_were_frozen_a_killed_master_is_replaced(formed: Cluster) -> None:
    """They are in TILT then, in which they vote, but do nothing by themselves; it is shortened, too."""
    with ExitStack() as frozen:
        for node in formed.sentinels:
            frozen.enter_context(node.frozen())
        time.sleep(3)
    old = formed.master()
    with Writer(by_role(formed)) as writer:
        writer.goes_on(20)
        began = time.monotonic()
        old.kill()
        formed.wait_failover(old)
        writer.goes_on(20)
    assert any("+tilt" in node.log() for node in formed.sentinels), "they were frozen for long enough"
    print(f"after TILT: write gap {writer.gap:.2f} s, all agree after {time.monotonic() - began:.2f} s")
    assert writer.gap < 5, "Sentinel's own TILT takes 30 s"
    assert writer.missing(formed.master().client()) == []


def test_a_slow_script_is_ended_before_it_costs_a_failover(formed: Cluster) -> None:
    for _ in range(5):
        master, before = formed.master(), formed.promotions()
        began = time.monotonic()
        with pytest.raises(Exception, match="Script killed"):
            master.client(timeout=30 * PATIENCE).eval("while true do end", 0)
        assert "a script has run for too long: ending it" in master.log()
        if time.monotonic() - began < DOWN_AFTER:
            break
        formed.wait_joined()  # the machine is so busy that the Sentinels may rightly have taken it for hung
    else:
        pytest.fail("no script was ended in time")
    assert formed.promotions() == before
    assert formed.master() == master
    master.client().set("works", "1")
