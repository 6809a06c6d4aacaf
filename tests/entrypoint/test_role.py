"""Which role a data node starts in, and when a master may take writes."""

import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from tests.entrypoint.conftest import MakeCluster
from tests.entrypoint.node import Node, eventually
from tests.entrypoint.processes import Cluster
from tests.entrypoint.writer import Writer, by_role

FENCED = "65535"


def persisted(node: Node, *, master: int | None = None, data: bool = True, guarded: bool = True) -> None:
    """Let the node have run before, as master or as replica of the node at port `master`."""
    node.start(sentinels="")
    eventually(lambda: node.role_now() != "", 5, "has run before")
    if data and master is None:
        node.client().set("kept", "1")
    if master is not None:
        node.client("handover").execute_command("REPLICAOF", "127.0.0.1", master)
        node.client("handover").config_rewrite()
    node.stop()
    if guarded:
        (node.root / "data/.guarded").touch()
    (node.root / "log").write_text("")


def refuses_writes(node: Node) -> bool:
    try:
        node.client().set("refused", "1")
    except redis.ConnectionError:
        return False
    except redis.ResponseError as error:
        return "NOREPLICAS" in str(error)
    return False


# Without an answer from any Sentinel.


@pytest.mark.parametrize(
    ("declared", "env", "expected"),
    [
        pytest.param("master", {"sentinels": ""}, "master", id="no Sentinels, so the declared role at once"),
        pytest.param("master", {"bootstrap_wait": "0"}, "master", id="waited long enough"),
        pytest.param("replica", {}, "slave", id="a replica at once"),
    ],
)
def test_first_start(make_cluster: MakeCluster, declared: str, env: dict[str, str], expected: str) -> None:
    node = make_cluster().data[1]
    node.role = declared
    node.start(**env)
    eventually(lambda: node.role_now() == expected, 3, f"runs as {expected}")
    eventually(node.joined, 3, "counts as joined")
    if expected == "master":
        assert node.min_replicas() == "0"


def test_first_master_waits_to_be_told(make_cluster: MakeCluster) -> None:
    node = make_cluster().data[0]
    node.start()
    eventually(
        lambda: node.health() == (1, "waiting for a Sentinel, or to be told that this is the first start"), 3, "waits"
    )
    assert node.role_now() == ""
    (node.root / "run/bootstrap").touch()
    eventually(node.joined, 3, "starts")
    assert node.role_now() == "master"
    assert not (node.root / "run/bootstrap").exists(), "it is good for one start only"


def test_persisted_replica_stays_one(make_cluster: MakeCluster) -> None:
    node = make_cluster().data[0]
    persisted(node, master=7)
    node.start()
    eventually(lambda: node.role_now() == "slave", 3, "runs as replica though declared as master")
    assert node.client("handover").execute_command("ROLE")[2] == 7
    assert node.health() == (1, "link to master 127.0.0.1:7 is down")


@pytest.mark.parametrize(
    ("durability", "fence_timeout", "lifted"),
    [("available", "1", True), ("available", "60", False), ("consistent", "0", False)],
)
def test_persisted_master_is_fenced(
    make_cluster: MakeCluster, durability: str, fence_timeout: str, lifted: bool
) -> None:
    node = make_cluster(durability=durability).data[0]
    persisted(node)
    node.start(fence_timeout=fence_timeout)
    eventually(lambda: node.role_now() == "master", 3, "stays master")
    assert refuses_writes(node)
    assert node.client().get("kept") == "1", "reading goes on"
    assert node.health() == (1, "master, but without writes until that is confirmed")
    if lifted:
        eventually(node.joined, 4, "the fence is lifted")
        assert node.client().set("written", "1")
    else:
        with pytest.raises(AssertionError, match="not within"):
            eventually(node.joined, 1.5, "the fence is lifted")


def test_a_replica_lifts_the_fence(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    persisted(cluster.data[0])
    cluster.data[0].start()
    eventually(lambda: cluster.data[0].role_now() == "master", 3, "stays master")
    assert refuses_writes(cluster.data[0])
    cluster.data[1].start()
    eventually(lambda: cluster.data[0].joined() and not refuses_writes(cluster.data[0]), 5, "writes allowed")


def test_no_fence_where_no_sentinel_was_ever_seen(make_cluster: MakeCluster) -> None:
    node = make_cluster().data[0]
    persisted(node, guarded=False)
    node.start()
    eventually(node.joined, 3, "at once")


def test_the_fence_is_never_kept_on_disk(make_cluster: MakeCluster) -> None:
    node = make_cluster(directives="min-replicas-to-write 0\nappendonly yes\n").data[0]
    persisted(node)
    node.start()
    eventually(lambda: refuses_writes(node), 3, "fenced")
    node.client("handover").config_rewrite()
    assert f"min-replicas-to-write {FENCED}" in (node.root / "data/redis.conf").read_text()
    node.kill()
    node.start(sentinels="")
    eventually(node.joined, 3, f"starts without it: {node.health()}")
    assert node.min_replicas() == "0"


# With Sentinels.


def test_restarted_master_is_confirmed(formed: Cluster) -> None:
    master = formed.data[0]
    master.client().set("kept", "1")
    master.kill()
    master.start()
    eventually(master.joined, 4, "the fence is lifted by the Sentinels")
    assert master.role_now() == "master"
    assert "writes allowed: the Sentinels confirm" in master.log()
    assert master.client().get("kept") == "1"


def test_no_writes_while_the_silence_before_the_restart_counts_on(formed: Cluster) -> None:
    """The Sentinels name it and have nothing against it yet, but have had no answer of the new process either."""
    master = formed.data[0]
    master.kill()
    unanswered = master.root / "unanswered"
    unanswered.touch()
    master.start(PATH=f"{_late_answers(master, unanswered)}:{os.environ['PATH']}")
    eventually(lambda: master.role_now() == "master", 3, "is back")
    with pytest.raises(AssertionError, match="not within"):
        eventually(lambda: not refuses_writes(master), 1.5, "takes writes")
    unanswered.unlink()
    eventually(master.joined, 3, "the fence is lifted by the Sentinels' answers")
    assert "writes allowed: the Sentinels confirm" in master.log()


def _late_answers(node: Node, unanswered: Path) -> Path:
    """A folder with a redis-cli after which, as long as the file is there, no master has answered for ten minutes."""
    folder = node.root / "bin"
    folder.mkdir()
    (folder / "redis-cli").write_text(
        f"""#!/bin/sh
        "{shutil.which("redis-cli")}" "$@" | awk '
            key == "last-ok-ping-reply" && !system("test -e {unanswered}") {{ $0 = 600000 }}
            {{ print; fflush(); key = $0 }}'
        """
    )
    (folder / "redis-cli").chmod(0o755)
    return folder


def test_former_master_returns_as_replica_and_accepts_nothing(formed: Cluster) -> None:
    old = formed.data[0]
    with Writer(by_role(formed)) as writer:
        old.kill()
        formed.wait_failover(old)
        old.start()
        eventually(old.joined, 10, "comes back")
        writer.goes_on(100)
    assert old.role_now() == "slave"
    assert old.min_replicas() == "0"
    assert writer.missing(formed.master().client()) == []


def test_master_that_lost_its_volume_never_wipes_the_others(formed: Cluster) -> None:
    old = formed.data[0]
    keys = {f"kept:{number}": str(number) for number in range(1000)}
    old.client().mset(keys)
    assert old.client("handover").execute_command("WAIT", 2, 1000) == 2
    old.kill()
    old.lose_volume()
    old.start()  # long before the Sentinels take notice
    eventually(lambda: "its data is lost" in old.health()[1], 3, "says what it waits for")
    eventually(old.joined, 15, "joins as a replica")
    assert formed.master() != old
    assert old.role_now() == "slave"
    for node in formed.data:
        assert node.client().mget(list(keys)) == list(keys.values())


def test_volatile_master_that_restarts_never_wipes_the_others(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(directives="appendonly no\n")
    cluster.form()
    old = cluster.data[0]
    old.client().set("kept", "1")
    assert old.client("handover").execute_command("WAIT", 2, 1000) == 2
    old.kill()
    old.start()
    eventually(old.joined, 15, "joins")
    assert cluster.master() != old
    assert [node.client().get("kept") for node in cluster.data] == ["1", "1", "1"]


def test_named_master_without_data_starts_where_nobody_has_any(make_cluster: MakeCluster) -> None:
    """As when all containers are started at once: the Sentinels know the declared master before it is there."""
    cluster = make_cluster()
    for node in (*cluster.sentinels, *cluster.data):
        node.start(bootstrap_wait="1")
    cluster.wait_joined()
    cluster.master().client().set("works", "1")


@pytest.mark.parametrize(("order", "sentinels_first"), [((0, 1, 2), True), ((2, 1, 0), False)])
def test_all_killed_and_started_in_any_order(formed: Cluster, order: tuple[int, ...], sentinels_first: bool) -> None:
    formed.data[0].stop()  # so that the master is not the declared one
    formed.data[0].start()
    formed.wait_joined()
    master = formed.master()
    assert master != formed.data[0]
    master.client().set("kept", "1")
    assert master.client("handover").execute_command("WAIT", 2, 1000) == 2
    for node in formed.nodes:
        node.kill()
    data = [formed.data[index] for index in order]
    for node in [*formed.sentinels, *data] if sentinels_first else [*data, *formed.sentinels]:
        node.start()
    formed.wait_joined(seconds=25)
    assert [node.client().get("kept") for node in formed.data] == ["1", "1", "1"]
    assert formed.master().role_now() == "master"


def test_sentinels_that_answer_late_are_obeyed(formed: Cluster) -> None:
    old = formed.data[0]
    eventually((old.root / "data/.guarded").exists, 3, "knows that there are Sentinels")
    old.kill()
    formed.wait_failover(old)
    with ExitStack() as silent:
        for node in formed.sentinels:
            silent.enter_context(node.hung())
        old.start()
        eventually(lambda: old.role_now() == "master", 5, "keeps its role")
        assert refuses_writes(old)
    eventually(lambda: old.role_now() == "slave", 3, "follows")
    eventually(old.joined, 5, "joins")
    assert old.min_replicas() == "0"


def test_a_stop_while_waiting_is_quick(make_cluster: MakeCluster) -> None:
    node = make_cluster().data[0]
    node.start()
    eventually(lambda: "waiting" in node.health()[1], 3, "waits")
    try:
        assert node.stop(seconds=1) == 143
    except subprocess.TimeoutExpired:
        pytest.fail("takes longer than a second")
