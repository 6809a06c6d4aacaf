"""`make status` over several hosts."""

from concurrent.futures import ThreadPoolExecutor

from drills.faults.base import Scene
from drills.faults.hosts import powered_off
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack
from tests.deploy.looks import said, until_seen


def test_a_host_that_is_lost_is_named(cluster: Cluster, scene: Scene, stack: Stack) -> None:
    seen = until_seen(stack, 0)
    places = {node.name: node.host_name for node in (*cluster.nodes, *cluster.sentinels)}
    assert {node["name"]: node["host"] for node in seen.document["nodes"]} == places
    lost = cluster.master()
    sentinel = next(name for name, host in places.items() if host == lost.host_name and name != lost.name)
    # A look takes as long as Docker is waited for: the one in words is taken beside the others.
    with powered_off(scene), ThreadPoolExecutor() as beside:
        words = beside.submit(said, stack)
        seen = until_seen(stack, 1, "silent_docker", "no_answer", "no_answer")
        assert seen.document["verdict"].startswith(f"degraded: Docker of host {lost.host_name} does not answer: ")
        silent = [node["name"] for node in seen.document["nodes"] if node["silence"]]
        assert sorted(silent) == sorted([lost.name, sentinel])
        assert f"Docker of host {lost.host_name} does not answer: " in words.result().stdout
    wait_healthy(cluster)
    until_seen(stack, 0)
