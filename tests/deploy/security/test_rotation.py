"""`make rotate` with clients that write all the time, and broken off on its way.

The application's password last: its test leaves one in the stack file.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from drills.target.cluster import Cluster
from drills.target.errors import DrillError
from drills.target.health import wait_healthy
from drills.target.stack import PROJECT, Stack
from drills.target.waiting import until
from drills.watch.load import Load
from drills.watch.routes import ThroughSentinel
from drills.watch.timeline import Timeline
from redis_ha.outputs import Outputs
from redis_ha.plan.acl import internal_password
from redis_ha.settings import generated
from tests.deploy.credentials import Credentials, answer, is_refused
from tests.deploy.support import longest, no_errors, nothing_lost, same_data, started_at, writing


@contextmanager
def _writing(outputs: Outputs) -> Iterator[Load]:
    with Load(lambda: ThroughSentinel(outputs), 3, 100.0) as load:
        yield load


@contextmanager
def _rotating(stack: Stack, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """`make rotate`, in a process group of its own; what it says on both streams."""
    command = [sys.executable, "-m", "ops.rotate", *words, "--stack", stack.name]
    environment = {**os.environ, **stack.environment, "REDIS_HA_GENERATE_PASSWORD": "1"}
    with subprocess.Popen(
        command,
        cwd=stack.project_dir,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)


def _rotate(stack: Stack, *words: str) -> str:
    """What it says, from its beginning to its end."""
    with _rotating(stack, *words) as running:
        said, _ = running.communicate()
    assert running.returncode == 0, said
    return said


def _says(running: "subprocess.Popen[str]", text: str) -> None:
    """Waits for a line that begins so."""
    assert running.stdout
    said = []
    for line in running.stdout:
        said.append(line)
        if line.startswith(text):
            return
    pytest.fail(f"it has ended without {text!r}: {''.join(said)}")


def _changed(cluster: Cluster, were: dict[str, tuple[str, str]]) -> bool:
    """Whether a data node is another than before; not while one goes that has just been listed."""
    with suppress(DrillError):
        return started_at(cluster, "redis") != were
    return False


@pytest.fixture(scope="module")
def made_anew(stack: Stack) -> Iterator[None]:
    """Afterwards the stack is a new one with its old passwords: one roll-out cannot go back to them."""
    kept, made = stack.config_file.read_bytes(), generated.read(PROJECT, stack.name)
    yield
    stack.destroy()
    stack.config_file.write_bytes(kept)
    now = generated.read(PROJECT, stack.name)
    generated.store(PROJECT, stack.name, {**dict.fromkeys(now), **made})
    stack.up()


def test_another_users_passwords_are_refused_before_anything_is_changed(cluster: Cluster, stack: Stack) -> None:
    """Such as those of root, who has none of this stack yet: `sudo make up` after `make up`."""
    before = started_at(cluster, "redis")
    with stack.changed({"systemPassword": "another-users"}):
        with pytest.raises(DrillError, match=r"systemPassword: .* knows another one"):
            stack.up()
        with pytest.raises(DrillError, match=r"systemPassword: .* knows another one"):
            stack.run("preview")
    assert started_at(cluster, "redis") == before


def test_the_system_password_is_rotated_though_it_stops_between_two_steps(
    cluster: Cluster, stack: Stack, made_anew: None, timeline: Timeline, figure: Callable[[str], None]
) -> None:
    """Known to all, used by all, the old one gone."""
    old = Credentials.of(stack, cluster).system
    since = time.time()
    with writing(cluster) as load:
        with _rotating(stack, "system") as running:
            _says(running, "step 2 of 3")
            os.killpg(running.pid, signal.SIGTERM)
        said = _rotate(stack, "system")
        assert "step 3 of 3" in said
        load.settle()
    figure(f"longest write gap {longest(load, since) * 1000:.0f} ms")
    no_errors(load)
    wait_healthy(cluster)
    same_data(cluster)
    nothing_lost(cluster, load)
    assert not timeline.find("+odown", since), "a rotation needs no failure detection"
    left = generated.read(PROJECT, stack.name)
    assert left.keys() == {"password", "systemPassword"}
    new = left["systemPassword"]
    assert new != old
    password = str(cluster.outputs.password)
    for node in (*cluster.nodes, *cluster.sentinels):
        login = Credentials(password, "", internal_password(password, new)).login(node, "handover")
        assert answer(login, ("PING",)) == "PONG", node.name
        login = Credentials(password, "", internal_password(password, old)).login(node, "handover")
        assert is_refused(answer(login, ("PING",))), f"{node.name} still takes the old password"


def test_a_password_of_the_stack_file_is_rotated_though_the_roll_out_is_killed(
    cluster: Cluster, stack: Stack, made_anew: None, timeline: Timeline, figure: Callable[[str], None]
) -> None:
    old = cluster.outputs
    for key, secret in generated.read(PROJECT, stack.name).items():
        stack.run("config", "set", "--secret", f"redis-ha:{key}", stdin=f"{secret}\n")
    since = time.time()
    with _writing(old) as before:
        were = started_at(cluster, "redis")
        with _rotating(stack, "password") as running:
            _says(running, "step 1 of 2")
            until(lambda: _changed(cluster, were), "the first node to be replaced", 120)
            # Pulumi, when it is killed, leaves its lock, and does not know what it was making: docs/engines.md.
            real = stack.environment["REDIS_HA_ENGINE"] == "pulumi"
            os.killpg(running.pid, signal.SIGINT if real else signal.SIGKILL)
            running.communicate()
        assert "Give the clients the new one" in _rotate(stack, "password")
        changed = stack.outputs()
        assert changed.password not in (None, old.password)
        with _writing(changed) as after:
            before.settle()  # clients of both are at work, side by side
            before.stop()
            gap = longest(before, since)
            said = _rotate(stack, "password", "--finish")
            assert "rotated: password" in said
            after.settle()
    figure(f"longest write gaps {gap * 1000:.0f} and {longest(after, since) * 1000:.0f} ms")
    whole = Cluster(changed)
    wait_healthy(whole)
    no_errors(before)
    no_errors(after)
    same_data(whole)
    nothing_lost(whole, before, after)
    assert not timeline.find("+odown", since), "a rotation needs no failure detection"
    text = stack.config_file.read_text()
    assert "previousPassword" not in text
    assert "rotate" not in text
    assert str(changed.password) not in text
    for node in (*whole.nodes, *whole.sentinels):
        client = Credentials(str(old.password), "", "").login(node, "default")
        assert is_refused(answer(client, ("PING",))), f"{node.name} still takes the old password"
