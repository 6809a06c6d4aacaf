"""An example's program, deployed as its reader would, and taken away again."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from redis.sentinel import Sentinel

ROOT = Path(__file__).resolve().parents[2]
STACK = "test-example"


class Example:
    """A copy of the example in a folder of its own. Called, it runs a command of the engine, which succeeds."""

    def __init__(self, name: str, engine: str, tmp_path: Path) -> None:
        self.folder = tmp_path / name
        shutil.copytree(ROOT / "examples" / name, self.folder)
        self.project = yaml.safe_load((self.folder / "Pulumi.yaml").read_text())["name"]
        self._engine = ["pulumi"] if engine == "pulumi" else [sys.executable, "-m", "engine"]
        self._environment = {
            **os.environ,
            # Pulumi runs the program with the python on the PATH, as its reader would in a virtual environment.
            "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_BACKEND_URL": f"file://{tmp_path}",
            "XDG_STATE_HOME": str(tmp_path),
        }

    def __call__(self, *words: str, stdin: str = "") -> str:
        command = [*self._engine, *words, "--stack", STACK]
        done = subprocess.run(
            command, cwd=self.folder, env=self._environment, input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def configured(self, config: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterator[None]:
        """With this config; destroyed at the end."""
        file = self.folder / f"Pulumi.{STACK}.yaml"
        file.write_text(yaml.safe_dump({"config": {f"{self.project}:{key}": value for key, value in config.items()}}))
        self("stack", "init")
        for key, value in secrets.items():
            self("config", "set", "--secret", key, stdin=value)
        yield
        self("destroy", "--yes", "--skip-preview")

    def outputs(self) -> dict[str, Any]:
        """With the secrets."""
        found: dict[str, Any] = json.loads(self("stack", "output", "--json", "--show-secrets"))
        return found


def finder(sentinels: list[str], password: str) -> Sentinel:
    """A client of these Sentinels, as `host:port`."""
    places = [(host, int(port)) for host, port in (one.rsplit(":", 1) for one in sentinels)]
    return Sentinel(places, sentinel_kwargs={"password": password})
