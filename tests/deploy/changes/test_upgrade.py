"""A stack that an earlier commit has made comes over by `up`, with its data."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from docker.models.containers import Container

from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import PROJECT_DIR, Stack
from redis_ha.outputs import Outputs
from tests.deploy.support import (
    ENGINES,
    NAME,
    fill,
    holds,
    left_over,
    longest,
    no_errors,
    nothing_lost,
    place,
    writing,
)

FIRST = "9074a80"
"""The commit before clusters had names: nothing in Docker or in a state says whose it is but the stack."""
STACK = f"{NAME}-before"
SETTINGS: dict[str, Any] = {
    **place(3),
    "replicas": 1,
    "sentinels": 3,
    "password": "the-application's",
    "systemPassword": "the-nodes'",
}


@pytest.fixture(params=ENGINES)
def deployed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Stack, Outputs]]:
    """The stack as the program of today sees it, deployed by that of then, and the outputs of then."""
    environment = {
        "REDIS_HA_ENGINE": request.param,
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    today = Stack(STACK, environment=environment)
    assert not left_over(STACK)
    _remove_images()
    today.configure(SETTINGS)
    try:
        yield today, _deploy(_checkout(tmp_path / "then"), environment)
        today.destroy()
        assert not left_over(STACK)
    finally:
        today.config_file.unlink()
        _remove_images()


def _remove_images() -> None:
    """The engine of then reads the labels of all that is the stack's, and cannot read those of today."""
    client = docker.from_env()
    for image in client.images.list(filters={"label": f"pulumi.embedded.stack=redis-ha/{STACK}"}):
        client.images.remove(str(image.id), force=True)


def _checkout(folder: Path) -> Path:
    """The project at FIRST, with the Python environment of today."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", FIRST], cwd=PROJECT_DIR, capture_output=True, check=True).stdout
    subprocess.run(["tar", "x", "-C", folder], input=archive, check=True)
    (folder / ".venv").symlink_to(PROJECT_DIR / ".venv")
    config = {f"redis-ha:{key}": value for key, value in SETTINGS.items()}
    # Of the ports, those that there were then.
    config["redis-ha:ports"] = {role: SETTINGS["ports"][role] for role in ("master", "replica", "sentinel")}
    (folder / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump({"config": config}))
    return folder


def _deploy(folder: Path, environment: dict[str, str]) -> Outputs:
    real = environment["REDIS_HA_ENGINE"] == "pulumi"
    engine = ["pulumi"] if real else [sys.executable, "-m", "engine"]
    said = ""
    for words in (
        ["stack", "init"],
        ["up", "--yes", "--skip-preview"],
        ["stack", "output", "--json", "--show-secrets"],
    ):
        command = [*engine, *words, "--stack", STACK]
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        said = done.stdout
    return Outputs.from_json(STACK, said)


def _nodes() -> list[Container]:
    """All containers with a volume of data. When such a volume was made, Docker does not tell."""
    return docker.from_env().containers.list(filters={"label": [f"redis-ha.stack={STACK}", "redis-ha.node"]})


def test_no_volume_is_replaced_and_no_write_lost(
    deployed: tuple[Stack, Outputs], figure: Callable[[str], None]
) -> None:
    stack, outputs = deployed
    before = Cluster(outputs)
    wait_healthy(before, 60)
    content = fill(before)
    for node in _nodes():
        assert node.exec_run(["touch", "/data/made-before"]).exit_code == 0
    ids = {node.id for node in _nodes()}
    preview = stack.run("preview")
    assert not [line for line in preview.splitlines() if "docker:index:Volume" in line and "-files" not in line]
    with writing(before) as load:
        since = time.time()
        stack.up()
        wait_healthy(Cluster(stack.outputs()), 60)
        load.settle()
    figure(f"longest write gap {longest(load, since) * 1000:.0f} ms")
    assert len(_nodes()) == 5
    assert not ids & {node.id for node in _nodes()}
    assert all(node.exec_run(["test", "-e", "/data/made-before"]).exit_code == 0 for node in _nodes())
    after = Cluster(stack.outputs())
    no_errors(load)
    nothing_lost(after, load)
    assert all(holds(after, node, content) for node in after.nodes)
    assert {(c.labels["redis-ha.project"], c.labels["redis-ha.name"]) for c in after.containers()} == {
        ("redis-ha", "redis-ha")
    }
    stack.expect_no_changes()
