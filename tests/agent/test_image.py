"""What only the built image shows: its size, its user, its exit codes as Docker reports them."""

import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.harness.node import CONFIGS, eventually

LIMIT = 40_000  # bytes that the image may add to its base: scripts of a few screens
LABEL = "redis-ha.test=entrypoint"
HARDENED = ["--read-only", "--tmpfs", "/tmp", "-v", "/data", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]  # noqa: S108


def docker(*words: str, check: bool = True) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=120)
    assert not check or done.returncode == 0, f"docker {words}: {done.stderr}"
    return (done.stdout + (done.stderr if not check else "")).strip()


def base_image() -> str | None:
    """A base that is on this machine already: these tests download nothing."""
    if not shutil.which("docker"):
        return None
    candidates = (os.environ.get("REDIS_HA_TEST_BASE", ""), "redis:8-alpine", "redis-ha-stand-in:8-alpine")
    return next((one for one in candidates if one and docker("images", "-q", one, check=False).isalnum()), None)


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    base = base_image()
    if not base:
        pytest.skip("needs Docker and a base image")
    name = f"redis-ha-test-entrypoint:{uuid.uuid4().hex[:8]}"
    arguments = ["--build-arg", f"BASE={base}", "--build-arg", "TZ=CST-8"]
    docker("build", "-q", "-t", name, "--label", LABEL, *arguments, str(CONFIGS))
    yield name
    docker("rmi", "-f", name, check=False)


@pytest.fixture
def run(image: str) -> Iterator[list[str]]:
    """The words of `docker run` for this image; containers go with the test."""
    mark = f"{LABEL}-{uuid.uuid4().hex[:8]}"
    yield ["run", "--label", mark]
    left = docker("ps", "-aq", "--filter", f"label={mark}").split()
    if left:
        docker("rm", "-fv", *left)


def exit_code(words: list[str]) -> tuple[int, str]:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stderr.strip()


def added_bytes(image: str) -> int:
    """Sum of the layers above the base, whose last one is the first that this Dockerfile did not write."""
    rows = docker("history", "--no-trunc", "--human=false", "--format", "{{.Size}}\t{{.CreatedBy}}", image).splitlines()
    ours = 0
    for row in rows:
        size, made_by = row.split("\t", 1)
        ours += int(size)
        if re.search(r"ARG TZ=", made_by):
            return ours
    raise AssertionError(f"no layer of ours in {rows}")


def test_adds_little(image: str) -> None:
    added = added_bytes(image)
    print(f"the image adds {added} bytes to its base")
    assert added < LIMIT


def test_unknown_role(image: str, run: list[str]) -> None:
    assert exit_code([*run, image, "boss"]) == (
        64,
        "redis-ha: unknown role 'boss': master, replica (or slave) and sentinel are known",
    )


def test_runs_as_redis_in_its_time_zone(image: str, run: list[str]) -> None:
    inside = docker(
        *run,
        "--entrypoint",
        "sh",
        image,
        "-c",
        "id -un; pwd; date +%z; ls -ld /etc/redis-ha/node; ls -ld /data; touch /data/x",
    )
    user, folder, zone, secrets, data = inside.splitlines()
    assert (user, folder, zone) == ("redis", "/data", "+0800")
    assert secrets.startswith("dr-x------") and " redis " in secrets
    assert " redis " in data


def test_plain_master(image: str, run: list[str]) -> None:
    """The first line of the source document: a master without anything else, read-only but for its volumes."""
    words = [*run, "-d", *HARDENED]
    container = docker(*words, "-e", "redis_port=16379", image)
    eventually(lambda: docker("exec", container, "redis-ha-health", check=False) == "master of 0 replicas", 10, "joins")
    assert docker("exec", container, "redis-cli", "-p", "16379", "set", "key", "value") == "OK"
    owners = docker("top", container, "-eo", "pid,user,args").splitlines()[1:]
    assert owners and not any(line.split()[1] == "root" for line in owners)
    docker("stop", "-t", "10", container)
    assert docker("inspect", "-f", "{{.State.ExitCode}}", container) == "0"
    docker("start", container)
    eventually(
        lambda: docker("exec", container, "redis-cli", "-p", "16379", "get", "key", check=False) == "value", 10, "keeps"
    )


def test_scripts_are_for_any_posix_shell() -> None:
    scripts = [*(CONFIGS / "bin").iterdir(), *(CONFIGS / "lib").iterdir()]
    for script in scripts:
        assert script.read_text().count("\r") == 0
        assert Path(script).suffix == ".sh" or os.access(script, os.X_OK)
    # As a package of requirements-dev.txt it lies beside this Python.
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not shellcheck:
        pytest.skip("needs shellcheck (make venv-dev)")
    done = subprocess.run([shellcheck, "-x", *map(str, scripts)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
