"""What several tests of backup, restore and import do."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from typing import Any

from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import PROJECT_DIR, Stack
from redis_ha.outputs import Node

SECRET = "what-encrypts-the-backups"
READ: dict[str, tuple[Any, ...]] = {
    "hash": ("hgetall",),
    "set": ("smembers",),
    "list": ("lrange", 0, -1),
    "zset": ("zrange", 0, -1, False, True),
    "stream": ("xrange",),
}
# Of some keys: the kind, the end, and what a string holds, which most of them are. JSON is parsed in one step; for an
# answer of many words redis-py takes one for each.
LOOK = """
local found = redis.call('scan', ARGV[1], 'count', 1000)
local seen = {}
for i, key in ipairs(found[2]) do
    local kind = redis.call('type', key).ok
    seen[i] = {key, kind, redis.call('expiretime', key), kind == 'string' and redis.call('get', key)}
end
return cjson.encode({found[1], seen})
"""


@contextmanager
def with_backup(cluster: Cluster, stack: Stack, **more: Any) -> Iterator[None]:
    """The stack with a backup; without one, and without its volume, which remembers what has failed, afterwards."""
    try:
        with stack.changed({"backup": {"password": SECRET, **more}}):
            stack.up()
            yield
    finally:
        stack.up()
        cluster.docker.volumes.get(f"redis-ha-{stack.name}-backup").remove()
        wait_healthy(cluster)


def ops(stack: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops.backup", *words, "--stack", stack.name],
        cwd=PROJECT_DIR,
        env={**os.environ, **stack.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def done(stack: Stack, *words: str) -> str:
    ended = ops(stack, *words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def kept_before(stack: Stack) -> set[str]:
    """The snapshots of what the stack had before a restore or an import, by id."""
    return {line.split()[0] for line in done(stack, "list").splitlines() if line.endswith("before a restore")}


def at(cluster: Cluster, node: Node, database: int) -> Any:
    return clients.direct(node.address, cluster.outputs.password, tls=cluster.outputs.tls, db=database)


def empty(cluster: Cluster) -> None:
    """Drop all keys and functions, key by key: the application may not use FLUSHALL."""
    for database in range(16):
        with at(cluster, cluster.master(), database) as client:
            if keys := list(client.scan_iter(count=1000)):
                client.unlink(*keys)
    with at(cluster, cluster.master(), 0) as client:
        for library in client.function_list():
            client.function_delete(dict(zip(library[::2], library[1::2], strict=True))["library_name"])


def contents(connect: Callable[[int], AbstractContextManager[Any]], databases: Iterable[int]) -> Mapping[Any, Any]:
    """Each key's content and end, by database and key, and a stream's groups. One whose end comes now is left out."""
    found: dict[tuple[int, str], Any] = {}
    for database in databases:
        with connect(database) as client:
            for seen in _looks(client):
                kept = [one for one in seen if one[1] != "none"]
                values = iter(answers(client, ((key, *READ[kind]) for key, kind, _, _ in kept if kind != "string")))
                for key, kind, end, string in kept:
                    content = string if kind == "string" else next(values)
                    groups = client.xinfo_groups(key) if kind == "stream" else []
                    pending = [(one["name"], one["last-delivered-id"], one["pending"]) for one in groups]
                    found[database, key] = (kind, sorted(content) if kind == "set" else content, end, pending)
    return found


def _looks(client: Any) -> Iterator[list[tuple[str, str, int, Any]]]:
    """Key, kind, end and string of all, some at a time."""
    cursor = "0"
    while True:
        # Read-only: a replica, and a source whose writes are paused, answer it too.
        cursor, seen = json.loads(client.eval_ro(LOOK, 0, cursor))
        yield list(seen)
        if cursor == "0":
            return


def batched(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    """Lists of up to `size` of them."""
    left = iter(keys)
    while batch := list(islice(left, size)):
        yield batch


def answers(client: Any, questions: Iterable[tuple[Any, ...]]) -> list[Any]:
    """The answers of each (key, command, further arguments), in one round trip."""
    with client.pipeline(transaction=False) as pipeline:
        for key, command, *more in questions:
            getattr(pipeline, command)(key, *more)
        found: list[Any] = pipeline.execute()
    return found
