"""Valkey in the place of Redis: a stack moves to it under load, and comes through a kill and a hand-over."""

import time
from collections.abc import Callable, Iterator

import pytest

from drills.faults.base import kill, revive
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack, StackCommandError, own_stack
from drills.target.waiting import until
from redis_ha.outputs import Node
from tests.deploy.support import NAME, fill, holds, longest, no_errors, nothing_lost, place, same_data, writing

REDIS, VALKEY = "redis:7-alpine", "valkey/valkey:8-alpine"
SETTINGS = {**place(1), "replicas": 2, "sentinels": 3, "downAfter": 1000, "baseImage": REDIS}


@pytest.fixture
def moving(stack: Stack) -> Iterator[Stack]:
    """A stack of its own on Redis 7.0, which writes a format that Valkey reads."""
    with own_stack(f"{NAME}-valkey", SETTINGS, stack.environment) as made:
        made.up()
        yield made


def _versions(cluster: Cluster) -> set[str]:
    """Of all nodes and Sentinels: Valkey's own, or that of Redis."""

    def version(node: Node) -> str:
        info = cluster.client(node).info("server")
        return str(info.get("valkey_version") or f"redis {info['redis_version']}").rpartition(".")[0]

    return {version(node) for node in (*cluster.nodes, *cluster.sentinels)}


def test_from_redis_to_valkey_and_through_failures(moving: Stack, figure: Callable[[str], None]) -> None:
    cluster = Cluster(moving.outputs())
    wait_healthy(cluster)
    assert _versions(cluster) == {"redis 7.0"}
    content = fill(cluster)
    gaps = []
    with writing(cluster) as load:
        since = time.time()
        moving.configure({"baseImage": VALKEY})
        moving.up()
        wait_healthy(cluster)
        load.settle()
        gaps.append(longest(load, since))
        assert _versions(cluster) == {"8.1"}

        since, before = time.time(), cluster.master()
        kill(cluster.container(before))
        until(lambda: cluster.master(30) != before, "a failover", 30)
        load.settle()
        gaps.append(longest(load, since))
        revive(cluster.container(before))
        wait_healthy(cluster)

        since, before = time.time(), cluster.master()
        cluster.container(before).stop(timeout=30)
        load.settle()
        assert cluster.master() != before
        gaps.append(longest(load, since))
        revive(cluster.container(before))
        wait_healthy(cluster)
    move, killed, stopped = (f"{gap * 1000:.0f}" for gap in gaps)
    figure(f"longest write gap: move to Valkey {move} ms, master killed {killed} ms, hand-over {stopped} ms")
    no_errors(load)
    same_data(cluster)
    nothing_lost(cluster, load)
    assert all(holds(cluster, node, content) for node in cluster.nodes)

    with moving.changed({"baseImage": REDIS}), pytest.raises(StackCommandError) as refused:
        moving.run("preview")
    assert f"baseImage: {REDIS}: has Redis 7.0, which cannot read the data" in refused.value.output
    assert "with Valkey 8.1" in refused.value.output
    assert _versions(cluster) == {"8.1"}


def test_redis_8_is_not_followed_by_valkey(cluster: Cluster, stack: Stack) -> None:
    with stack.changed({"baseImage": VALKEY}):
        for words in (("preview",), ("up", "--yes", "--skip-preview")):
            with pytest.raises(StackCommandError) as refused:
                stack.run(*words)
            assert "has Valkey 8.1, which cannot read the data" in refused.value.output
            assert "Valkey reads what Redis 7.2 and older write" in refused.value.output
    wait_healthy(cluster)
