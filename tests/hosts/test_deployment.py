"""A stack over three hosts, as it stands."""

from collections.abc import Callable

from drills.target.cluster import Cluster
from drills.target.stack import Stack
from tests.hosts.rig import Rig


def test_each_host_has_a_data_node_and_a_sentinel(cluster: Cluster, rig: Rig, figure: Callable[[str], None]) -> None:
    names = [host.name for host in rig.hosts]
    assert sorted(str(node.host_name) for node in cluster.nodes) == names
    assert sorted(str(sentinel.host_name) for sentinel in cluster.sentinels) == names
    for host in rig.hosts:
        labels = [c.labels["redis-ha.kind"] for c in host.docker().containers.list(filters={"label": "redis-ha.node"})]
        assert sorted(labels) == ["redis", "sentinel"]
    figure("memory of each host: " + ", ".join(f"{host.memory() / 2**20:.0f} MiB" for host in rig.hosts))


def test_ports_are_the_source_documents_on_every_host(cluster: Cluster, rig: Rig) -> None:
    addresses = {host.name: host.address for host in rig.hosts}
    for node in cluster.nodes:
        assert node.host == addresses[str(node.host_name)]
        assert node.port == (16379 if node.name == "redis-0" else 16380)
    assert {sentinel.port for sentinel in cluster.sentinels} == {16381}


def test_the_preview_is_clean(cluster: Cluster, stack: Stack) -> None:
    del cluster
    stack.expect_no_changes()
