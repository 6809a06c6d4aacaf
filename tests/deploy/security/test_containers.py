"""What a container may do to its host, and who can reach it."""

import ipaddress
import time
from collections.abc import Callable

from drills.target.cluster import Cluster
from drills.target.stack import Stack
from drills.target.waiting import until
from redis_ha.docker.health import RUN_FOLDER as RUN
from redis_ha.docker.joining import MAX_PROCESSES
from tests.deploy.inside import inside, output_of, processes
from tests.deploy.support import longest, no_errors, writing


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
        # Two volumes of the stack's and nothing of the host's: no socket, no folder.
        mounts = {m["Destination"]: m for m in attributes["Mounts"]}
        assert mounts.keys() == {"/data", "/etc/redis-ha/node"}, name
        assert {m["Type"] for m in mounts.values()} == {"volume"}, name
        assert (mounts["/data"]["Name"], mounts["/data"]["RW"]) == (name, True)
        assert not mounts["/etc/redis-ha/node"]["RW"], name
        assert host["ReadonlyRootfs"], name


def test_nothing_but_volumes_and_tmpfs_can_be_written_to(cluster: Cluster) -> None:
    for container in cluster.containers():
        name = container.name
        # Of the root file system alone: -xdev leaves out /data, /run/redis-ha, /dev and /proc.
        assert output_of(container, "sh", "-c", "find / -xdev -writable 2>/dev/null; echo all") == "all", name
        # Not even by root, as which nothing runs.
        assert "Read-only" in output_of(container, "touch", "/root/x", user="root"), name
        assert "Read-only" in output_of(container, "touch", "/etc/redis-ha/node/x"), name
        code, said = inside(
            container, "sh", "-c", f"cp /bin/busybox {RUN}/x && chmod +x {RUN}/x && {RUN}/x true; rm {RUN}/x"
        )
        assert "Permission denied" in said, f"{name}: what was written there can be run ({code})"


def test_a_fork_bomb_ends_inside_its_container(cluster: Cluster, figure: Callable[[str], None]) -> None:
    bombed = cluster.container(cluster.replicas()[0])
    with writing(cluster) as load:
        since = time.time()
        _, said = inside(bombed, "sh", "-c", "i=0; while :; do sleep 15 & i=$((i + 1)); echo $i; done | tail -n 1")
        *_, forked = (int(word) for word in said.split() if word.isdigit())
        assert MAX_PROCESSES / 2 < forked < MAX_PROCESSES, said
        load.settle()
        others = [c for c in cluster.containers() if c.id != bombed.id]
        assert [inside(c, "redis-ha-health")[0] for c in others] == [0] * len(others)
    no_errors(load)
    figure(f"{forked} processes until there are no more; longest write gap {longest(load, since) * 1000:.0f} ms")
    # Once a second: to list a thousand processes is work for Docker.
    until(lambda: len(bombed.top()["Processes"]) < MAX_PROCESSES / 10, "the bombed node to have processes again", 30, 1)
    assert inside(bombed, "redis-ha-health")[0] == 0


def test_nothing_runs_as_root(cluster: Cluster) -> None:
    for container in cluster.containers():
        found = processes(container)
        assert {one["Uid"] for one in found} == {"999\t999\t999\t999"}, container.name
        assert {one["CapEff"] for one in found} == {"0000000000000000"}, container.name
        assert {one["CapBnd"] for one in found} == {"0000000000000000"}, container.name
        assert {one["NoNewPrivs"] for one in found} == {"1"}, container.name
        for place in (
            "/etc/passwd",
            "/usr/local/bin/redis-ha",
            "/etc/redis-ha/redis.conf",
            "/etc/redis-ha/node/internal",
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
