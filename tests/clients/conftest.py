"""A stack for the clients' programs, which run all at the same time, so that each fault is the same for all."""

from collections.abc import Iterator

import pytest

from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import own_stack
from tests.clients.programs import Programs
from tests.clients.tools import commands

SUBNET = "10.213.240.0/24"
PORTS = {"master": 23379, "replica": 23380, "sentinel": 23381, "write": 23378, "read": 23377}


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Three data nodes, three Sentinels and an endpoint, with the default settings."""
    with own_stack("test-clients", {"subnet": SUBNET, "ports": PORTS, "endpoint": True}) as stack:
        stack.up()
        whole = Cluster(stack.outputs())
        wait_healthy(whole, 60)
        yield whole


@pytest.fixture(scope="session")
def programs(cluster: Cluster) -> Iterator[Programs]:
    """The programs, all writing and receiving."""
    with Programs(commands(), cluster) as running:
        yield running
