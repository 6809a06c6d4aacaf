"""Clusters of processes for the tests of the entrypoint."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests import redis_binary
from tests.entrypoint.processes import Cluster, cluster


class MakeCluster(Protocol):
    """Makes a cluster that is not started yet; the options are those of Cluster."""

    def __call__(self, **options: object) -> Cluster: ...


@pytest.fixture
def make_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeCluster]:
    """The Redis that it runs is the base image's."""
    monkeypatch.setenv("PATH", f"{redis_binary.folder()}:{os.environ['PATH']}")
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
