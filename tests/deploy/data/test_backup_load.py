"""A backup of much data is hardly felt by those who write meanwhile."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from drills.figures import percentile
from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.stack import Stack
from drills.target.waiting import until
from tests.deploy.data.backups import batched, done
from tests.deploy.support import same_data

MEGABYTES = int(os.environ.get("REDIS_HA_BACKUP_MB", "200"))
WRITERS, PERIOD_S = 4, 0.005
SETTLED_S, PATIENCE_S = 8.0, 60.0
TRIES = 5
Written = list[tuple[float, float]]
"""Of each write: when it was acknowledged (seconds since 1970), and how long that took (seconds)."""


@contextmanager
def filled(cluster: Cluster) -> Iterator[None]:
    """That many keys of 1,000 bytes that do not compress, on all nodes; gone afterwards."""
    keys = [f"much:{i}" for i in range(MEGABYTES * 1000)]
    with clients.master(cluster.outputs, socket_timeout=PATIENCE_S) as client:
        for some in batched(iter(keys), 200):
            client.mset({key: os.urandom(1000) for key in some})
            client.execute_command("WAIT", len(cluster.nodes) - 1, 30_000)
        try:
            yield
        finally:
            for some in batched(iter(keys), 1000):
                client.unlink(*some)


@contextmanager
def measured(cluster: Cluster) -> Iterator[Written]:
    """Writers at a steady rate, on connections of their own, each as long as the node needs."""
    found: Written = []
    ended = threading.Event()

    def write(number: int) -> None:
        with clients.master(cluster.outputs, socket_timeout=PATIENCE_S) as client:
            due = time.monotonic()
            while not ended.is_set():
                began = time.monotonic()
                client.set(f"measured:{number}", began)
                found.append((time.time(), time.monotonic() - began))
                due = max(due + PERIOD_S, time.monotonic())
                ended.wait(due - time.monotonic())

    threads = [threading.Thread(target=write, args=(number,), daemon=True) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        ended.set()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)


def _idle(cluster: Cluster) -> bool:
    """Whether no node rewrites its append-only file, or saves."""
    infos = [cluster.client(node).info("persistence") for node in cluster.nodes]
    return not any(info["aof_rewrite_in_progress"] or info["rdb_bgsave_in_progress"] for info in infos)


def p99(written: Written, *spans: tuple[float, float]) -> float:
    """Of the writes that were acknowledged in one of the spans, in seconds."""
    return percentile([took for at, took in written if any(a <= at < b for a, b in spans)], 0.99)


def test_writers_hardly_feel_a_backup(backed_up: Cluster, stack: Stack, figure: Callable[[str], None]) -> None:
    """At most twice their p99 without one. What else the machine does can only add: so the best of some counts."""
    cluster = backed_up
    with filled(cluster):
        same_data(cluster, 60)
        for _ in range(TRIES):
            without, during = _compared(cluster, stack, figure)
            if during <= 2 * without:
                return
    pytest.fail(f"writers' p99 is {during / without:.1f} times that without a backup")


def _compared(cluster: Cluster, stack: Stack, figure: Callable[[str], None]) -> tuple[float, float]:
    """The writers' p99 without a backup, just before it and after it, and during it; in seconds."""
    until(lambda: _idle(cluster), "all that has been written to be on the disks, and nothing to be rewritten", 120)
    os.sync()
    with measured(cluster) as written:
        until(lambda: len(written) > 100, "writes", 20)
        start = time.time()
        time.sleep(SETTLED_S)
        began = time.time()
        done(stack, "now")
        ended = time.time()
        time.sleep(SETTLED_S)
        end = time.time()
    without, during = p99(written, (start, began), (ended, end)), p99(written, (began, ended))
    figure(
        f"{MEGABYTES} MB in {ended - began:.1f} s under {WRITERS} writers: p99 {without * 1000:.1f} ms without, "
        f"{during * 1000:.1f} ms during it"
    )
    return without, during
