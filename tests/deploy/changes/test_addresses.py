"""Other addresses for every node: an outage, which the preview says, and no data lost. The name stays."""

import ipaddress
import os
import signal
import subprocess
from collections.abc import Callable

import docker
import pytest

from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.plain import avoid_default_route
from drills.target.stack import Stack, StackCommandError
from drills.target.waiting import until
from tests.deploy.support import fill, holds, place

OTHER = place(1)


def _fill_behind_a_hand_over(cluster: Cluster) -> dict[str, str]:
    """Data that the declared first master has only from another one."""
    first = cluster.master()
    cluster.container(first).stop(timeout=30)
    cluster.container(first).start()
    wait_healthy(cluster)
    assert cluster.master() != first
    return fill(cluster)


def _moved(stack: Stack) -> int:
    """How many of the stack's containers run at the other addresses."""
    listed = docker.from_env().api.containers(filters={"label": f"redis-ha.stack={stack.name}"})
    networks = [network for one in listed for network in one["NetworkSettings"]["Networks"].values()]
    subnet = ipaddress.ip_network(str(OTHER["subnet"]))
    return sum(bool(of["IPAddress"]) and ipaddress.ip_address(of["IPAddress"]) in subnet for of in networks)


def test_another_subnet_and_other_ports(cluster: Cluster, stack: Stack) -> None:
    avoid_default_route(str(OTHER["subnet"]))
    content = _fill_behind_a_hand_over(cluster)
    # A hand-over is no change, and no outage is foretold.
    assert "replaced at the same time" not in stack.expect_no_changes()
    with stack.changed(OTHER):
        said = stack.run("preview")
        assert (
            "no Sentinel stays at its address: the data nodes that this replaces are replaced at the same time" in said
        )
        stack.up()
        moved = Cluster(stack.outputs())
        assert {node.port for node in moved.nodes}.isdisjoint(node.port for node in cluster.nodes)
        wait_healthy(moved)
        assert all(holds(moved, node, content) for node in moved.nodes)
    stack.up()
    wait_healthy(cluster)
    assert all(holds(cluster, node, content) for node in cluster.nodes)


def test_the_change_is_taken_back_after_a_stop_half_way(
    cluster: Cluster, stack: Stack, figure: Callable[[str], None]
) -> None:
    avoid_default_route(str(OTHER["subnet"]))
    content = _fill_behind_a_hand_over(cluster)
    of_all = len(cluster.containers())
    with stack.changed(OTHER):
        command = ["./pulumiw", "up", "--yes", "--skip-preview", "--stack", stack.name]
        environment = {**os.environ, **stack.environment}
        running = subprocess.Popen(
            command, cwd=stack.project_dir, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
        )
        try:
            moved = until(lambda: _moved(stack), "the first node at another address", 60)
        finally:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
    stack.up()
    wait_healthy(cluster)
    assert all(holds(cluster, node, content) for node in cluster.nodes)
    figure(f"killed with {moved} of {of_all} nodes moved")


def test_the_masters_name_cannot_be_changed(cluster: Cluster, stack: Stack) -> None:
    with stack.changed({"masterName": "another"}), pytest.raises(StackCommandError) as refused:
        stack.run("preview")
    assert "its Sentinels know the master as mymaster" in refused.value.output
