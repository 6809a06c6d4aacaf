"""The example over several hosts, deployed as its reader would, with a registry that its image goes through."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from redis_ha.outputs import Outputs
from tests.deploy.example import STACK, Example, finder
from tests.deploy.support import ENGINES
from tests.hosts.conftest import mended
from tests.hosts.registry import Registry, program, registry
from tests.hosts.rig import Rig
from tests.hosts.support import Stopwatch, settings
from tests.measured import note, working_with

PASSWORD = "for-orders"
PORTS = '"ports": {"master": 24379, "replica": 24380, "sentinel": 24381}'
# What Cluster has to know besides, and what the nodes run.
EXPORTS = """
for name in ("master_name", "nodes", "password", "image"):
    pulumi.export(name, orders.outputs[name])
"""


@dataclass(frozen=True)
class Deployed:
    """The example, what it exports, its cluster, and the registry: None where docker-registry is not to be had."""

    example: Example
    outputs: dict[str, Any]
    cluster: Cluster
    server: Registry | None


@pytest.fixture(scope="module", params=ENGINES)
def deployed(request: pytest.FixtureRequest, rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The example over the three hosts; nothing of it is to stay."""
    example = Example("hosts", request.param, tmp_path_factory.mktemp("example"))
    file = example.folder / "__main__.py"
    with ExitStack() as ending:
        server = ending.enter_context(registry(rig.address)) if program() else None
        ending.enter_context(example.configured({"hosts": settings(mended(rig))["hosts"]}, {"password": PASSWORD}))
        # Beside the stack of the other tests.
        own = f'{PORTS}, "registry": "{server.address}"' if server else PORTS
        file.write_text(file.read_text().replace('"retain_data": True', own) + EXPORTS)
        watch = Stopwatch()
        example("up", "--yes", "--skip-preview")
        by = "with a registry" if server else "without a registry"
        note(f"up of the example over 3 hosts {by} ({request.param})", str(watch))
        outputs = example.outputs()
        cluster = Cluster(Outputs.from_json(STACK, json.dumps(outputs)))
        working_with(cluster)
        yield Deployed(example, outputs, cluster, server)


def test_a_cluster_over_hosts(deployed: Deployed, hosts: Rig) -> None:
    sentinels = finder(deployed.outputs["sentinels"], PASSWORD)
    assert sentinels.master_for("mymaster", password=PASSWORD).set("a", "b")
    wait_healthy(deployed.cluster)
    mine: dict[str, str | list[str] | bool] = {"label": [f"redis-ha.stack={STACK}", "redis-ha.node"]}
    nodes = [host.docker().containers.list(filters=mine) for host in hosts.hosts]
    assert [len(one) for one in nodes] == [2, 2, 2]
    deployed.example("preview", "--expect-no-changes")


def test_the_image_is_pushed_once_and_pulled_by_digest(deployed: Deployed, hosts: Rig) -> None:
    """By every other host."""
    server, image = deployed.server, deployed.cluster.outputs.image
    if server is None:
        pytest.skip("docker-registry is neither installed nor to be had from apt")
    name, _, digest = image.partition("@")
    assert name.startswith(f"{server.address}/")
    assert digest.startswith("sha256:")
    assert {c.attrs["Config"]["Image"] for c in deployed.cluster.containers()} == {image}
    assert len(server.requests("PUT", "/manifests/")) == 1
    pulls = server.requests("GET", f"/manifests/{digest}")
    assert len({host.name for host in hosts.hosts if any(host.address in line for line in pulls)}) == 2
