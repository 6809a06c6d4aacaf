"""What tests of the data start from."""

from collections.abc import Iterator

import pytest

from drills.target.cluster import Cluster
from drills.target.stack import Stack
from tests.deploy.data.backups import empty, with_backup


@pytest.fixture(scope="module")
def _backed_up(stack: Stack) -> Iterator[None]:
    """The stack with a backup, once for all tests of a file: two deployments take longer than many of them."""
    with with_backup(Cluster(stack.outputs()), stack):
        yield


@pytest.fixture
def backed_up(_backed_up: None, cluster: Cluster) -> Cluster:
    """The cluster with a backup; snapshots of other tests may be there."""
    return cluster


@pytest.fixture
def emptied(backed_up: Cluster) -> Iterator[Cluster]:
    """A stack without data."""

    empty(backed_up)
    yield backed_up
    empty(backed_up)
