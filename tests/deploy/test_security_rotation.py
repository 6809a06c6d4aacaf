"""A new password in two steps, with clients that write all the time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from drills.cluster import Cluster
from drills.health import wait_healthy
from drills.load import Load
from drills.outputs import Outputs
from drills.routes import ThroughSentinel
from drills.stack import Stack
from drills.timeline import Timeline
from redis_ha.plan.acl import internal_password
from tests.deploy.credentials import Credentials, answer, is_refused
from tests.deploy.support import longest, no_errors, nothing_lost, same_data, writing

NEW = "the-next-password-0123456789"


@contextmanager
def _writing(outputs: Outputs) -> Iterator[Load]:
    with Load(lambda: ThroughSentinel(outputs), 3, 100.0) as load:
        yield load


@pytest.fixture
def mended(stack: Stack) -> Iterator[None]:
    """Afterwards the password is the one that the other tests know."""
    kept = stack.config_file.read_bytes()
    yield
    stack.config_file.write_bytes(kept)
    stack.up()


def test_a_password_is_rotated_without_downtime(
    cluster: Cluster, stack: Stack, mended: None, timeline: Timeline, figure: Callable[[str], None]
) -> None:
    old = cluster.outputs
    since = time.time()
    with _writing(old) as before:
        # First step: the new password, and the old one beside it.
        stack.run("config", "set", "--secret", "redis-ha:previousPassword", stdin=f"{old.password}\n")
        stack.run("config", "set", "--secret", "redis-ha:password", stdin=f"{NEW}\n")
        stack.up()
        changed = stack.outputs()
        assert changed.password == NEW
        with _writing(changed) as after:
            before.settle()  # clients of both are at work, side by side
            before.stop()
            # Second step: the old one goes.
            stack.configure({"previousPassword": None})
            stack.up()
            after.settle()
    figure(f"longest write gaps {longest(before, since) * 1000:.0f} and {longest(after, since) * 1000:.0f} ms")
    whole = Cluster(changed)
    wait_healthy(whole)
    no_errors(before)
    no_errors(after)
    same_data(whole)
    nothing_lost(whole, before, after)
    assert not timeline.find("+odown", since), "a rotation needs no failure detection"
    for node in (*whole.nodes, *whole.sentinels):
        client = Credentials(str(old.password), "", "").login(node, "default")
        assert is_refused(answer(client, ("PING",))), f"{node.name} still takes the old password"


@pytest.fixture
def made_anew(stack: Stack) -> Iterator[None]:
    """Afterwards the stack is a new one with its old passwords: one roll-out cannot go back to a system password."""
    kept = stack.config_file.read_bytes()
    yield
    stack.destroy()
    stack.config_file.write_bytes(kept)
    stack.up()


def test_the_system_password_is_rotated_without_downtime(
    cluster: Cluster, stack: Stack, made_anew: None, timeline: Timeline, figure: Callable[[str], None]
) -> None:
    """The three steps of the README: known to all, used by all, the old one gone."""
    old = Credentials.of(stack, cluster).system

    def put(key: str, text: str) -> None:
        stack.run("config", "set", "--secret", f"redis-ha:{key}", stdin=f"{text}\n")

    since = time.time()
    with writing(cluster) as load:
        put("otherSystemPassword", NEW)
        stack.up()
        wait_healthy(cluster)
        put("systemPassword", NEW)
        put("otherSystemPassword", old)
        stack.up()
        wait_healthy(cluster)
        stack.configure({"otherSystemPassword": None})
        stack.up()
        wait_healthy(cluster)
        load.settle()
    figure(f"longest write gap {longest(load, since) * 1000:.0f} ms")
    no_errors(load)
    same_data(cluster)
    nothing_lost(cluster, load)
    assert not timeline.find("+odown", since), "a rotation needs no failure detection"
    password = str(cluster.outputs.password)
    for node in (*cluster.nodes, *cluster.sentinels):
        login = Credentials(password, "", internal_password(password, NEW)).login(node, "handover")
        assert answer(login, ("PING",)) == "PONG", node.name
        login = Credentials(password, "", internal_password(password, old)).login(node, "handover")
        assert is_refused(answer(login, ("PING",))), f"{node.name} still takes the old password"
