"""`protectData` on a running stack of its own: what would remove data is refused, until it is off again."""

from collections.abc import Iterator

import pytest

from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.plain import avoid_default_route
from drills.target.stack import Stack, StackCommandError
from tests.deploy.support import NAME, fill, holds, left_over, place, started_at

SETTINGS = {**place(1), "replicas": 1, "sentinels": 1, "protectData": True}


@pytest.fixture
def protected(stack: Stack) -> Iterator[Stack]:
    """The deployed stack; `stack` is asked for as one of the two engines."""
    avoid_default_route(str(SETTINGS["subnet"]))
    made = Stack(f"{NAME}-kept", environment=stack.environment)
    made.create(SETTINGS)
    made.up()
    yield made
    if left_over(made.name):
        made.configure({**SETTINGS, "protectData": False})
        made.up()
        made.destroy()
    made.forget()


def _refused(stack: Stack, *words: str) -> str:
    with pytest.raises(StackCommandError) as failed:
        stack.run(*words)
    assert "protected" in failed.value.output
    return failed.value.output


def test_data_is_kept_until_it_may_go(protected: Stack) -> None:
    cluster = Cluster(protected.outputs())
    wait_healthy(cluster)
    content = fill(cluster)
    before = started_at(cluster, "redis"), started_at(cluster, "sentinel")
    volume = next(node.container for node in cluster.nodes if node.name == "redis-1")

    said = _refused(protected, "destroy", "--yes", "--skip-preview")
    assert volume in said or "redis-1" in said
    with protected.changed({"replicas": 0, "durability": "available"}):
        assert f"this removes the data volume {volume}" in _refused(protected, "preview")
        _refused(protected, "up", "--yes", "--skip-preview")
    if protected.environment["REDIS_HA_ENGINE"] == "embedded":  # Pulumi does what comes first
        assert (started_at(cluster, "redis"), started_at(cluster, "sentinel")) == before
    assert all(holds(cluster, node, content) for node in cluster.nodes)

    protected.configure({"protectData": False})
    protected.up()
    assert (started_at(cluster, "redis"), started_at(cluster, "sentinel")) == before, "no node is touched for it"
    with protected.changed({"replicas": 0}):
        assert f"this removes the data volume {volume}" in protected.run("preview")
    said = protected.run("destroy", "--yes")
    if protected.environment["REDIS_HA_ENGINE"] == "embedded":
        assert "the component 'redis-ha' loses 5 volumes, with all that is in there" in said
        assert volume in said
    assert left_over(protected.name) == []
