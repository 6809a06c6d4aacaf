"""Three Docker hosts on this machine for the whole run, and a stack over them that is whole before every test."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from drills.faults.base import Scene
from drills.target.cluster import Cluster
from drills.target.errors import DrillError
from drills.target.health import wait_healthy
from drills.target.stack import Stack
from drills.watch.timeline import Timeline
from tests.deploy.support import ENGINES, outputs_of
from tests.deploy.support import NAME as DEPLOY_NAME
from tests.hosts.control import RigControl
from tests.hosts.rig import Rig, lock
from tests.hosts.support import abandon, settings
from tests.hosts.system import RigError, refused
from tests.measured import note, working_with

NAME = f"{DEPLOY_NAME}hosts"


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    """The hosts; the tests are skipped where there can be none."""
    if reason := refused():
        pytest.skip(f"several hosts cannot be had here: {reason}")
    hosts = Rig()
    try:
        held = lock(hosts)
    except RigError as error:
        pytest.fail(str(error))
    try:
        hosts.up()
        hosts.load_base_image()
        yield hosts
    finally:
        hosts.down()
        os.close(held)


@pytest.fixture(scope="session", params=ENGINES)
def stack(request: pytest.FixtureRequest, rig: Rig) -> Iterator[Stack]:
    """The stack over the three hosts."""
    deployed = Stack(NAME, environment={"REDIS_HA_ENGINE": request.param})
    # What a run that was cut off has recorded of hosts that are no more.
    with suppress(DrillError):
        deployed.run("stack", "rm", "--yes", "--force")
    deployed.create(settings(rig))
    try:
        began = time.monotonic()
        try:
            deployed.up()
        except DrillError as error:
            pytest.fail(f"the stack over the hosts does not come up: {error}")
        note(f"up over 3 hosts ({request.param})", f"{time.monotonic() - began:.1f} s")
        yield deployed
    finally:
        abandon(deployed, request.param)


def mended(rig: Rig) -> Rig:
    """The hosts, all of them on and connected, with a base image, whatever a failed test has left."""
    for host in rig.hosts:
        if not host.is_on():
            host.come_back()
        host.heal()
        if not host.docker().images.list():
            rig.load_base_image([host])
    return rig


@pytest.fixture
def hosts(rig: Rig) -> Rig:
    """The hosts, whole before every test."""
    return mended(rig)


@pytest.fixture
def cluster(hosts: Rig, stack: Stack) -> Cluster:
    """The deployed cluster, whole, with its declared settings."""
    declared = settings(hosts)
    if any(stack.config(f"redis-ha:{key}") != value for key, value in declared.items()):
        stack.configure(declared)
        stack.up("--refresh")
    whole = Cluster(outputs_of(stack))
    working_with(whole)
    try:
        wait_healthy(whole, 60)
    except DrillError:
        stack.up("--refresh")
        wait_healthy(whole, 60)
    return whole


@pytest.fixture
def scene(rig: Rig, stack: Stack, cluster: Cluster) -> Iterator[Scene]:
    """Where faults happen, recorded on a time line through the whole test."""
    with Timeline(cluster) as timeline:
        yield Scene(cluster, timeline, stack, RigControl(rig))
