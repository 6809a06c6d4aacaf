"""What a container may do to its host, and who can reach it."""

import ipaddress

from drills.cluster import Cluster
from drills.stack import Stack
from tests.deploy.inside import inside


def test_no_container_has_more_than_it_needs(cluster: Cluster) -> None:
    for container in cluster.containers():
        name, attributes = container.name, container.attrs
        host = attributes["HostConfig"]
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert not host["Privileged"], name
        assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"]), name
        assert not any(option.endswith("=unconfined") for option in host["SecurityOpt"]), name
        assert host["LogConfig"]["Config"] == {"max-file": "3", "max-size": "10m"}, name
        assert not host["PidMode"], name
        assert host["IpcMode"] != "host", name
        assert not host["Devices"], name
        # Its own volume and nothing of the host's: no socket, no folder.
        assert [(m["Type"], m["Name"], m["Destination"]) for m in attributes["Mounts"]] == [("volume", name, "/data")]


def test_nothing_runs_as_root(cluster: Cluster) -> None:
    for container in cluster.containers():
        status = inside(container, "sh", "-c", "cat /proc/[0-9]*/status")[1].splitlines()
        fields = [line.split() for line in status]
        assert {f[1] for f in fields if f[0] == "Uid:"} == {"999"}, container.name
        assert {f[1] for f in fields if f[0] == "CapEff:"} == {"0000000000000000"}, container.name
        assert {f[1] for f in fields if f[0] == "CapBnd:"} == {"0000000000000000"}, container.name
        assert {f[1] for f in fields if f[0] == "NoNewPrivs:"} == {"1"}, container.name
        for place in (
            "/etc/passwd",
            "/usr/local/bin/redis-ha",
            "/etc/redis-ha/redis.conf",
            "/etc/redis-ha/secrets/internal",
        ):
            assert inside(container, "sh", "-c", f"echo x >>{place}")[0] != 0, f"{container.name}: {place}"


def test_ports_are_published_on_loopback_only(cluster: Cluster, stack: Stack) -> None:
    nodes = {n.name: n for n in (*cluster.nodes, *cluster.sentinels)}
    subnet = ipaddress.IPv4Network(stack.config("redis-ha:subnet"))
    for container in cluster.containers():
        node = nodes[container.labels["redis-ha.node"]]
        published = {k: v for k, v in container.attrs["NetworkSettings"]["Ports"].items() if v}
        assert published == {f"{node.port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(node.port)}]}
        networks = container.attrs["NetworkSettings"]["Networks"]
        assert list(networks) == [f"redis-ha-{stack.name}"], f"{container.name} is in {list(networks)}"
        assert ipaddress.IPv4Address(node.host) in subnet
