"""What several tests of backup, restore and import do."""

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
    "string": ("get",),
    "hash": ("hgetall",),
    "set": ("smembers",),
    "list": ("lrange", 0, -1),
    "zset": ("zrange", 0, -1, False, True),
    "stream": ("xrange",),
}


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
            for keys in batched(client.scan_iter(count=1000), 1000):
                kinds = answers(client, ((key, "type") for key in keys))
                kept = [(key, kind) for key, kind in zip(keys, kinds, strict=True) if kind != "none"]
                ends = answers(client, ((key, "expiretime") for key, _ in kept))
                values = answers(client, ((key, *READ[kind]) for key, kind in kept))
                for (key, kind), content, end in zip(kept, values, ends, strict=True):
                    groups = client.xinfo_groups(key) if kind == "stream" else []
                    pending = [(one["name"], one["last-delivered-id"], one["pending"]) for one in groups]
                    found[database, key] = (kind, sorted(content) if kind == "set" else content, end, pending)
    return found


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
