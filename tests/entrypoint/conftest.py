"""Clusters of processes for the tests of the entrypoint."""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests.entrypoint.processes import Cluster, cluster


class MakeCluster(Protocol):
    """Makes a cluster that is not started yet; the options are those of Cluster."""

    def __call__(self, **options: object) -> Cluster: ...


@pytest.fixture
def make_cluster(tmp_path: Path) -> Iterator[MakeCluster]:
    if not shutil.which("redis-server"):
        pytest.skip("needs redis-server and redis-cli (apt-get install redis-server)")
    with ExitStack() as stack:

        def make(**options: object) -> Cluster:
            entered: AbstractContextManager[Cluster] = cluster(tmp_path, **options)
            return stack.enter_context(entered)

        yield make


@pytest.fixture
def formed(make_cluster: MakeCluster) -> Cluster:
    """One master, two replicas, three Sentinels, all joined."""
    made = make_cluster()
    made.form()
    return made
