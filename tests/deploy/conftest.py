"""A real stack of the tests' own, whole before every test; container logs with every failure."""

import fcntl
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drills.faults.base import all_at_once, revive
from drills.target.cluster import Cluster
from drills.target.errors import DrillError
from drills.target.health import wait_healthy
from drills.target.plain import avoid_default_route
from drills.target.stack import Stack
from drills.watch.timeline import Timeline
from tests.deploy.support import ENGINES, NAME, left_over, outputs_of, place
from tests.measured import note, working_with

SETTINGS = {**place(), "replicas": 2, "sentinels": 3, "downAfter": 1000, "endpoint": True}


@pytest.fixture(scope="session", params=ENGINES)
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The deployed stack."""
    if NAME == "dev":
        pytest.fail("the deploy tests never run on the stack dev")
    lock = (Path(tempfile.gettempdir()) / f"redis-ha-deploy-tests-{NAME}.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pytest.fail(f"another run of the deploy tests has the stack {NAME}; REDIS_HA_TEST_STACK names another")
    avoid_default_route(str(SETTINGS["subnet"]))
    deployed = Stack(NAME, environment={"REDIS_HA_ENGINE": request.param})
    # What an earlier run left behind that was cut off, or one of another checkout.
    if deployed.config_file.exists() or left_over(NAME):
        if not deployed.config_file.exists():
            deployed.create(SETTINGS)
        deployed.destroy()
    deployed.create(SETTINGS)
    try:
        began = time.monotonic()
        try:
            deployed.up()
        except DrillError as error:
            pytest.fail(f"the stack of the deploy tests does not come up: {error}")
        note(f"up of 3 data nodes and 3 Sentinels ({request.param})", f"{time.monotonic() - began:.1f} s")
        yield deployed
    finally:
        deployed.destroy()
        deployed.forget()
        lock.close()


@pytest.fixture
def cluster(stack: Stack) -> Iterator[Cluster]:
    """The deployed cluster, whole, with its declared settings; made so again after the test."""
    whole = _restored(stack)
    working_with(whole)
    yield whole
    for container in whole.containers():
        if container.status != "running":
            revive(container)


@pytest.fixture
def timeline(cluster: Cluster) -> Iterator[Timeline]:
    """A time line that is recorded through the whole test."""
    with Timeline(cluster) as recorded:
        # What nobody listened for cannot be told from what has not happened.
        deaf = recorded.find("not listening yet")
        assert not deaf, f"not listened to: {deaf[0].detail}"
        yield recorded


def _restored(stack: Stack) -> Cluster:
    """The cluster as declared. What a failed test has left of its changes is mended by a deployment."""
    if any(stack.config(f"redis-ha:{key}") != value for key, value in SETTINGS.items()):
        stack.configure(SETTINGS)
        stack.up("--refresh")
    whole = Cluster(outputs_of(stack))
    all_at_once([c for c in whole.containers() if c.status != "running"], revive)
    try:
        wait_healthy(whole, 60)
    except DrillError:
        stack.up("--refresh")
        wait_healthy(whole, 60)
    return whole
