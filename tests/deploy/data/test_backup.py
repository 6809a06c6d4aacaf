"""A snapshot under load, and a stack brought back to it, key by key; what is damaged changes nothing."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import PROJECT, Stack
from drills.target.waiting import until
from redis_ha.outputs import Node
from redis_ha.plan.acl import backup_password
from redis_ha.settings import generated
from tests.deploy.data.backups import at, contents, done, empty, kept_before, ops
from tests.deploy.looks import look
from tests.deploy.support import writing


def everything(cluster: Cluster, node: Node) -> Mapping[tuple[int, str], Any]:
    """Each key's content and end, of the databases that the tests use."""
    return contents(partial(at, cluster, node), (0, 3))


def same(cluster: Cluster, node: Node, content: Mapping[tuple[int, str], Any]) -> bool:
    return everything(cluster, node) == content


def snapshot_file(cluster: Cluster, stack: Stack) -> bytes:
    """One that an operator has from elsewhere: taken by hand."""
    given = generated.read(PROJECT, stack.name)
    password = backup_password(given["password"], given["systemPassword"])
    node = cluster.replicas()[0]
    file = "/run/redis-ha/snapshot"
    line = f"redis-cli --user backup --no-auth-warning -p {node.port} --rdb {file} >&2 && cat {file}; rm {file}"
    made = cluster.container(node).exec_run(["sh", "-c", line], environment={"REDISCLI_AUTH": password}, stderr=False)
    assert isinstance(made.output, bytes)
    return made.output


def test_a_stack_is_brought_back(backed_up: Cluster, stack: Stack, tmp_path: Path) -> None:
    cluster = backed_up
    with writing(cluster) as load:
        load.settle(100)
        before = load.acknowledged
        done(stack, "now")
        load.settle(100)
    assert before > 0
    master = cluster.master()
    with at(cluster, master, 0) as client:
        client.hset("a hash", mapping={f"field {i}": i for i in range(1000)})
        client.zadd("a sorted set", {f"member {i}": i / 3 for i in range(300)})
        client.rpush("a list", *range(500))
        client.sadd("a set", *range(700))
        client.xadd("a stream", {"field": "value"})
        client.set("binary", "x" * 3_000_000)
        client.set("with an end", "value", ex=3600)
    with at(cluster, master, 3) as client:
        client.mset({f"other {i}": i for i in range(100)})
        client.execute_command("WAIT", 2, 5000)
    kept = everything(cluster, master)
    name = done(stack, "now").split()[1].rstrip(":")
    assert name in done(stack, "list")
    with at(cluster, master, 0) as client:
        client.delete("a hash", "a list")
        client.set("binary", "another")
        client.mset({f"later {i}": i for i in range(100)})
    with at(cluster, master, 5) as client:
        client.set("in a database that the snapshot does not have", 1)
    now = everything(cluster, master)

    whole = snapshot_file(cluster, stack)
    middle = len(whole) // 2
    damaged = {
        "damaged": whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
        "cut short": whole[:-20],
        "of a newer format": whole.replace(whole[:9], whole[:5] + b"9999", 1),
        "no snapshot": b"something else",
    }
    for what, content in damaged.items():
        file = tmp_path / "given.rdb"
        file.write_bytes(content)
        refused = ops(stack, "restore", "--from", str(file))
        assert refused.returncode == 1, what
        assert "error: " in refused.stdout, what
    assert everything(cluster, master) == now

    said = done(stack, "restore", "--from", name)
    assert "lost will be: all " in said
    assert f"on {cluster.master().name} and 2 of 2 replicas" in said
    for node in cluster.nodes:
        until(partial(same, cluster, node, kept), f"the snapshot's data on {node.name}", 20)
        with at(cluster, node, 5) as client:
            assert client.dbsize() == 0
    assert cluster.master() == master
    wait_healthy(cluster)
    # What was there before is a snapshot, too.
    done(stack, "restore", "--from", said.split("kept as snapshot ")[1].split()[0])
    assert everything(cluster, master) == now
    until(lambda: look(stack).code == 0, "a healthy stack", 30, because=lambda: str(look(stack).document["verdict"]))


def test_fields_that_end_vectors_and_what_was_there_before(emptied: Cluster, stack: Stack) -> None:
    """A hash whose fields have ended since the snapshot is gone; a vector set is dumped in another order each time."""
    cluster, earlier = emptied, kept_before(stack)
    with at(cluster, cluster.master(), 0) as client:
        for number in range(20):
            client.execute_command("VADD", "vectors", "VALUES", 3, number, 1, 2, f"element {number}")
        client.function_load("#!lua name=kept\nredis.register_function('kept', function() return 1 end)")
        for lives in (8000, 32000):  # milliseconds; long enough for the snapshot, on a busy machine too
            client.hset("ends", mapping={"field": 1})
            client.execute_command("HPEXPIRE", "ends", lives, "FIELDS", 1, "field")
            client.execute_command("WAIT", 2, 5000)
            done(stack, "now")
            if client.exists("ends"):
                break
        until(lambda: not client.exists("ends"), "the field to end", 60)
    empty(cluster)
    with at(cluster, cluster.master(), 0) as client:
        client.set("damaged", 1)
    for _ in range(2):  # the second time it is not what was there before the first that is the latest
        said = done(stack, "restore", "--from", "latest")
        assert "restored: 2 keys" in said
        with at(cluster, cluster.master(), 0) as client:
            until(lambda client=client: client.dbsize() == 1, "one key", 10)  # type: ignore[misc]
            assert client.execute_command("VCARD", "vectors") == 20
            assert client.fcall("kept", 0) == 1
    assert kept_before(stack) - earlier
