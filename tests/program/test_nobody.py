"""What stands for a Docker that a preview does not reach."""

import os
import socket
import subprocess
import sys

import pytest

from drills.target.waiting import until

ASKS = """
import os, urllib.request
at = os.environ["DOCKER_HOST"].replace("tcp", "http")
print(at)
print(os.environ.get("REDIS_HA_NO_DOCKER"))
print(urllib.request.urlopen(f"{at}/_ping").read().decode())
try:
    urllib.request.urlopen(f"{at}/v1.41/info")
except urllib.error.HTTPError as error:
    print(error.code)
"""


def _run(docker_host: str) -> list[str]:
    words = [sys.executable, "-m", "redis_ha.docker.nobody", sys.executable, "-c", ASKS]
    done = subprocess.run(
        words, env={**os.environ, "DOCKER_HOST": docker_host}, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.split("\n")


def test_it_gives_a_sign_of_life_and_nothing_else_and_ends_with_the_command() -> None:
    where, why, ping, info, _ = _run("tcp://127.0.0.1:1")
    assert (why, ping, info) == ("Connection refused", "OK", "503")
    port = int(where.rpartition(":")[2])
    until(lambda: _closed(port), "it to end", 5)


def test_what_is_no_program_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "redis_ha.docker.nobody"], check=False, timeout=30)
    assert done.returncode == 1
    assert "usage: python -m redis_ha.docker.nobody COMMAND" in capfd.readouterr().err


def _closed(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) != 0
