"""The one process that the agent supervises."""

import asyncio
from pathlib import Path

import pytest

from agent.serve import server
from agent.serve.server import Server


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands in for redis-server."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    path = tmp_path / "redis-server"
    path.touch(0o755)
    return path


def test_the_exit_code_is_that_of_the_server_even_if_it_ends_while_it_is_told_again(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told so often that some of the signals come just after its end."""
    monkeypatch.setattr(server, "INSIST", 0.0)
    program.write_text("#!/bin/sh\ntrap 'exit 7' TERM\necho started\nwhile :; do sleep 0.01; done\n")

    async def codes() -> list[int]:
        found = []
        for _ in range(30):
            started = await Server.start("redis-server")
            await asyncio.sleep(0.05)
            found.append(await started.stop())
        return found

    assert set(asyncio.run(codes())) <= {7, 143}, "143 where the trap was not set yet"


def test_one_that_takes_no_notice_is_told_again(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "INSIST", 0.1)
    program.write_text("#!/bin/sh\nn=0\ntrap 'n=$((n+1)); [ $n -lt 3 ] || exit 5' TERM\nwhile :; do sleep 0.01; done\n")

    async def code() -> int:
        started = await Server.start("redis-server")
        await asyncio.sleep(0.5)
        return await started.stop()

    assert asyncio.run(code()) == 5


def test_a_signal_that_ended_it_is_told_as_a_shell_tells_it(program: Path) -> None:
    program.write_text("#!/bin/sh\nkill -9 $$\n")

    async def code() -> int:
        return await (await Server.start("redis-server")).ended()

    assert asyncio.run(code()) == 137
