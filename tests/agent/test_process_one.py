"""Process 1 itself, with programs that stand in for Redis': what it waits for, and how it ends."""

import asyncio
import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from agent.act.datanode import DataNode
from agent.act.sentinel import SentinelAgent
from agent.decide.watched import Watch
from agent.serve import repair
from agent.serve.container import ContainerWorld
from agent.serve.data import Volume
from agent.serve.environment import read
from agent.serve.node import login, node_settings, run_node
from agent.serve.repair import check, until_it_can_copy
from agent.serve.sentinel import run_sentinel
from agent.serve.stop import Stop
from agent.tell.state import StateFile
from agent.view.mark import Mark
from agent.wire.answers import Address
from tests.agent.test_volume import CONFIGS, volume, with_data

ROOT = CONFIGS.parent
OTHER = Address("10.0.0.2", 16380)
SECONDS = 20
"""For what must come; on a busy machine it may take a while."""
RUNS = "sleep 600 & trap 'kill $!; exit 0' TERM; echo $$ > {0}/started; wait"


@pytest.fixture(autouse=True)
def _path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")


def program(root: Path, name: str, text: str) -> None:
    """A shell script that stands in for one of Redis' programs."""
    path = root / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text.format(root)}\n")
    path.chmod(0o755)


def world_of(made: Volume) -> ContainerWorld:
    environment = made.environment
    state = StateFile(environment.run)
    return ContainerWorld(environment.local, login(environment), made.memory, state, environment.run / "signal")


async def _file(path: Path) -> None:
    while not path.exists():
        await asyncio.sleep(0.01)


def run(part: Callable[[], Awaitable[Any]], after: Path | None = None) -> Any:
    """What `part` returns. If `after` is given, SIGTERM comes as soon as that file is there."""

    async def bounded() -> Any:
        running = asyncio.ensure_future(part())
        if after is not None:
            await asyncio.wait([running, asyncio.ensure_future(_file(after))], return_when=asyncio.FIRST_COMPLETED)
            os.kill(os.getpid(), signal.SIGTERM)
        return await asyncio.wait_for(running, SECONDS)

    return asyncio.run(bounded())


def test_a_file_system_without_locks_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def no_locks(*_: object) -> NoReturn:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    program(tmp_path, "redis-server", "exit 7")
    assert run(lambda: run_node(volume(tmp_path).environment)) == 7
    assert "the data is used without a lock" in capfd.readouterr().err


def test_it_can_be_stopped_while_an_earlier_container_uses_the_data(tmp_path: Path) -> None:
    made = volume(tmp_path)
    program(tmp_path, "redis-server", "touch {0}/started")
    with (tmp_path / "data/.lock").open("w") as earlier:
        fcntl.flock(earlier, fcntl.LOCK_EX)
        assert run(lambda: run_node(made.environment), tmp_path / "run/state.json") == 0
    assert not (tmp_path / "started").exists()


def test_an_agent_that_fails_while_its_node_leaves_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(node: DataNode) -> NoReturn:
        while not node.leaving:
            await asyncio.sleep(0.01)
        raise ValueError("of the agent")

    monkeypatch.setattr(DataNode, "run", fails)
    program(tmp_path, "redis-server", RUNS)
    with pytest.raises(ValueError, match="of the agent"):
        run(lambda: run_node(volume(tmp_path).environment), tmp_path / "started")


def _sentinel(root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Awaitable[int]]:
    async def find(_: SentinelAgent) -> Watch:
        return Watch(OTHER, 1)

    monkeypatch.setattr(SentinelAgent, "find", find)
    volume(root)
    (root / "etc/sentinel.conf").write_text((CONFIGS / "sentinel.conf").read_text())
    places = {f"REDIS_HA_{part.upper()}": str(root / part) for part in ("etc", "data", "run")}
    return lambda: run_sentinel(read(["sentinel"], {"sentinel_port": "16381"} | places))


def test_a_sentinel_s_agent_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_: SentinelAgent) -> NoReturn:
        await _file(tmp_path / "started")
        raise ValueError("of the agent")

    monkeypatch.setattr(SentinelAgent, "run", fails)
    program(tmp_path, "redis-server", RUNS)
    with pytest.raises(ValueError, match="of the agent"):
        run(_sentinel(tmp_path, monkeypatch))


def test_a_sentinel_that_ends_by_itself_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "redis-server", "exit 0")
    assert run(_sentinel(tmp_path, monkeypatch)) == 1


def test_a_sentinel_that_is_told_to_stop_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "redis-server", RUNS)
    assert run(_sentinel(tmp_path, monkeypatch), tmp_path / "started") == 0


def test_it_can_be_stopped_while_a_file_is_checked(tmp_path: Path) -> None:
    made = with_data(tmp_path)
    program(tmp_path, "redis-check-aof", "echo $$ > {0}/checks; exec sleep 600")

    async def checked() -> bool:
        return await check(world_of(made), made, Stop())

    assert run(checked, tmp_path / "checks") is False
    pid = int((tmp_path / "checks").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_check_that_takes_too_long_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(repair, "CHECK_SECONDS", 0.1)
    made = with_data(tmp_path)
    program(tmp_path, "redis-check-aof", "exec sleep 600")

    async def checked() -> bool:
        return await check(world_of(made), made, Stop())

    assert run(checked) is False
    assert "it took longer than" in capfd.readouterr().err


class _Sees:
    """Another node that is the master, and has data."""

    def __init__(self, *_: object) -> None: ...

    async def council(self) -> SimpleNamespace:
        return SimpleNamespace(majority=True, agreed=True, named=OTHER)

    async def node(self, _: Address) -> SimpleNamespace:
        return SimpleNamespace(is_master=True, mark=Mark(whole=True), keys=1)


NEWEST = Mark(True, True, 7, True, 99, False)


def _damaged(root: Path, monkeypatch: pytest.MonkeyPatch) -> Volume:
    """An append-only file, and beside it an old snapshot."""
    monkeypatch.setattr(repair, "Lookout", _Sees)
    made = with_data(root, **NEWEST.as_memory(), nodes=[str(OTHER)])
    (root / "data/dump.rdb").write_text("REDIS")
    assert made.mark() == NEWEST
    return made


def _copies(made: Volume) -> Callable[[], Awaitable[Mark]]:
    async def part() -> Mark:
        return await until_it_can_copy(world_of(made), node_settings(made.environment), made, Stop())

    return part


def test_what_is_set_aside_is_known_to_be_lost_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed just after that, it would have an old snapshot that it takes for the newest data."""
    made = _damaged(tmp_path, monkeypatch)
    marks: list[Mark] = []

    def set_aside(volume: Volume, _: str) -> list[Path]:
        marks.append(volume.mark())
        return []

    monkeypatch.setattr(Volume, "set_aside", set_aside)
    assert run(_copies(made)) == Mark(True, False, 7, False, 99, True)
    assert [(mark.whole, mark.master) for mark in marks] == [(False, False)]
    assert made.nodes() == {OTHER}


def test_nothing_is_set_aside_on_a_volume_that_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    made = _damaged(tmp_path, monkeypatch)
    monkeypatch.setattr(repair, "EVERY", 0.01)
    tried = tmp_path / "tried"
    monkeypatch.setattr(ContainerWorld, "remember", lambda *_: tried.touch())
    assert run(_copies(made), tried) == NEWEST
    assert made.append_only_files()
    assert capfd.readouterr().err.count(repair.CANNOT_KEEP) == 1


def test_process_1_buries_what_a_killed_server_has_left() -> None:
    text = f"""
import os, sys, time
sys.path.insert(0, {str(ROOT)!r})
from agent.serve.server import bury
left = os.fork()
if not left:
    os._exit(0)
os.waitid(os.P_PID, left, os.WEXITED | os.WNOWAIT)
bury()
assert os.path.exists(f"/proc/{{left}}"), "not of another process 1"
os.getpid = lambda: 1
bury()
assert not os.path.exists(f"/proc/{{left}}")
bury()
"""
    subprocess.run([sys.executable, "-I", "-S", "-c", text], check=True, timeout=60)
