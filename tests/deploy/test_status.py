"""`make status` on a live stack: whole, and with things broken on purpose."""

import json

from drills.faults.base import kill, revive
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack
from drills.target.waiting import until
from tests.deploy.looks import look, said, until_seen


def test_a_whole_stack_is_healthy(cluster: Cluster, stack: Stack) -> None:
    seen = until_seen(stack, 0)
    master = cluster.master()
    assert seen.document["verdict"] == f"healthy: {master.name} is master, 2 replicas in sync, 3 Sentinels agree"
    for node in cluster.nodes:
        shown = seen.node(node.name)
        assert shown["role"] == ("master" if node == master else "replica")
        assert tuple(shown["address"]) == node.address
        assert shown["data"]["version"] == cluster.client(node).info("server")["redis_version"]
        assert shown["said"]["joined"] is True
        assert (shown["lag"] is None) == (node == master)
    assert all(seen.node(node.name)["watch"]["master"] == list(master.address) for node in cluster.sentinels)
    assert seen.node("endpoint")["container"]["status"] == "running"
    texts: list[str] = []

    def same() -> bool:
        texts.append(said(stack).stdout)
        return texts[-1].splitlines()[-1:] == [seen.document["verdict"]]

    # At another look a node may be too busy to answer.
    until(same, "the same in words", 60, 0.5, lambda: texts[-1])
    assert cluster.outputs.password is not None
    assert cluster.outputs.password not in "".join(texts) + json.dumps(seen.document)


def test_what_is_broken_is_said(cluster: Cluster, stack: Stack) -> None:
    master = cluster.master()
    replica, other = (node for node in cluster.nodes if node != master)
    kill(cluster.container(replica))
    degraded = until_seen(stack, 1, "not_running")
    assert degraded.document["verdict"] == f"degraded: {replica.name} is exited"
    first, second, _ = cluster.sentinels
    cluster.container(first).pause()
    kill(cluster.container(second))
    until_seen(stack, 1, "not_running", "not_running", "not_running", "no_majority")
    kill(cluster.container(master))
    kill(cluster.container(other))
    down = look(stack)
    assert down.code == 2
    assert down.document["verdict"].startswith("down: no node is master: writes are impossible (and ")
    assert said(stack).returncode == 2
    for container in cluster.containers():
        if container.status != "running":
            revive(container)
    wait_healthy(cluster, 90)
    until_seen(stack, 0)


def test_without_the_passphrase_docker_and_the_agents_are_heard(cluster: Cluster, stack: Stack) -> None:
    seen = look(stack, {"PULUMI_CONFIG_PASSPHRASE": "another"})
    assert (seen.code, seen.findings) == (1, ["no_outputs"])
    assert seen.node(cluster.master().name)["role"] == "master"


def test_without_docker_it_is_not_known(cluster: Cluster, stack: Stack) -> None:
    seen = look(stack, {"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    if stack.environment["REDIS_HA_ENGINE"] == "pulumi":
        # Pulumi's state says where the nodes are, and they are asked: only what Docker alone knows is missing.
        assert seen.code == 1
        assert "silent_docker" in seen.findings
        assert seen.node(cluster.master().name)["role"] == "master"
    else:
        assert (seen.code, seen.findings) == (3, ["no_docker"])


def test_wrong_arguments_are_no_state_of_the_stack(stack: Stack) -> None:
    done = said(stack, "--jason")
    assert (done.returncode, done.stdout) == (64, "")
