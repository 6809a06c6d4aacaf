"""Clusters of real processes for the tests of the agent."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests import redis_binary
from tests.agent.harness.cluster import Cluster


class MakeCluster(Protocol):
    """Makes a cluster that is not started yet; the options are those of Cluster."""

    def __call__(self, **options: Any) -> Cluster: ...


CLUSTERS = pytest.StashKey[list[Cluster]]()
LOG_LINES = 60


@pytest.fixture
def make_cluster(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakeCluster]:
    """The Redis that it runs is the base image's. All ends with the test."""
    monkeypatch.setenv("PATH", f"{redis_binary.folder()}:{os.environ['PATH']}")
    made = request.node.stash.setdefault(CLUSTERS, [])

    def make(**options: Any) -> Cluster:
        cluster = Cluster(tmp_path / f"cluster-{len(made)}", **options)
        made.append(cluster)
        return cluster

    yield make
    for cluster in made:
        cluster.end()
        cluster.give_ports_back()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Attach what the nodes logged in a failed test."""
    report = yield
    if report.failed:  # type: ignore[attr-defined]
        for node in (node for cluster in item.stash.get(CLUSTERS, []) for node in cluster.nodes):
            lines = node.log().splitlines()[-LOG_LINES:] if (node.root / "log").exists() else []
            report.sections.append((f"{node.name} ({node.role}, {node.port})", "\n".join(lines)))  # type: ignore[attr-defined]
    return report


@pytest.fixture
def formed(make_cluster: MakeCluster) -> Cluster:
    """One master, two replicas, three Sentinels, all joined."""
    made = make_cluster()
    made.form()
    return made
