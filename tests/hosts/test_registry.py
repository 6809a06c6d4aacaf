"""An image that is pushed once to a registry, and pulled from there by every other host."""

from collections.abc import Callable

import pytest

from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack
from tests.hosts.registry import program, registry
from tests.hosts.rig import Rig
from tests.hosts.support import Stopwatch, settings


def test_the_image_is_pushed_once_and_pulled_by_digest(hosts: Rig, stack: Stack, figure: Callable[[str], None]) -> None:
    if program() is None:
        pytest.skip("docker-registry is neither installed nor to be had from apt")
    second = Stack(f"{stack.name}reg", environment=stack.environment)
    ports = {"master": 26379, "replica": 26380, "sentinel": 26381}
    with registry(hosts.address) as server:
        second.create(settings(hosts, ports=ports, registry=server.address, sentinels=1))
        try:
            watch = Stopwatch()
            second.up()
            figure(f"up over 3 hosts with a registry in {watch}")
            cluster = Cluster(second.outputs())
            wait_healthy(cluster)
            name, _, digest = cluster.outputs.image.partition("@")
            assert name.startswith(f"{server.address}/")
            assert digest.startswith("sha256:")
            assert {c.attrs["Config"]["Image"] for c in cluster.containers()} == {cluster.outputs.image}
            assert len(server.requests("PUT", "/manifests/")) == 1
            pulls = server.requests("GET", f"/manifests/{digest}")
            assert len({host.name for host in hosts.hosts if any(host.address in line for line in pulls)}) == 2
            second.expect_no_changes()
        finally:
            second.destroy()
            second.forget()
