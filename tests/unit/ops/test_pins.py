"""Images are pinned all together, or not at all."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from ops import pins
from ops.stack import OpsError
from redis_ha.docker.daemon import DaemonError
from redis_ha.settings.loader import parse_settings

NEW = "sha256:" + "a" * 64
OLD = "sha256:" + "b" * 64


def test_only_images_that_the_stack_uses() -> None:
    assert pins.used({}) == {"baseImage": "redis:8-alpine"}
    assert pins.used({"endpoint": False, "metrics": "false", "baseImage": "own:1"}) == {"baseImage": "own:1"}
    found = pins.used({"endpoint": "true", "metrics": True, "backup": {"repository": "/backups"}})
    assert found.keys() == {"baseImage", "endpointImage", "exporterImage", "resticImage"}
    assert found["endpointImage"].startswith("haproxy:")


def test_the_digest_goes_behind_the_tag_and_is_brought_up_to_date() -> None:
    asked: list[str] = []

    def ask(name: str) -> str:
        asked.append(name)
        return NEW

    images = {"baseImage": "redis:8-alpine", "endpointImage": f"haproxy:3.0@{OLD}", "exporterImage": f"a/b:1@{NEW}"}
    found = pins.pinned(images, ask)
    assert found == {"baseImage": f"redis:8-alpine@{NEW}", "endpointImage": f"haproxy:3.0@{NEW}"}
    assert asked == ["redis:8-alpine", "haproxy:3.0", "a/b:1"]
    parse_settings({"password": "pw", **found}, "dev")


def test_one_registry_that_does_not_answer_leaves_all_as_it_is() -> None:
    def ask(name: str) -> str:
        if name.startswith("haproxy"):
            raise DaemonError("no answer in 5 s")
        return NEW

    with pytest.raises(OpsError, match=r"all pins stay as they are:\n  haproxy:3.0: no answer in 5 s$"):
        pins.pinned({"baseImage": "redis:8-alpine", "endpointImage": "haproxy:3.0"}, ask)


class Host:
    """One whose daemon reaches the registry, or does not."""

    def __init__(self, name: str, digest: str) -> None:
        self.host = SimpleNamespace(name=name)
        self._digest = digest

    def registry_digest(self, image: str) -> str:
        if not self._digest:
            raise DaemonError("no route")
        return self._digest


def test_any_host_may_reach_the_registry(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> SimpleNamespace:
        ran.append(command)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(pins, "file_of", lambda stack: tmp_path / f"Pulumi.{stack}.yaml")
    monkeypatch.setattr(pins, "daemons", lambda stack, within: [Host("a", ""), Host("b", NEW)])
    assert pins.main("prod") == 0
    pin = f"redis:8-alpine@{NEW}"
    assert ran == [["./pulumiw", "config", "set", "baseImage", pin, "--stack", "prod"]]
    assert capsys.readouterr().out == f"baseImage: {pin}\n"
    (tmp_path / "Pulumi.prod.yaml").write_text(f"config:\n  redis-ha:baseImage: {pin}\n")
    assert pins.main("prod") == 0
    assert len(ran) == 1
    monkeypatch.setattr(pins, "daemons", lambda stack, within: [Host("a", ""), Host("b", "")])
    assert pins.main("prod") == 1
    assert capsys.readouterr().err.endswith("redis:8-alpine: a: no route; b: no route\n")
    assert len(ran) == 1
