"""The examples, previewed by the embedded engine as a pull request's runner would: without any Docker."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.files.secrets import Crypter, new_crypter
from tests.engine_command import ROOT, EngineCommand

EXAMPLES = ROOT / "examples"
PASSWORD = "only-for-the-example"
# Nobody listens there.
HOSTS = [{"name": name, "docker": f"tcp://127.0.0.1:{i}", "address": f"10.0.0.{i}"} for i, name in enumerate("abc", 1)]
CONVERTED = """
import pulumi
import yaml
from redis_ha import RedisHa

whole = yaml.safe_load(open("Pulumi.original.yaml"))
made = {}
for name, one in whole["resources"].items():
    given = {key: pulumi.Config().require_secret(value[2:-1]) if str(value).startswith("${") else value
        for key, value in one["properties"].items()}
    made[name] = RedisHa(name, given)
names = {key: value[2:-1].split(".") for key, value in whole["outputs"].items()}
camel = lambda text: "".join(f"_{one.lower()}" if one.isupper() else one for one in text)
for key, (resource, output) in names.items():
    pulumi.export(key, getattr(made[resource], camel(output)))
"""


@cache
def _crypter() -> tuple[str, Crypter]:
    """A salt, and what encrypts with it and the passphrase of EngineCommand: as `config set --secret` has them."""
    return new_crypter("test")


def _preview(folder: Path, secrets: list[str], config: Mapping[str, Any], state: Path) -> str:
    """What a preview of the program in `folder` shows."""
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())["name"]
    salt, crypter = _crypter()
    given = {**config, **{name: {"secure": crypter.encrypt(PASSWORD)} for name in secrets}}
    whole = {"encryptionsalt": salt, "config": {f"{project}:{key}": value for key, value in given.items()}}
    (folder / "Pulumi.try.yaml").write_text(yaml.safe_dump(whole))
    done = EngineCommand(folder, state)("preview", "--diff", DOCKER_HOST="unix:///nowhere.sock", PULUMI_STACK="try")
    assert done.returncode == 0, done.stdout + done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "secrets", "config", "shown"),
    [
        (
            "two-clusters",
            ["cachePassword", "ordersPassword"],
            {},
            ["Container cache-redis-1:", "Container orders-sentinel-2:", "Container application:"],
        ),
        (
            "hosts",
            ["password"],
            {"hosts": HOSTS},
            [
                "Container orders-redis-0.",
                "Container orders-sentinel-2.",
                "host c cannot be reached",
                "docker orders-docker.a",
            ],
        ),
        (
            "backup",
            ["password", "systemPassword", "backupPassword", "secretKey"],
            {"repository": "s3:https://s3.example.org/backups", "accessKey": "a"},
            [
                "Container orders-backup:",
                "Container orders-exporter",
                "Container orders-redis-2:",
                "Container orders-figures",
            ],
        ),
        ("metrics", ["password"], {}, ["Container cache-exporter", "Container prometheus:", "file_sd_configs"]),
    ],
)
def test_each_python_example(
    name: str, secrets: list[str], config: dict[str, Any], shown: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns(".redis-ha", "Pulumi.*test*.yaml"))
    text = _preview(folder, secrets, config, tmp_path / "state")
    assert [one for one in shown if one not in text] == []
    assert "This preview has not looked at what is there" in text


def test_the_yaml_example_in_python(tmp_path: Path) -> None:
    """The engine runs no YAML: the same resource is declared by a program that reads it."""
    folder = tmp_path / "yaml"
    folder.mkdir()
    shutil.copy(EXAMPLES / "yaml" / "Pulumi.yaml", folder / "Pulumi.original.yaml")
    (folder / "__main__.py").write_text(CONVERTED)
    (folder / "Pulumi.yaml").write_text("name: shop-yaml\nruntime: python\n")
    text = _preview(folder, ["password"], {}, tmp_path / "state")
    assert "Container cache-endpoint:" in text
    assert "+master: mymaster" in text
    assert "+memory: 256" in text


def test_each_example_says_what_it_is() -> None:
    for folder in EXAMPLES.iterdir():
        lines = (folder / "README.md").read_text().splitlines()
        assert lines[0].startswith("# ")
        assert f"[{folder.name}](../examples/{folder.name})" in (ROOT / "docs/component.md").read_text()
