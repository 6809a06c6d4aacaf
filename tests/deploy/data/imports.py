"""`make import` as its operator runs it."""

import os
import subprocess
import sys
from urllib.parse import quote

from drills.target.stack import PROJECT_DIR, Stack
from tests.deploy.data.sources import NAME as SOURCE
from tests.deploy.data.sources import PASSWORD, PORT


def starting(stack: Stack, *words: str, url: str = "", password: str = PASSWORD) -> "subprocess.Popen[str]":
    """`make import`; the password is in the environment."""
    command = [sys.executable, "-m", "ops.live_import", "--from", url or f"redis://{SOURCE}:{PORT}"]
    return subprocess.Popen(
        [*command, "--stack", stack.name, *words],
        cwd=PROJECT_DIR,
        env={**os.environ, **stack.environment, "SOURCE_PASSWORD": password},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    said, _ = process.communicate(timeout=180)
    return process.returncode, said


def done(stack: Stack, *words: str, **more: str) -> str:
    code, said = ended(starting(stack, *words, **more))
    assert code == 0, said
    assert PASSWORD not in said
    assert quote(PASSWORD, safe="") not in said
    return said


def refused(stack: Stack, why: str, *words: str, **how: str) -> None:
    code, said = ended(starting(stack, *words, **how))
    assert code == 1, said
    assert f"error: {why}" in said or (said.count("error: ") == 1 and why in said), said
    assert PASSWORD not in said
