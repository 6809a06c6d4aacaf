"""A damaged append-only file: a node that can copy sets it aside, and one that cannot never starts empty."""

import os
import signal
from pathlib import Path

import pytest

from tests.agent.harness.cluster import Cluster
from tests.agent.harness.node import Node, eventually, stays
from tests.agent.processes.conftest import MakeCluster

KEYS = {f"kept:{number}": str(number) for number in range(300)}
DAMAGED = "the append-only file is damaged; waiting for another node to copy from"


def newest_file(node: Node) -> Path:
    (found,) = (node.root / "data/appendonlydir").glob("*.incr.aof")
    return found


def damage(node: Node) -> None:
    """As a power loss leaves it: the file's length is on the disk, its content is not."""
    with newest_file(node).open("ab") as file:
        file.write(bytes(4096))


@pytest.mark.parametrize("whose", ["master", "replica"])
def test_it_is_set_aside_by_a_node_that_can_copy(formed: Cluster, whose: str) -> None:
    formed.master().client().mset(KEYS)
    formed.copied()
    node = formed.data[0] if whose == "master" else formed.data[1]
    node.kill()
    damage(node)
    node.start()
    eventually(lambda: DAMAGED in node.log(), 20, "says it")
    formed.wait_joined(seconds=40)
    assert node.follows(formed.master().port)
    assert node.client().mget(list(KEYS)) == list(KEYS.values())
    assert list((node.root / "data").glob("appendonlydir.damaged-*")), "kept, for whoever wants to look at it"
    node.kill()
    node.start()
    formed.wait_joined([node], seconds=40)
    assert node.client().dbsize() == len(KEYS), "what was set aside is not loaded at a later start"


def test_it_is_never_set_aside_by_a_node_that_cannot_copy(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(replicas=0)
    cluster.form()
    (node,) = cluster.data
    node.client().mset(KEYS)
    node.kill()
    damage(node)
    before = newest_file(node).read_bytes()
    node.start()
    eventually(lambda: node.health() == (1, DAMAGED), 20, "says what it waits for")
    stays(lambda: not node.role_now(), 2, "no server runs")
    assert newest_file(node).read_bytes() == before
    assert node.process is not None and node.process.poll() is None, "it does not restart for ever"
    assert node.stop(seconds=3) == 1


def test_all_damaged_at_once(formed: Cluster) -> None:
    """Nobody serves whom one could copy from: nothing is thrown away."""
    formed.master().client().mset(KEYS)
    formed.copied()
    for node in formed.data:
        node.kill()
        damage(node)
    for node in formed.data:
        node.start()
    for node in formed.data:
        eventually(lambda: node.why() == DAMAGED, 20, f"{node.name} says what it waits for")  # noqa: B023
    assert not any(list((node.root / "data").glob("*.damaged-*")) for node in formed.data)


def with_a_tail(cluster: Cluster) -> Node:
    """The only node of a cluster, which has KEYS and then one key more."""
    cluster.form()
    (node,) = cluster.data
    node.client().mset(KEYS)
    node.client().set("last", "x" * 100)
    # While an earlier fsync waits for a busy disk, what comes after is answered before it is written.
    eventually(lambda: b"last" in newest_file(node).read_bytes(), 5, "all of it is written")
    return node


def truncate(node: Node) -> None:
    content = newest_file(node).read_bytes()
    newest_file(node).write_bytes(content[:-20])


def test_a_truncated_tail_simply_loads(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(replicas=0)
    node = with_a_tail(cluster)
    node.kill()
    truncate(node)
    node.start()
    cluster.wait_joined()
    assert node.client().mget(list(KEYS)) == list(KEYS.values())


def test_a_server_that_is_killed_as_it_writes_is_no_damage(make_cluster: MakeCluster) -> None:
    """Its checker calls a file that is cut off damaged, and the server loads it: it is simply to start again."""
    cluster = make_cluster(replicas=0)
    node = with_a_tail(cluster)
    os.kill(node.agent_pid(), signal.SIGSTOP)
    node.kill_server()
    truncate(node)
    os.kill(node.agent_pid(), signal.SIGCONT)
    assert node.ended(seconds=10) == 137
    node.start()
    cluster.wait_joined()
    assert node.client().mget(list(KEYS)) == list(KEYS.values())
    assert DAMAGED not in node.log()


def test_a_server_that_is_killed_as_it_loads_is_no_damage(make_cluster: MakeCluster) -> None:
    """By the kernel, for its memory, once more: the file may be cut off since the first time."""
    node = with_a_tail(make_cluster(replicas=0, directives="key-load-delay 10000\n"))  # 10 ms for each command
    for key, value in KEYS.items():
        node.client().set(key, value)
    node.kill()
    truncate(node)
    (node.root / "log").write_text("")
    node.start()
    eventually(lambda: "Reading RDB base file on AOF loading" in node.log(), 20, "loads")
    (server,) = (pid for pid in node.pids() if pid != node.agent_pid())
    os.kill(server, signal.SIGKILL)
    assert node.ended(seconds=10) == 137
    assert DAMAGED not in node.log()
