"""`cancel`: what it says and how it ends, where Docker answers and where it does not."""

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine import cli, workspace
from engine.docker.hosts import Daemon
from engine.docker.lock import Lock
from engine.errors import Unreachable
from engine.stack_commands import cancel
from engine.workspace import Workspace
from tests.unit.engine.memory import MemoryHandler, MemoryNotes, Stand


class Held(Lock):
    """A lock that a killed run has left, or that nobody has."""

    def __init__(self, there: bool) -> None:
        self.there = there

    def break_(self) -> bool:
        there, self.there = self.there, False
        return there


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "x")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").touch()
    stand = Stand(tmp_path)
    (tmp_path / "__main__.py").write_text('import pulumi_docker\npulumi_docker.Provider("b", host="tcp://b")\n')

    def open_daemon(_stack: str, inputs: Mapping[str, Any] | None) -> Daemon:
        host = str((inputs or {}).get("host", ""))
        if host in stand.dead:
            raise Unreachable(f"no Docker answers at '{host}'")
        volumes = MemoryHandler("docker:index/volume:Volume", {}, {}, [])
        return Daemon({volumes.type: volumes}, host, MemoryNotes(stand.notes, host), Held(host == ""))

    monkeypatch.setattr(workspace, "open_daemon", open_daemon)
    return stand


def test_it_removes_the_lock(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    assert cancel(Workspace(stand.directory, "dev"), Namespace()) == 0
    assert "The lock of stack 'dev' has been removed." in capsys.readouterr().out


def test_it_fails_where_docker_does_not_answer(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    stand.dead = {"", "tcp://b"}
    assert cli.main(["cancel", "--stack", "dev"]) == 1
    said = capsys.readouterr()
    assert "There is no lock" not in said.out
    assert "no Docker answers at ''" in said.err


def test_it_fails_where_one_of_several_does_not_answer(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    stand.dead = {"tcp://b"}
    assert cli.main(["cancel", "--stack", "dev"]) == 1
    said = capsys.readouterr()
    assert "The lock of stack 'dev' has been removed." in said.out
    assert "once it answers, `cancel` again: no Docker answers at 'tcp://b'" in said.err
