"""What the tests of a run have measured, and the cluster that the present one has: for tests/conftest.py to print."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # unit tests need no Docker
    from drills.target.cluster import Cluster

figures: list[tuple[str, str]] = []
current: list[Cluster] = []


def note(what: str, text: str) -> None:
    """A figure for the summary at the end."""
    figures.append((what, text))


def working_with(cluster: Cluster) -> None:
    """Whose containers' logs are wanted where the present test fails."""
    current[:] = [cluster]
