"""All containers killed, and started again in any order."""

import time
from collections.abc import Callable

import pytest
from docker.models.containers import Container

from drills.faults.base import all_at_once, kill
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.waiting import until
from tests.deploy.support import fill, holds, same_data


def _order(cluster: Cluster, name: str) -> list[Container]:
    """The containers in an order of starting."""
    nodes = cluster.containers("redis")
    nodes.sort(key=lambda c: c.labels["redis-ha.node"])
    sentinels = cluster.containers("sentinel")
    master = cluster.master().name
    others = [c for c in nodes if c.labels["redis-ha.node"] != master]
    masters = [c for c in nodes if c.labels["redis-ha.node"] == master]
    return {
        "sentinels first": [*sentinels, *others, *masters],
        "old master last": [*others, *sentinels, *masters],
        "declared master first": [*nodes, *sentinels],
        "replicas before sentinels": [*reversed(nodes), *reversed(sentinels)],
    }[name]


@pytest.mark.parametrize(
    "name", ["sentinels first", "old master last", "declared master first", "replicas before sentinels"]
)
def test_everything_killed_and_started_again(cluster: Cluster, figure: Callable[[str], None], name: str) -> None:
    content = fill(cluster)
    # The master need not be the one that was declared.
    moved = cluster.master()
    if moved.name == "redis-0":
        cluster.container(moved).stop(timeout=30)
        until(lambda: cluster.master(30) != moved, "the master to move", 30)
        cluster.container(moved).start()
        wait_healthy(cluster)
    ordered = _order(cluster, name)
    all_at_once(ordered, kill)
    began = time.monotonic()
    for container in ordered:
        container.start()
    wait_healthy(cluster)
    figure(f"whole {time.monotonic() - began:.1f} s after the first start")
    for node in cluster.nodes:
        assert holds(cluster, node, content), f"{node.name} has lost data"
    same_data(cluster)


def test_sentinels_come_back_after_the_data_nodes_had_to_decide_alone(cluster: Cluster) -> None:
    """The last master becomes it again, a minute after the last Sentinel was heard, and the others find it."""
    content = fill(cluster)
    before = cluster.master()
    nodes, sentinels = cluster.containers("redis"), cluster.containers("sentinel")
    all_at_once([*nodes, *sentinels], kill)
    all_at_once(nodes, lambda c: c.start())

    def settled() -> bool:
        roles = cluster.roles()
        return all(r is not None and (n == before) == (r.name == "master") for n, r in roles.items())

    until(settled, "one master", 90, 0.5, because=lambda: str({n.name: str(r) for n, r in cluster.roles().items()}))
    all_at_once(sentinels, lambda c: c.start())
    wait_healthy(cluster)
    for node in cluster.nodes:
        assert holds(cluster, node, content)
