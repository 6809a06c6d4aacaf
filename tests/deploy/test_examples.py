"""The example with two clusters and an application, deployed as its reader would."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
import redis
import yaml
from redis.sentinel import Sentinel

from drills.waiting import until
from tests.deploy.support import ENGINES

STACK = "test-example"
PASSWORDS = {"cachePassword": "for the cache", "ordersPassword": "for orders"}
Command = Callable[..., str]


@pytest.fixture(params=ENGINES)
def example(request: pytest.FixtureRequest, project_dir: Path, tmp_path: Path) -> Iterator[Command]:
    """Runs the engine's commands in the example's folder; nothing of it is there before and after."""
    folder = project_dir / "examples" / "two-clusters"
    file = folder / f"Pulumi.{STACK}.yaml"
    engine = ["pulumi"] if request.param == "pulumi" else [sys.executable, "-m", "engine"]
    environment = {
        **os.environ,
        # Pulumi runs the program with the python on the PATH, as its reader would in a virtual environment.
        "PATH": f"{project_dir / '.venv/bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(project_dir),
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
        "XDG_STATE_HOME": str(tmp_path),
    }

    def run(*words: str, stdin: str = "") -> str:
        command = [*engine, *words, "--stack", STACK]
        done = subprocess.run(
            command, cwd=folder, env=environment, input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    subprocess.run([project_dir / "bootstrap" / "base-image", "redis:8-alpine"], check=True)
    file.write_text(yaml.safe_dump({"config": {}}))
    try:
        run("stack", "init")
        for key, value in PASSWORDS.items():
            run("config", "set", "--secret", key, stdin=value.replace(" ", "-"))
        yield run
        run("destroy", "--yes", "--skip-preview")
        assert not _held()
    finally:
        file.unlink()


def _held() -> list[str]:
    mine: dict[str, str | list[str] | bool] = {"label": ["redis-ha.project=shop", f"redis-ha.stack={STACK}"]}
    client = docker.from_env()
    found = [*client.containers.list(all=True, filters=mine), *client.volumes.list(filters=mine)]
    return [str(one.attrs["Name"]) for one in (*found, *client.networks.list(filters=mine))]


def test_two_clusters_and_an_application(example: Command) -> None:
    assert " 1 to create" not in example("preview")
    example("up", "--yes", "--skip-preview")
    outputs = json.loads(example("stack", "output", "--json", "--show-secrets"))
    masters = set()
    for name in ("cache", "orders"):
        places = [(host, int(port)) for host, port in (one.split(":") for one in outputs[name])]
        password = PASSWORDS[f"{name}Password"].replace(" ", "-")
        finder = Sentinel(places, sentinel_kwargs={"password": password})
        masters.add(finder.discover_master("mymaster"))
        master = finder.master_for("mymaster", password=password)
        assert master.set("whose", name)
        assert master.get("whose") == name.encode()
    assert len(masters) == 2
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(outputs["ordersUrl"].replace("for-orders", "for-the-cache")).ping()
    application = docker.from_env().containers.get(outputs["application"])
    until(lambda: b"PONG" in application.logs(), "the application's answer from the master", 20)
    names = [container.attrs["Name"] for container in docker.from_env().containers.list()]
    assert {name.split("-")[3] for name in names if name.startswith(f"/shop-{STACK}-")} == {"cache", "orders"}
    example("preview", "--expect-no-changes")
