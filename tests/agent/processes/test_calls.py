"""What process 1 does when it is called wrongly: one clear message and its own exit code."""

import subprocess
from pathlib import Path

import pytest

from tests.agent.harness.cluster import Cluster
from tests.agent.harness.node import PATIENCE, Node, eventually
from tests.agent.processes.conftest import MakeCluster


def refused(node: Node, *, role: str | None = None, **env: str) -> tuple[int, str]:
    """Exit code and output of a start that must fail."""
    if role is not None:
        node.role = role
    node.start(**env)
    assert node.process
    try:
        code = node.process.wait(5 * PATIENCE)
    except subprocess.TimeoutExpired:
        pytest.fail(f"{node.name} has started")
    return code, node.log()


@pytest.fixture
def idle(make_cluster: MakeCluster) -> Cluster:
    return make_cluster(replicas=1, sentinel_count=1)


def test_unknown_role(idle: Cluster) -> None:
    code, log = refused(idle.data[0], role="boss")
    assert code == 64
    assert log == "redis-ha: unknown role 'boss': master, replica (or slave) and sentinel are known\n"


@pytest.mark.parametrize(
    ("role", "name", "value"),
    [("master", "redis_port", ""), ("replica", "master_port", "six"), ("sentinel", "sentinel_port", "63 79")],
)
def test_a_port_is_a_number(idle: Cluster, role: str, name: str, value: str) -> None:
    code, log = refused(idle.data[0], role=role, **({"redis_port": "7000", "master_port": "7000"} | {name: value}))
    assert code == 78
    assert log == f"redis-ha: {name} must be a number, but is '{value}'\n"


def test_template_with_an_unknown_variable(idle: Cluster) -> None:
    node = idle.data[0]
    template = node.root / "etc/redis.conf"
    template.write_text(template.read_text() + "maxmemory $memory\n")
    code, log = refused(node)
    assert code == 78
    lines = len(template.read_text().splitlines())
    assert log.splitlines() == [f"redis-ha: {template}, line {lines}: nothing is known as $memory"]
    assert not (node.root / "data/redis.conf").exists()


def test_template_is_missing(idle: Cluster) -> None:
    (idle.data[0].root / "etc/redis.conf").unlink()
    code, log = refused(idle.data[0])
    assert code == 78
    assert "redis.conf" in log


def test_directive_that_redis_does_not_know(idle: Cluster) -> None:
    node = idle.data[0]
    node.say_first_start()
    (node.root / "etc/node/directives.conf").write_text("no-such-directive 1\n")
    code, log = refused(node)
    assert code != 0
    assert "no-such-directive" in log


def test_slave_is_the_old_word_for_replica(idle: Cluster) -> None:
    node = idle.data[1]
    node.role = "slave"
    node.start()
    eventually(lambda: node.role_now() == "slave", 5, "runs as replica")


def test_the_secret_is_on_no_command_line_and_in_no_log(idle: Cluster) -> None:
    node = idle.data[0]
    node.say_first_start()
    node.start()
    eventually(node.joined, 5, "joined")
    secret = (node.root / "etc/node/internal").read_text().strip()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            seen = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        assert secret.encode() not in seen
    assert secret not in node.log()
    for path in (node.root / "data").glob("*"):
        assert path.stat().st_mode & 0o077 == 0, f"{path} is open to others"
