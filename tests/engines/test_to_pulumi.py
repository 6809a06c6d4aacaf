"""A stack that the embedded engine has made goes over to Pulumi: nothing of it is touched, then or by the next `up`.

Where Pulumi cannot be had, there is nobody to hand it over to: then it is refused, and stays as it was.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack, StackCommandError
from engine.docker.notes import NoteStore
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


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that the embedded engine has made. The last test may hand it over: there is no way back."""
    folder = tmp_path_factory.mktemp("embedded")
    environment = {
        "REDIS_HA_ENGINE": "embedded",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_BACKEND_URL": f"file://{folder}",
        "XDG_STATE_HOME": str(folder / "state"),
    }
    stack = Stack(STACK, environment=environment)
    assert not left_over(STACK)
    stack.configure(SETTINGS)
    try:
        stack.up()
        yield stack
    finally:
        stack.destroy()
        subprocess.run([sys.executable, "-m", "ops.images", STACK], cwd=stack.project_dir, check=True)
        stack.config_file.unlink()
    assert not left_over(STACK)
    assert not docker.from_env().volumes.list(filters={"label": f"pulumi.embedded.given=redis-ha/{STACK}"})


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
    """All containers of the stack: id, and when it was started."""
    found = docker.from_env(timeout=120).containers.list(filters={"label": f"redis-ha.stack={STACK}"})
    return {str(one.name): (str(one.id), str(one.attrs["State"]["StartedAt"])) for one in found}


def _in_each(*command: str) -> None:
    """A command that succeeds in each container with a volume of data. When that was made, Docker does not tell."""
    mine: dict[str, str | list[str] | bool] = {"label": [f"redis-ha.stack={STACK}", "redis-ha.node"]}
    found = docker.from_env(timeout=120).containers.list(filters=mine)
    of_data = [one for one in found if one.labels["redis-ha.kind"] in ("redis", "sentinel")]
    assert len(of_data) == 3
    assert all(one.exec_run(list(command)).exit_code == 0 for one in of_data)


def test_what_is_left_to_do_comes_first(embedded: Stack, project_dir: Path) -> None:
    with embedded.changed({"redisConfig": {"hz": 20}}):
        done = _hand_over(embedded, project_dir)
    assert done.returncode == 1
    assert "`up` has something left to do, which comes first" in done.stderr
    embedded.expect_no_changes()


def test_nothing_is_touched(embedded: Stack, project_dir: Path) -> None:
    cluster = Cluster(embedded.outputs())
    wait_healthy(cluster, 60)
    content = fill(cluster)
    outputs, before = json.loads(embedded.run("stack", "output", "--json", "--show-secrets")), _there()
    with writing(cluster) as load:
        done = _hand_over(embedded, project_dir)
    if not subprocess.run(["bootstrap/pulumi-cli"], cwd=project_dir, capture_output=True, check=True).stdout:
        assert done.returncode == 1
        assert "REDIS_HA_ENGINE=pulumi, but pulumi is not on the PATH" in done.stderr
        embedded.expect_no_changes()
        return
    assert done.returncode == 0, done.stdout + done.stderr
    nothing_lost(cluster, load)
    # Cut off before that was noted, it is done again.
    store = NoteStore(docker.from_env().api, f"redis-ha/{STACK}")
    store.write(store.read().next(given=False))
    again = _hand_over(embedded, project_dir)
    assert again.returncode == 0, again.stdout + again.stderr
    with pytest.raises(StackCommandError, match="is Pulumi's now"):
        embedded.up()
    embedded.environment["REDIS_HA_ENGINE"] = "pulumi"
    assert json.loads(embedded.run("stack", "output", "--json", "--show-secrets")) == outputs
    embedded.expect_no_changes("--diff")
    embedded.up()
    assert _there() == before
    # A refresh sees the embedded engine's labels on what holds the configuration: that is made anew, as by any change.
    _in_each("touch", "/data/made-before")
    embedded.up("--refresh")
    after = Cluster(embedded.outputs())
    wait_healthy(after, 60)
    assert all(holds(after, node, content) for node in after.nodes)
    _in_each("test", "-e", "/data/made-before")
    embedded.expect_no_changes("--refresh")
