"""What tests of the data start from."""

from collections.abc import Iterator

import pytest

from drills.cluster import Cluster
from drills.stack import Stack
from tests.deploy.data.backups import with_backup


@pytest.fixture
def backed_up(cluster: Cluster, stack: Stack) -> Iterator[Cluster]:
    """The stack with a backup, while the test runs."""
    with with_backup(cluster, stack):
        yield cluster
