"""An example's program, deployed as its reader would, and taken away again."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from redis.sentinel import Sentinel

from tests.deploy.support import NAME
from tests.engine_command import ROOT, EngineCommand

STACK = f"{NAME}-example"


class Example:
    """A copy of the example in a folder of its own. Called, it runs a command of the engine, which succeeds."""

    def __init__(self, name: str, engine: str, tmp_path: Path) -> None:
        self.folder = tmp_path / name
        shutil.copytree(ROOT / "examples" / name, self.folder)
        self.project = yaml.safe_load((self.folder / "Pulumi.yaml").read_text())["name"]
        self._command = EngineCommand(self.folder, tmp_path, engine)

    def __call__(self, *words: str, stdin: str = "") -> str:
        done = self._command(*words, "--stack", STACK, stdin=stdin)
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
