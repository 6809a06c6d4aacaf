"""Which role a data node takes after its start, and when it takes writes."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest
import redis

from tests.agent.harness.cluster import Cluster
from tests.agent.harness.node import Node, eventually, stays
from tests.agent.harness.writer import Writer, by_role
from tests.agent.processes.conftest import MakeCluster

WITHOUT_SENTINELS = 3.0
"""Seconds of silence in which nothing must happen: several times as long as a start takes."""


def refuses_writes(node: Node) -> bool:
    """Whether it says that it takes none; false where it does not answer."""
    for _ in range(2):
        try:
            node.client().set("refused", "1")
        except (redis.exceptions.ReadOnlyError, redis.exceptions.BusyLoadingError):  # the latter while it copies
            return True
        except redis.ConnectionError:  # a node that begins to follow another sends its clients away once
            continue
        return False
    return False


def in_limbo(node: Node) -> bool:
    """Whether it is a replica of nobody: it keeps its data, and takes no writes."""
    try:
        role = node.client("handover").execute_command("ROLE")
    except redis.RedisError:
        return False
    return bool(role[0] == "slave" and role[2] == 1)


# Without an answer from any Sentinel.


@pytest.mark.parametrize(
    ("declared", "env", "expected"),
    [
        pytest.param("master", {"sentinels": ""}, "master", id="no Sentinels, so the declared role"),
        pytest.param("replica", {}, "slave", id="a replica"),
    ],
)
def test_first_start(make_cluster: MakeCluster, declared: str, env: dict[str, str], expected: str) -> None:
    node = make_cluster().data[1]
    node.role = declared
    node.start(**env)
    eventually(lambda: node.joined() and node.role_now() == expected, 10, f"runs as {expected}, and has joined")


def test_an_empty_declared_master_begins_by_no_timer(make_cluster: MakeCluster) -> None:
    """Only when it is told that this is the first start. That is good for one start only."""
    node = make_cluster().data[0]
    node.start()
    waits = (1, "waiting for a Sentinel, or to be told that this is the first start")
    eventually(lambda: node.health() == waits, 10, "says what it waits for")
    stays(lambda: in_limbo(node) and refuses_writes(node), WITHOUT_SENTINELS, "waits")
    node.say_first_start()
    eventually(node.joined, 10, "begins")
    assert node.role_now() == "master"
    node.stop()
    (node.root / "data/appendonlydir").rename(node.root / "lost")
    node.start()
    eventually(lambda: node.health() == waits, 10, "its data is lost, and it waits again")
    stays(lambda: in_limbo(node), 1, "waits")


@pytest.mark.parametrize("durability", ["available", "consistent"])
def test_a_restarted_master_waits_for_the_sentinels(make_cluster: MakeCluster, durability: str) -> None:
    cluster = make_cluster(replicas=1, settings={"durability": durability})
    cluster.form()
    node, replica = cluster.data
    node.client().set("kept", "1")
    cluster.kill_all()
    node.start()
    replica.start()
    eventually(lambda: in_limbo(node), 10, "is back")
    stays(lambda: refuses_writes(node), WITHOUT_SENTINELS, "takes no writes")
    assert node.client().get("kept") == "1", "reading goes on"
    assert node.health() == (1, "waiting for most of the Sentinels")
    cluster.sentinels[0].start()
    stays(lambda: refuses_writes(node), WITHOUT_SENTINELS, "one of three is not enough")
    for one in cluster.sentinels[1:]:
        one.start()
    cluster.wait_joined(seconds=40)
    assert cluster.master().client().get("kept") == "1"
    cluster.master().client().set("written", "1")


def test_sentinels_that_answer_late_are_obeyed(formed: Cluster) -> None:
    old = formed.data[0]
    old.kill()
    formed.wait_failover(old)
    with ExitStack() as silent:
        for node in formed.sentinels:
            silent.enter_context(node.hung())
        old.start()
        # The others have told: it may follow the one that serves, but never takes a write.
        eventually(lambda: old.role_now() == "slave", 10, "is back")
        stays(lambda: refuses_writes(old), 1, "takes no writes")
    eventually(lambda: old.follows(formed.master().port), 10, "follows")
    formed.wait_joined([old])


# With Sentinels.


def test_the_only_data_node_is_confirmed(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(replicas=0)
    cluster.form()
    master = cluster.data[0]
    master.client().set("kept", "1")
    master.kill()
    master.start()
    eventually(lambda: master.joined() and master.role_now() == "master", 15, "confirmed")
    assert master.client().get("kept") == "1"
    master.client().set("written", "1")
    assert "the Sentinels name it as master, and its data is whole" in master.log()


def test_a_former_master_returns_as_replica_and_accepts_nothing(formed: Cluster) -> None:
    old = formed.data[0]
    with Writer(by_role(formed)) as writer:
        old.kill()
        formed.wait_failover(old)
        old.start()
        eventually(old.joined, 15, "comes back")
        writer.goes_on(100)
    assert old.role_now() == "slave"
    assert formed.masters() == [formed.master()]
    assert writer.missing(formed.master().client()) == []


@pytest.mark.parametrize("lose", ["volume", "volatile"])
def test_a_master_that_lost_its_data_never_wipes_the_others(make_cluster: MakeCluster, lose: str) -> None:
    cluster = make_cluster(settings={"append_only": lose == "volume"})
    cluster.form()
    old = cluster.data[0]
    keys = {f"kept:{number}": str(number) for number in range(1000)}
    old.client().mset(keys)
    cluster.copied()
    old.kill()
    if lose == "volume":
        old.lose_volume()
    old.start()  # long before the Sentinels take notice
    eventually(lambda: old.joined() and old.role_now() == "slave", 20, "joins as a replica")
    assert cluster.master() != old
    for node in cluster.data:
        assert node.client().mget(list(keys)) == list(keys.values())


def test_a_named_master_without_data_begins_where_nobody_has_any(make_cluster: MakeCluster) -> None:
    """As when all containers are started at once by hand: the Sentinels name the declared master."""
    cluster = make_cluster()
    for node in (*cluster.sentinels, *cluster.data):
        node.start()
    cluster.wait_joined(seconds=40)
    assert cluster.master() == cluster.data[0]
    cluster.master().client().set("works", "1")


def _serves(cluster: Cluster) -> Callable[[], bool]:
    """Whether one master is there, with the key, and the others follow it."""

    def serving() -> bool:
        masters = cluster.masters()
        return len(masters) == 1 and masters[0].client().get("kept") == "1"

    return serving


@pytest.mark.parametrize("first", ["sentinels", "data"])
def test_all_killed_and_started_in_any_order(formed: Cluster, first: str) -> None:
    formed.data[0].stop()  # so that the master is not the declared one
    formed.data[0].start()
    formed.wait_joined()
    assert formed.master() != formed.data[0]
    formed.master().client().set("kept", "1")
    formed.copied()
    formed.kill_all()
    order = [*formed.sentinels, *formed.data] if first == "sentinels" else [*formed.data[::-1], *formed.sentinels]
    for node in order:
        node.start()
    formed.wait_joined(seconds=40)
    eventually(_serves(formed), 10, "one master, with the data")
    assert [node.client().get("kept") for node in formed.data] == ["1", "1", "1"]


def test_all_killed_and_the_declared_master_comes_back_empty_and_first(formed: Cluster) -> None:
    keys = {f"kept:{number}": str(number) for number in range(300)}
    formed.master().client().mset(keys)
    formed.copied()
    formed.kill_all()
    empty, *others = formed.data
    empty.lose_volume()
    empty.start()
    eventually(lambda: "waiting" in empty.why(), 10, "waits")
    stays(lambda: in_limbo(empty), WITHOUT_SENTINELS, "does not begin")
    for node in (*formed.sentinels, *others):
        node.start()
    formed.wait_joined(seconds=40)
    assert formed.master() != empty
    for node in formed.data:
        assert node.client().mget(list(keys)) == list(keys.values())


def test_a_cold_start_at_other_addresses(formed: Cluster) -> None:
    """What is remembered is remembered by name: all is started anew at other ports, with all data."""
    formed.data[0].stop()
    formed.data[0].start()
    formed.wait_joined()
    before = formed.master().name
    assert before != formed.data[0].name
    formed.master().client().set("kept", "1")
    formed.copied()
    formed.kill_all()
    formed.move()
    for node in formed.nodes:
        node.start()
    formed.wait_joined(seconds=40)
    assert formed.master().name == before
    assert [node.client().get("kept") for node in formed.data] == ["1", "1", "1"]


def test_a_node_with_data_does_not_follow_an_empty_master(formed: Cluster) -> None:
    """Somebody has made an empty node the master, and has told the Sentinels so."""
    formed.master().client().set("kept", "1")
    formed.copied()
    formed.kill_all()
    empty, *others = formed.data
    empty.lose_volume()
    empty.start_without_agent()
    eventually(lambda: empty.role_now() == "master", 10, "an empty master")
    for node in (*formed.sentinels, *others):
        node.start()
    # Sentinel by itself makes a replica follow the named master after its failover-timeout: one of them is quicker.
    formed.wait_failover(empty, 20)
    stays(lambda: all(not node.follows(empty.port) for node in others), 2, "nobody follows it")
    formed.wait_joined(others)
    assert all(node.client().get("kept") == "1" for node in others)


def test_a_stop_while_waiting_is_quick(make_cluster: MakeCluster) -> None:
    node = make_cluster().data[0]
    node.start()
    eventually(lambda: "waiting" in node.why(), 10, "waits")
    assert node.stop(seconds=2) == 0
