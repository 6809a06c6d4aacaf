"""What tests of the data start from."""

from collections.abc import Iterator

import pytest

from drills.target.cluster import Cluster
from drills.target.stack import Stack
from tests.deploy.data.backups import empty, with_backup


@pytest.fixture
def backed_up(cluster: Cluster, stack: Stack) -> Iterator[Cluster]:
    """The stack with a backup, while the test runs."""
    with with_backup(cluster, stack):
        yield cluster


@pytest.fixture
def emptied(backed_up: Cluster) -> Iterator[Cluster]:
    """A stack without data."""

    empty(backed_up)
    yield backed_up
    empty(backed_up)
