"""A stack that a Prometheus watches: with TLS, so that there are certificates, and with little memory and backlog."""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from drills.faults.base import all_at_once, revive
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.plain import avoid_default_route
from drills.target.stack import Stack
from tests.deploy.support import NAME, left_over, place
from tests.measured import working_with
from tests.monitoring.prometheus import Prometheus, Target, running

MAX_MEMORY_MB = 24
BACKLOG_MB = 1
PORT = 26290
SETTINGS = {
    **place(2),
    "metrics": True,
    "maxMemory": f"{MAX_MEMORY_MB}mb",
    "redisConfig": {"repl-backlog-size": f"{BACKLOG_MB}mb"},
}


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The deployed stack."""
    name = f"{NAME}-watched"
    lock = (Path(tempfile.gettempdir()) / f"redis-ha-{name}.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    avoid_default_route(str(SETTINGS["subnet"]))
    deployed = Stack(name, environment={"REDIS_HA_ENGINE": os.environ.get("REDIS_HA_ENGINE", "embedded")})
    if deployed.config_file.exists() or left_over(name):
        if not deployed.config_file.exists():
            deployed.create(SETTINGS)
        deployed.destroy()
    deployed.create(SETTINGS)
    try:
        certify = [sys.executable, "-m", "redis_ha.tls.dev_certificates", "--stack", name]
        subprocess.run(certify, cwd=deployed.project_dir, env={**os.environ, **deployed.environment}, check=True)
        deployed.up()
        yield deployed
    finally:
        deployed.destroy()
        deployed.forget()
        lock.close()


@pytest.fixture(scope="session")
def targets(stack: Stack) -> list[Target]:
    """What the stack says that is to be scraped."""
    found: list[Target] = json.loads(stack.run("stack", "output", "metrics", "--json"))
    return found


@pytest.fixture(scope="session")
def prometheus(targets: list[Target], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that watches the stack."""
    with running(tmp_path_factory.mktemp("prometheus"), PORT) as started:
        started.watch(targets)
        yield started


@pytest.fixture
def cluster(stack: Stack) -> Iterator[Cluster]:
    """The cluster, whole before each test, and all of it running afterwards."""
    whole = Cluster(stack.outputs())
    working_with(whole)
    all_at_once([one for one in whole.containers() if one.status != "running"], revive)
    wait_healthy(whole)
    yield whole
    all_at_once([one for one in whole.containers() if one.status != "running"], revive)
