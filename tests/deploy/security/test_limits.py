"""Starved and misused: full memory, strangers that take up places, readers that do not read. Nodes of 128 MB each."""

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from redis.exceptions import OutOfMemoryError, RedisError

from drills.faults.base import kill, revive
from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack
from drills.target.waiting import until
from redis_ha.outputs import Address, Node
from tests.deploy.credentials import Credentials
from tests.deploy.support import longest, no_errors, nothing_lost, same_data, writing

MEMORY = 128 * 1024**2
VALUE = "x" * 10_000
EVICTED = 5000  # values, which is half of all that fits


@pytest.fixture(scope="module")
def _limited(stack: Stack) -> Iterator[None]:
    with stack.changed({"resources": {"memory": "128m"}}):
        stack.up()
        yield
    stack.up()


@pytest.fixture
def limited(_limited: None, cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with limited memory, emptied after the test; no test may cost a container."""
    yield cluster
    wait_healthy(cluster)
    for container in cluster.containers():
        assert container.attrs["RestartCount"] == 0, f"{container.name} has ended by itself"
        assert not container.attrs["State"]["OOMKilled"], f"{container.name} had too little memory"
    master = clients.direct(cluster.master().address, cluster.outputs.password, timeout=10)
    for keys in iter(lambda: list(master.scan_iter("fill:*", count=5000)), []):
        master.unlink(*keys)


def _info(cluster: Cluster, node: Node, field: str) -> int:
    return int(cluster.client(node).info()[field])


def _fill(cluster: Cluster, count: int = 8000, name: str = "fill") -> Any:
    """Writes up to `count` values until the master is full and refuses. Returns its client."""
    master = clients.direct(cluster.master().address, cluster.outputs.password, timeout=10)
    with pytest.raises(OutOfMemoryError):
        for start in range(0, count, 100):
            with master.pipeline(transaction=False) as pipeline:
                for i in range(start, start + 100):
                    pipeline.set(f"{name}:{i}", VALUE)
                pipeline.execute()
    return master


def test_a_full_memory_refuses_writes_and_fails_over(limited: Cluster, figure: Callable[[str], None]) -> None:
    master = _fill(limited)
    info = master.info("memory")
    assert MEMORY * 0.3 < info["maxmemory"] < MEMORY * 0.4
    assert info["maxmemory_policy"] == "noeviction"
    assert master.get("fill:0") == VALUE, "a full node answers reads"
    # Those are its own connection's writes: what no replica had yet would be missing at the successor.
    until(lambda: int(master.execute_command("WAIT", 2, 5000)) == 2, "all of it at both replicas", 30)
    keys = master.dbsize()
    before = limited.master()
    try:
        kill(limited.container(before))
        until(lambda: limited.master(30) != before, "a failover with full memory", 30)
        assert limited.client(limited.master()).dbsize() == keys
        # It has no buffers of replicas yet, so a little room is left: it is full as well before it refuses.
        _fill(limited, 2000, "fill:again")
    finally:
        revive(limited.container(before))
    # Comes back, and copies all of it, within the same limit.
    wait_healthy(limited)
    promoted = clients.direct(limited.master().address, limited.outputs.password, timeout=10)
    promoted.unlink(*(f"fill:{i}" for i in range(2000)))
    promoted.set("fill:at-last", VALUE)
    same_data(limited)
    peak = max(_info(limited, n, "used_memory_peak") for n in limited.nodes)
    figure(f"{keys} values of 10 kB in {MEMORY >> 20} MB, peak {peak >> 20} MB")


def _announced_other(cluster: Cluster, than: Node) -> bool:
    """Whether a Sentinel sends clients to another master. The nodes themselves may be too busy to answer quickly."""
    return any(cluster.announced(sentinel) not in (None, than.address) for sentinel in cluster.sentinels)


def test_a_policy_that_evicts_outlives_writes_as_fast_as_they_go(
    limited: Cluster, stack: Stack, figure: Callable[[str], None]
) -> None:
    """Replicas that cannot keep up copy everything anew, again and again; then the master dies in the middle of it."""
    who = Credentials.of(stack, limited)
    for node in limited.nodes:
        who.login(node, "handover").config_set("maxmemory-policy", "allkeys-lru")
    try:
        before, ending = limited.master(), threading.Event()
        written = [0] * 4

        def write(writer: int) -> None:
            while not ending.is_set():
                with suppress(RedisError, OSError), clients.master(limited.outputs, socket_timeout=10) as client:
                    while not ending.is_set():
                        with client.pipeline(transaction=False) as pipeline:
                            for i in range(written[writer], written[writer] + 100):
                                pipeline.set(f"fill:{writer}:{i}", VALUE)
                            pipeline.execute()
                        written[writer] += 100

        with ThreadPoolExecutor(len(written)) as pool:
            try:
                done = [pool.submit(write, writer) for writer in range(len(written))]
                asked = clients.direct(before.address, limited.outputs.password, timeout=10)
                until(lambda: int(asked.info("stats")["evicted_keys"]) >= EVICTED, "evictions", 90, 0.2)
                info = asked.info("stats")
                full, syncs = int(info["evicted_keys"]), int(info["sync_full"])
                kill(limited.container(before))
                until(lambda: _announced_other(limited, before), "a failover under full load", 60)
                written_before = sum(written)
                until(lambda: sum(written) > written_before, "writes at the new master", 30)
                revive(limited.container(before))
                written_before = sum(written)
                until(lambda: sum(written) > written_before + EVICTED, "writes beside the new copy", 90)
            finally:
                ending.set()
                revive(limited.container(before))
            for one in done:
                one.result()
        wait_healthy(limited, 60)
        figure(f"{sum(written) * len(VALUE) / 1e6:.0f} MB written, {full} keys evicted, {syncs} full copies")
    finally:
        for node in limited.nodes:
            who.login(node, "handover").config_set("maxmemory-policy", "noeviction")


def test_a_subscriber_that_does_not_read_is_let_go(limited: Cluster) -> None:
    """What it does not read would otherwise pile up until the node is killed."""
    master = limited.master()
    with clients.direct(master.address, limited.outputs.password).pubsub() as idle:
        idle.subscribe("news")
        idle.get_message(timeout=1)
        publisher = clients.direct(master.address, limited.outputs.password, timeout=10)
        for _ in range(600):
            publisher.publish("news", VALUE * 5)
        assert publisher.pubsub_numsub("news")[0][1] == 0, "it is still there"
    # By the limit of its own buffer, or by that of all clients together.
    counters = ("client_output_buffer_limit_disconnections", "evicted_clients")
    assert sum(_info(limited, master, counter) for counter in counters) >= 1


def _strangers(address: Address, count: int, ending: ExitStack) -> None:
    """Connections that say nothing."""
    for _ in range(count):
        ending.enter_context(socket.create_connection(address, timeout=5))


def _turned_away(cluster: Cluster, node: Node) -> int:
    """For want of a place, or of memory for all that are connected."""
    return sum(_info(cluster, node, counter) for counter in ("rejected_connections", "evicted_clients"))


def _crowded(cluster: Cluster, node: Node) -> bool:
    """Whether it is full of clients: so full, maybe, that there is no place for who asks."""
    try:
        return _info(cluster, node, "connected_clients") >= 100
    except RedisError:
        return True


def test_silent_strangers_keep_nobody_out(limited: Cluster, figure: Callable[[str], None]) -> None:
    """Thousands of connections that never log in, more than the master has places for, while clients write."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    master = limited.master()
    lookups = clients.sentinel(limited.outputs)
    with writing(limited) as load, ExitStack() as ending:
        since = time.time()
        before = _turned_away(limited, master)
        _strangers(master.address, 2000, ending)
        for sentinel in limited.sentinels:
            _strangers(sentinel.address, 1000, ending)
        assert lookups.discover_master(limited.outputs.master_name) == master.address
        load.settle()

        def gets_in() -> bool:
            try:
                return bool(clients.direct(master.address, limited.outputs.password).ping())
            except RedisError:
                return False

        until(gets_in, "a place for a new client", 40)
        figure(f"a new client gets in {time.time() - since:.0f} s after 2000 strangers")
        load.settle()

        def crowded() -> list[str]:
            return [node.name for node in (master, *limited.sentinels) if _crowded(limited, node)]

        until(lambda: not crowded(), "all to be rid of the strangers", 40, because=lambda: str(crowded()))
        assert _turned_away(limited, master) > before, "there was room for all"
        assert limited.master() == master, "strangers have caused a failover"
    # A client that has to connect again meanwhile waits for a place.
    assert longest(load, since) < 8
    no_errors(load)
    nothing_lost(limited, load)
