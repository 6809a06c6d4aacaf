"""From snapshots to an append-only file, and no key lost on the way."""

import time

import pytest

from tests.agent.harness.node import Node, eventually
from tests.agent.processes.conftest import MakeCluster

KEYS = {f"key:{i}": f"value {i}" for i in range(1000)}
SNAPSHOTS = "appendonly no\nsave 3600 1\n"


def _directives(node: Node, text: str) -> None:
    (node.root / "etc/node/directives.conf").write_text(text)


def _logs_all(node: Node) -> bool:
    info = node.client("handover").info("persistence")
    fields = ("aof_enabled", "aof_rewrite_in_progress", "aof_rewrite_scheduled")
    return [int(info[name]) for name in fields] == [1, 0, 0]


def _alone(make_cluster: MakeCluster, directives: str) -> Node:
    """A node that has written KEYS, as these directives have it, and has been stopped."""
    node = make_cluster(replicas=0, sentinel_count=0).data[0]
    _directives(node, directives)
    node.start()
    eventually(node.joined, 20, "runs")
    node.client().mset(KEYS)
    node.stop()
    return node


def _alone_with_a_snapshot(make_cluster: MakeCluster) -> Node:
    node = _alone(make_cluster, SNAPSHOTS)
    assert (node.root / "data/dump.rdb").stat().st_size > 0
    return node


def test_switching_the_append_only_file_on_keeps_what_is_in_the_snapshot(make_cluster: MakeCluster) -> None:
    node = _alone_with_a_snapshot(make_cluster)
    _directives(node, "appendonly yes\n")
    node.start()
    eventually(node.joined, 20, "runs again")
    log = node.root / "log"
    eventually(lambda: "all data is loaded; appendonly is yes now" in log.read_text(), 10, "says so")
    eventually(lambda: _logs_all(node), 10, "its append-only file has everything")
    assert node.client().mget(list(KEYS)) == list(KEYS.values())
    node.client().set("later", "1")
    # From now on the snapshot is an old one.
    node.kill()
    node.start()
    eventually(node.joined, 20, "runs once more")
    assert node.client().get("later") == "1"
    assert node.client().dbsize() == len(KEYS) + 1
    time.sleep(0.5)
    assert log.read_text().count("all data is loaded; appendonly is yes now") == 1


@pytest.mark.parametrize(("before", "after"), [("appendonly yes\n", SNAPSHOTS), (SNAPSHOTS, "appendonly yes\n")])
def test_switching_waits_until_all_is_loaded(make_cluster: MakeCluster, before: str, after: str) -> None:
    """What was still being loaded was set aside, or a file of a part of it was begun."""
    node = _alone(make_cluster, before)
    # 3 seconds; it answers meanwhile.
    _directives(node, f"{after}key-load-delay 3000\nloading-process-events-interval-bytes 1024\n")
    node.start()
    eventually(lambda: "Loading RDB produced by" in node.log(), 5, "loads")
    node.kill()
    (node.root / "log").write_text("")
    node.start()
    eventually(lambda: "all data is loaded" in node.log(), 20, "switched")
    assert node.client().dbsize() == len(KEYS), "before that"
    if after == SNAPSHOTS:
        eventually(lambda: list((node.root / "data").glob("*.stale-*")), 10, "the append-only file set aside")
    else:
        eventually(lambda: _logs_all(node), 10, "its append-only file has everything")
    _directives(node, after)
    node.kill()
    node.start()
    eventually(node.joined, 20, "runs once more")
    assert node.client().dbsize() == len(KEYS)


def test_switching_is_tried_until_it_is_done(make_cluster: MakeCluster) -> None:
    """A disk that is full at the start is not full for ever."""
    node = _alone_with_a_snapshot(make_cluster)
    _directives(node, "appendonly yes\n")
    in_its_way = node.root / "data/appendonlydir"
    in_its_way.touch()
    node.start()
    eventually(lambda: "appendonly cannot be set to yes" in node.log(), 20, "says so")
    time.sleep(3)
    assert node.log().count("appendonly cannot be set to yes") == 1, "once, however often it is tried"
    in_its_way.unlink()
    eventually(lambda: "appendonly is yes now" in node.log(), 10, "switched")
    eventually(lambda: _logs_all(node), 10, "its append-only file has everything")
    assert node.client().dbsize() == len(KEYS)


def test_killed_before_the_append_only_file_is_there(make_cluster: MakeCluster) -> None:
    node = _alone_with_a_snapshot(make_cluster)
    # As left by a node that was killed while it loaded.
    _directives(node, "appendonly yes\n")
    node.start()
    eventually(lambda: node.role_now() != "", 5, "listens")
    node.kill()
    node.start()
    eventually(node.joined, 20, "runs again")
    eventually(lambda: _logs_all(node), 10, "its append-only file has everything")
    assert node.client().dbsize() == len(KEYS)


def test_an_append_only_file_that_was_not_finished_is_none(make_cluster: MakeCluster) -> None:
    node = _alone_with_a_snapshot(make_cluster)
    _directives(node, "appendonly yes\n")
    data = node.root / "data"
    (data / "appendonlydir").mkdir(exist_ok=True)
    (data / "temp-rewriteaof-57.aof").write_bytes(b"REDIS0010")
    manifest = data / "appendonlydir" / "temp-appendonly.aof.manifest"
    manifest.write_text("file appendonly.aof.1.base.rdb seq 1 type b\n")
    node.start()
    eventually(node.joined, 20, "runs again")
    assert node.client().dbsize() == len(KEYS)


def test_switching_the_append_only_file_off_and_on_keeps_what_is_newest(make_cluster: MakeCluster) -> None:
    """Redis by itself looks at the append-only file alone where it is on, and at the snapshot alone where it is off."""
    node = make_cluster(replicas=0, sentinel_count=0).data[0]
    node.start()
    eventually(node.joined, 20, "runs")
    node.client().mset(KEYS)
    for turn, (directives, wanted) in enumerate([(SNAPSHOTS, "no"), ("appendonly yes\n", "yes"), (SNAPSHOTS, "no")]):
        node.stop()
        _directives(node, directives)
        node.start()
        eventually(lambda: f"all data is loaded; appendonly is {wanted} now" in node.log(), 20, "switched")  # noqa: B023
        eventually(node.joined, 20, "runs again")
        assert node.setting("appendonly") == wanted
        assert node.client().dbsize() == len(KEYS) + turn
        node.client().set(f"later:{turn}", "1")
        eventually(lambda: wanted == "no" or _logs_all(node), 10, "its append-only file has everything")  # noqa: B023
        (node.root / "log").write_text("")
    node.stop()
    node.start()
    eventually(node.joined, 20, "runs once more")
    assert node.client().dbsize() == len(KEYS) + 3, "and what was set aside is not loaded again"
