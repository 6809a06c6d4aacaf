"""What tests of the data start from."""

from collections.abc import Iterator

import pytest

from drills.target.cluster import Cluster
from drills.target.stack import Stack
from tests.deploy.data.backups import at, with_backup


@pytest.fixture
def backed_up(cluster: Cluster, stack: Stack) -> Iterator[Cluster]:
    """The stack with a backup, while the test runs."""
    with with_backup(cluster, stack):
        yield cluster


@pytest.fixture
def emptied(backed_up: Cluster) -> Iterator[Cluster]:
    """A stack without data."""

    def empty() -> None:
        for database in range(16):
            with at(backed_up, backed_up.master(), database) as client:
                if keys := list(client.scan_iter(count=1000)):
                    client.unlink(*keys)

    empty()
    yield backed_up
    empty()
