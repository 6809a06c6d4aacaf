"""A stack that the embedded engine has made goes over to Pulumi: nothing of it is touched, then or by the next `up`.

Where Pulumi cannot be had, there is nobody to hand it over to: then it is refused, and stays as it was.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from drills.cluster import Cluster
from drills.health import wait_healthy
from drills.stack import Stack, StackCommandError
from tests.deploy.support import NAME, fill, holds, left_over, nothing_lost, place, writing

STACK = f"{NAME}-over"
SETTINGS: dict[str, Any] = {
    **place(3),
    "replicas": 1,
    "sentinels": 1,
    "endpoint": True,
    "password": "the-application's",
    "systemPassword": "the-nodes'",
}


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Stack]:
    """A stack that the embedded engine has made."""
    environment = {
        "REDIS_HA_ENGINE": "embedded",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    stack = Stack(STACK, environment=environment)
    assert not left_over(STACK)
    stack.configure(SETTINGS)
    try:
        stack.up()
        yield stack
    finally:
        stack.destroy()
        stack.config_file.unlink()
    assert not left_over(STACK)


def _hand_over(stack: Stack, project_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops.to_pulumi", stack.name],
        cwd=project_dir,
        env={**os.environ, **stack.environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _there() -> dict[str, tuple[str, str]]:
    """All that Docker holds of the stack: id, and when it was started or made."""
    client = docker.from_env(timeout=120)
    mine: dict[str, str | list[str] | bool] = {"label": f"redis-ha.stack={STACK}"}
    found = {str(c.name): (str(c.id), str(c.attrs["State"]["StartedAt"])) for c in client.containers.list(filters=mine)}
    for volume in client.volumes.list(filters=mine):
        found[f"volume {volume.name}"] = ("", str(volume.attrs["CreatedAt"]))
    for network in client.networks.list(filters=mine):
        found[f"network {network.name}"] = (str(network.id), "")
    return found


def _data() -> dict[str, tuple[str, str]]:
    """The volumes of data among that."""
    return {name: made for name, made in _there().items() if name.startswith("volume") and "-files" not in name}


def test_nothing_is_touched(embedded: Stack, project_dir: Path) -> None:
    cluster = Cluster(embedded.outputs())
    wait_healthy(cluster, 60)
    content = fill(cluster)
    outputs, before = embedded.run("stack", "output", "--json", "--show-secrets"), _there()
    with writing(cluster) as load:
        done = _hand_over(embedded, project_dir)
    if not subprocess.run(["bootstrap/pulumi-cli"], cwd=project_dir, capture_output=True, check=True).stdout:
        assert done.returncode == 1
        assert "REDIS_HA_ENGINE=pulumi, but pulumi is not on the PATH" in done.stderr
        embedded.expect_no_changes()
        return
    assert done.returncode == 0, done.stdout + done.stderr
    nothing_lost(cluster, load)
    with pytest.raises(StackCommandError, match="is Pulumi's now"):
        embedded.up()
    embedded.environment["REDIS_HA_ENGINE"] = "pulumi"
    assert embedded.run("stack", "output", "--json", "--show-secrets") == outputs
    embedded.expect_no_changes("--diff")
    embedded.expect_no_changes("--refresh")
    embedded.up()
    embedded.up("--refresh")
    assert _there() == before
    # And it goes on as any stack of Pulumi's: a roll-out keeps the data, in its volumes.
    embedded.configure({"redisConfig": {"hz": 20}})
    embedded.up()
    after = Cluster(embedded.outputs())
    wait_healthy(after, 60)
    assert all(holds(after, node, content) for node in after.nodes)
    assert _data().items() <= before.items()
    embedded.expect_no_changes()


def test_what_is_left_to_do_comes_first(embedded: Stack, project_dir: Path) -> None:
    with embedded.changed({"redisConfig": {"hz": 20}}):
        done = _hand_over(embedded, project_dir)
    assert done.returncode == 1
    assert "`up` has something left to do, which comes first" in done.stderr
    embedded.expect_no_changes()
