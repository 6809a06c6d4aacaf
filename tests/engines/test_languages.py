"""The component from programs in other languages, as the README of each example says. Pulumi alone does that."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from redis.sentinel import Sentinel

from tests.deploy.support import ENGINES
from tests.engine_command import ROOT

STACK = "selftest-language"
PASSWORD = "from-another-language"
PYTHON = {
    "Pulumi.yaml": "name: shop-python\nruntime:\n  name: python\n  options: {toolchain: pip, virtualenv: venv}\n",
    "requirements.txt": "pulumi\n",
    "__main__.py": """
import pulumi
import pulumi_redis_ha as redis_ha
cache = redis_ha.RedisHa("cache", replicas=1, sentinels=1, password=pulumi.Config().require_secret("password"),
    ports={"master": 23379, "replica": 23380, "sentinel": 23381}, redis_config={"hz": 20})
pulumi.export("sentinels", cache.sentinels)
""",
}


class Program:
    """A program in its folder of a clone, run by Pulumi."""

    def __init__(self, tmp_path: Path, example: str) -> None:
        clone = tmp_path / "clone"
        tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        for name in tracked.decode().rstrip("\0").split("\0"):
            if (ROOT / name).is_file() and not name.startswith("tests/"):
                (clone / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, clone / name)
        self.folder = clone / "examples" / example
        if example == "python":
            self.folder.mkdir()
            for name, text in PYTHON.items():
                (self.folder / name).write_text(text)
        self.environment = {
            **os.environ,
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_BACKEND_URL": f"file://{tmp_path}",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def __call__(self, *command: str, stdin: str = "") -> str:
        """What the command prints; it succeeds."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def programs(tmp_path: Path, example: str) -> Iterator[Program]:
    """One with the component's SDK in it, and its password set; destroyed after."""
    for image in ("redis:8-alpine", "haproxy:3.0-alpine"):
        subprocess.run([ROOT / "bootstrap" / "base-image", image], check=True)
    program = Program(tmp_path, example)
    program("pulumi", "package", "add", "../../components")
    program("pulumi", "install")
    program("pulumi", "stack", "init", STACK)
    program("pulumi", "config", "set", "--secret", "password", "--stack", STACK, stdin=PASSWORD)
    yield program
    program("pulumi", "destroy", "--yes", "--skip-preview", "--stack", STACK)
    mine: dict[str, str | list[str] | bool] = {"label": f"redis-ha.stack={STACK}"}
    assert not docker.from_env().containers.list(all=True, filters=mine)


if "pulumi" in ENGINES:

    @pytest.fixture(params=["yaml", "typescript", "python"])
    def program(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Program]:
        """See `programs`."""
        yield from programs(tmp_path, request.param)

    def test_it_is_deployed_and_stays_unchanged(program: Program) -> None:
        program("pulumi", "up", "--yes", "--skip-preview", "--stack", STACK)
        outputs = json.loads(program("pulumi", "stack", "output", "--json", "--show-secrets", "--stack", STACK))
        places = [(host, int(port)) for host, port in (one.split(":") for one in outputs["sentinels"])]
        finder = Sentinel(places, sentinel_kwargs={"password": PASSWORD})
        master = finder.master_for("mymaster", password=PASSWORD)
        assert master.set("from", "elsewhere")
        assert master.get("from") == b"elsewhere"
        program("pulumi", "preview", "--expect-no-changes", "--stack", STACK)
