"""An import, or a restore, that is stopped or breaks off: what the stack has then, and that it can be done again."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import docker

from drills.faults.base import kill, revive
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import PROJECT_DIR, Stack
from drills.target.waiting import until
from redis_ha.outputs import Node
from tests.deploy.data import backups
from tests.deploy.data.backups import at
from tests.deploy.data.imports import done, ended, starting
from tests.deploy.data.sources import Outside, running

REDIS, DEBUG = "redis:8-alpine", ("--enable-debug-command", "yes")
# Keys: of what is stopped, which takes a second to get there; of what breaks off; and of what is done again.
MANY, SOME, FEW = 500_000, 150_000, 10
# Held by a command of the backup's container while it works: another one waits for its turn.
HOLDING = """
import fcntl, os, time
with open("/data/lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    while not os.path.exists("/data/go-on"):
        time.sleep(0.05)
os.unlink("/data/go-on")
"""


def held(cluster: Cluster, node: Node) -> dict[str, int]:
    """How many keys a node has in each database that has any."""
    with at(cluster, node, 0) as client:
        return {name: one["keys"] for name, one in client.info("keyspace").items()}


def copying(source: Outside, stack: Stack, keys: int, *words: str) -> "subprocess.Popen[str]":
    """An import that has begun to copy."""
    with source.client() as client:
        client.execute_command("DEBUG", "POPULATE", keys, "key", 10)
    process = starting(stack, *words)
    assert process.stdout
    # Copying begins then; where it takes less than two seconds, nothing is said of it before its end.
    last = "is kept as snapshot" if words else "in step"
    assert any(last in line for line in process.stdout)
    return process


def again(source: Outside, stack: Stack, *words: str) -> str:
    with source.client() as client:
        client.flushall()
        client.execute_command("DEBUG", "POPULATE", FEW, "key", 10)
    return done(stack, "--hold", "0", *words)


@contextmanager
def busy(container: Any) -> Iterator[None]:
    """The backup's container, at some other command."""
    _, said = container.exec_run(["python3", "-I", "-S", "-c", HOLDING], stream=True)
    assert next(said) == b"held\n"
    try:
        yield
    finally:
        container.exec_run(["touch", "/data/go-on"])
        assert not list(said)


def commands(container: Any) -> list[str]:
    """What somebody has asked for that is still under way there."""
    found = [one[-1] for one in container.top()["Processes"]]
    return [one for one in found if "backup.main" in one and not one.endswith(("serve", "health"))]


def test_what_waits_for_its_turn_does_not_begin_once_it_is_stopped(emptied: Cluster, stack: Stack) -> None:
    def restore() -> "subprocess.Popen[str]":
        words = [sys.executable, "-m", "ops.backup", "restore", "--from", "latest", "--stack", stack.name]
        return subprocess.Popen(words, cwd=PROJECT_DIR, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    container = emptied.docker.containers.get(f"redis-ha-{stack.name}-backup")
    with running(emptied, REDIS) as source, busy(container):
        with source.client() as client:
            client.set("a key", 1)
        for start, by in ((partial(starting, stack), signal.SIGTERM), (restore, signal.SIGINT)):
            process = start()
            until(lambda: commands(container), "the command to wait for its turn", 20)
            process.send_signal(by)
            code, said = ended(process)
            assert code == 130, said
            assert not commands(container), said
        # Whose command here is gone goes on there.
        process = starting(stack)
        until(lambda: commands(container), "the command to wait for its turn", 20)
        process.kill()
        ended(process)
        assert commands(container)
        container.exec_run(["redis-ha-backup", "stop", "import"])
        until(lambda: not commands(container), "it to end", 5)


def test_it_is_stopped_and_done_again(emptied: Cluster, stack: Stack) -> None:
    with running(emptied, REDIS, *DEBUG) as source:
        process = copying(source, stack, MANY)
        process.send_signal(signal.SIGINT)
        code, said = ended(process)
        assert code == 130
        assert "error: nothing has changed: stopped" in said
        # It has the last word, so this holds at once.
        assert not held(emptied, emptied.master())
        with source.client() as client:
            began = time.monotonic()
            client.set("after", "is not held back")
            assert time.monotonic() - began < 5
        again(source, stack)
        assert held(emptied, emptied.master()) == {"db0": FEW}


def test_it_breaks_off_with_data_in_the_stack_and_is_done_again(emptied: Cluster, stack: Stack) -> None:
    """First the source goes, after the stack's data has been dropped for it; then the stack's own master."""
    earlier = backups.kept_before(stack)
    with at(emptied, emptied.master(), 0) as client:
        client.set("of the stack", 1)
    with running(emptied, REDIS, *DEBUG) as source:
        process = copying(source, stack, SOME, "--empty-first")
        docker.from_env().containers.get(source.name).kill()
        code, said = ended(process)
        assert code == 1, said
        assert "error: what the stack had has been dropped, and is kept as a snapshot: the source" in said
        assert not held(emptied, emptied.master())
    (kept,) = backups.kept_before(stack) - earlier
    backups.done(stack, "restore", "--from", kept)
    with at(emptied, emptied.master(), 0) as client:
        assert client.get("of the stack") == "1"

    with running(emptied, REDIS, *DEBUG) as source:
        process = copying(source, stack, SOME, "--replace")
        before = emptied.master()
        until(lambda: len(held(emptied, before)) > 1, "some keys that have been copied", 20)
        kill(emptied.container(before))
        code, said = ended(process)
        assert code == 1, said
        assert "error: nothing has changed: " in said
        after = emptied.master()
        assert after != before
        assert held(emptied, after) == {"db0": 1}
        revive(emptied.container(before))
        wait_healthy(emptied)
        assert "on 2 of 2 replicas" in again(source, stack, "--empty-first")
        assert held(emptied, emptied.master()) == {"db0": FEW}
