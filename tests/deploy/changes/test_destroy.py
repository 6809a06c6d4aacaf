"""A stack that is removed leaves nothing behind. It has a stack of its own, the same in all but its place."""

import time
from collections.abc import Callable

import docker

from drills.target.cluster import Cluster
from drills.target.health import problems
from drills.target.stack import Stack, own_stack
from tests.deploy.support import NAME, left_over, place, writing

SETTINGS = place(1)


def _inventory(client: docker.DockerClient) -> set[str]:
    """Whatever is called after the stack, labelled or not."""
    named = [*client.containers.list(all=True, ignore_removed=True), *client.networks.list(), *client.volumes.list()]
    return {n for n in (str(found.attrs.get("Name")) for found in named) if f"redis-ha-{NAME}-gone" in n}


def _mounted(cluster: Cluster) -> set[str]:
    """The volumes that the containers use, nameless ones too."""
    return {str(m["Name"]) for c in cluster.containers() for m in c.attrs["Mounts"] if m["Type"] == "volume"}


def test_destroy_leaves_nothing_behind_and_takes_seconds(stack: Stack, figure: Callable[[str], None]) -> None:
    client = docker.from_env(timeout=120)
    with own_stack(f"{NAME}-gone", SETTINGS, stack.environment) as doomed:
        doomed.up()
        cluster = Cluster(doomed.outputs())
        assert problems(cluster) == []
        volumes = _mounted(cluster)
        # Nodes and their volumes; for each kind of node a volume of files and its carrier; the network.
        assert len(left_over(doomed.name)) == 6 + 6 + 2 * 2 + 1
        # With a client writing, too: no hand-over from one node to the next while all of them go.
        with writing(cluster):
            began = time.monotonic()
            doomed.destroy()
            took = time.monotonic() - began
    figure(f"destroyed in {took:.1f} s")
    assert left_over(doomed.name) == []
    assert not _inventory(client)
    assert not volumes & {str(v.id) for v in client.volumes.list()}
    assert took < 20
