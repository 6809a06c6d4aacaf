"""The example over several hosts, deployed as its reader would."""

from pathlib import Path

import pytest

from tests.deploy.example import STACK, Example, finder
from tests.deploy.support import ENGINES
from tests.hosts.rig import Rig
from tests.hosts.support import settings

PORTS = '"ports": {"master": 24379, "replica": 24380, "sentinel": 24381}'


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cluster_over_hosts(hosts: Rig, engine: str, tmp_path: Path) -> None:
    example = Example("hosts", engine, tmp_path)
    program = example.folder / "__main__.py"
    with example.configured({"hosts": settings(hosts)["hosts"]}, {"password": "for-orders"}):
        # Beside the stack of the other tests, and nothing of it is to stay.
        program.write_text(program.read_text().replace('"retain_data": True', PORTS))
        example("up", "--yes", "--skip-preview")
        outputs = example.outputs()
        assert finder(outputs["sentinels"], "for-orders").master_for("mymaster", password="for-orders").set("a", "b")
        mine: dict[str, str | list[str] | bool] = {"label": [f"redis-ha.stack={STACK}", "redis-ha.node"]}
        nodes = [host.docker().containers.list(filters=mine) for host in hosts.hosts]
        assert [len(one) for one in nodes] == [2, 2, 2]
        example("preview", "--expect-no-changes")
