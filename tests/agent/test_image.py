"""What only the built image shows: its size, its user, its exit codes as Docker reports them."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.harness.node import CONFIGS, eventually
from tests.redis_binary import BASE_IMAGES

LIMIT = 18_000_000  # bytes that the image may add to its base: Python, and of its library what the agent imports
MEMORY = 25_000_000  # bytes that process 1 may have
LABEL = "redis-ha.test=image"
SCRATCH = ["--tmpfs", "/tmp", "--tmpfs", "/run/redis-ha:mode=1777"]  # noqa: S108
HARDENED = ["--read-only", *SCRATCH, "-v", "/data", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]


def docker(*words: str, check: bool = True) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=600)
    assert not check or done.returncode == 0, f"docker {words}: {done.stderr}"
    return (done.stdout + (done.stderr if not check else "")).strip()


@pytest.fixture(scope="module")
def base() -> str:
    """A base that is on this machine already: `make daemon` gets one."""
    candidates = (os.environ.get("REDIS_HA_TEST_BASE", ""), *BASE_IMAGES)
    found = next((one for one in candidates if one and docker("images", "-q", one, check=False).isalnum()), None)
    assert found is not None, f"Docker has none of {candidates}: make daemon"
    return found


@pytest.fixture(scope="module")
def image(base: str) -> Iterator[str]:
    name = f"redis-ha-test-image:{uuid.uuid4().hex[:8]}"
    arguments = ["--build-arg", f"BASE={base}", "--build-arg", "TZ=CST-8"]
    docker(
        "build", "-q", "-t", name, "--label", LABEL, "-f", str(CONFIGS / "Dockerfile"), *arguments, str(CONFIGS.parent)
    )
    yield name
    docker("rmi", "-f", name, check=False)


VALKEY = "valkey/valkey:8-alpine"


@pytest.fixture
def of_valkey() -> Iterator[str]:
    """An image on Valkey without the links by which its programs have Redis' names, too."""
    subprocess.run([CONFIGS.parent / "bootstrap/base-image", VALKEY], check=True)
    base, name = (f"redis-ha-test-{what}:{uuid.uuid4().hex[:8]}" for what in ("base", "image"))
    recipe = f"FROM {VALKEY}\nUSER root\nRUN rm -f /usr/local/bin/redis-*\n"
    subprocess.run(["docker", "build", "-q", "-t", base, "-"], input=recipe, text=True, check=True, capture_output=True)
    docker(
        "build", "-q", "-t", name, "-f", str(CONFIGS / "Dockerfile"), "--build-arg", f"BASE={base}", str(CONFIGS.parent)
    )
    yield name
    docker("rmi", "-f", name, base, check=False)


def test_a_base_with_valkey_s_names_only(of_valkey: str) -> None:
    mark = f"{LABEL}-{uuid.uuid4().hex[:8]}"
    container = docker("run", "-d", "--label", mark, *HARDENED, "-e", "redis_port=16379", of_valkey)
    try:
        healthy = lambda: docker("exec", container, "redis-ha-health", check=False) == "master of 0 replicas"  # noqa: E731
        eventually(healthy, 20, "joins")
        assert "valkey_version:8" in docker("exec", container, "redis-cli", "-p", "16379", "info", "server")
        assert docker("exec", container, "id", "-u") == "999"
        checked = docker("exec", container, "sh", "-c", "redis-check-aof /data/appendonlydir/*.manifest")
        assert "All AOF files and manifest are valid" in checked
    finally:
        docker("rm", "-fv", container)


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


def layers(image: str) -> list[int]:
    """The size of each layer in bytes, the newest first."""
    return [int(size) for size in docker("history", "--human=false", "--format", "{{.Size}}", image).splitlines()]


def test_adds_little(image: str, base: str) -> None:
    above = layers(image)[: -len(layers(base))]
    print(f"the image adds {sum(above)} bytes to its base, in {len(above)} layers")
    assert sum(above) < LIMIT


def test_process_1_needs_little_memory(image: str, run: list[str]) -> None:
    container = docker(*run, "-d", *HARDENED, "-e", "redis_port=16379", image)
    eventually(lambda: docker("exec", container, "redis-ha-health", check=False) == "master of 0 replicas", 20, "joins")
    time.sleep(3)  # a few rounds of everything that it does
    status = dict(line.split(":", 1) for line in docker("exec", container, "cat", "/proc/1/status").splitlines())
    resident = int(status["VmRSS"].split()[0]) * 1024
    print(f"process 1 ({status['Name'].strip()}) has {resident / 1e6:.1f} MB resident")
    assert resident < MEMORY


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
    scripts = [*(CONFIGS / "bin").iterdir()]
    for script in scripts:
        assert script.read_text().count("\r") == 0
        assert os.access(script, os.X_OK)
    # As a package of requirements-dev.txt it lies beside this Python.
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert shellcheck, "make venv-dev"
    done = subprocess.run([shellcheck, "-x", *map(str, scripts)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
