"""The endpoint, for clients that do not ask the Sentinels: writes reach the one master, and nobody else."""

import functools
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docker.models.containers import Container
from redis.exceptions import RedisError

from drills.faults import FAULTS
from drills.faults.base import Fault, Scene, all_at_once, kill, revive
from drills.faults.firewall import enter_namespace, namespace_of, refused
from drills.faults.network import Split, partitioned
from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack
from drills.target.waiting import until
from drills.under_load import under_load
from drills.watch.load import Load
from drills.watch.routes import ThroughEndpoint
from drills.watch.timeline import Timeline
from redis_ha.outputs import Node
from tests.deploy.credentials import Credentials
from tests.deploy.inside import answer_of, output_of, processes
from tests.deploy.support import consistent, longest, no_errors, nothing_lost, same_data

DOWN_AFTER = 1.0


@pytest.fixture
def endpoint(cluster: Cluster) -> Iterator[Container]:
    """The endpoint's container, which has a master to send to."""
    found = cluster.docker.containers.get(f"redis-ha-{cluster.outputs.stack}-endpoint")
    until(lambda: _answers(cluster), "the endpoint to answer", 30)
    yield found
    if found.status != "running":
        revive(found)


def _client(cluster: Cluster, way: str = "write", **options: Any) -> Any:
    address = cluster.outputs.write if way == "write" else cluster.outputs.read
    assert address is not None
    return clients.direct(address, cluster.outputs.password, tls=cluster.outputs.tls, **options)


def _role(cluster: Cluster, way: str = "write") -> str:
    """What the node says that it is to which a new connection leads; "" when there is none."""
    client = _client(cluster, way)
    try:
        return str(client.execute_command("ROLE")[0])
    except (RedisError, OSError):
        return ""
    finally:
        client.close()


def _answers(cluster: Cluster) -> bool:
    return _role(cluster) == "master"


def _node(cluster: Cluster, way: str = "write") -> str:
    """The name of the node to which a new connection leads."""
    with _client(cluster, way) as client:
        port = int(client.info("server")["tcp_port"])
    return next(node.name for node in cluster.nodes if node.port == port)


def _holders(endpoint: Container, since: float, first: Node) -> list[str]:
    """The nodes that have had the writes since then, beginning with `first`, as the endpoint has logged it.

    One that gets them back, after it was too slow to answer, is named once.
    """
    log = endpoint.logs(since=int(since), stdout=False, timestamps=True).decode()
    marks = [line.split() for line in log.splitlines() if "redis-ha: writes go to redis-" in line]
    began = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since)) + f"{since % 1:.9f}"[1:]
    names = [name for at, *_, name in marks if at > began]
    return [name for name, _ in itertools.groupby([first.name, *names])]


def _announced(cluster: Cluster, timeline: Timeline, since: float, first: Node) -> list[str]:
    """`first`, and the masters that Sentinel has announced since then: several on a machine that is too busy."""
    addresses = dict.fromkeys(tuple(event.detail.split()[3:]) for event in timeline.find("+switch-master", since))
    found = (cluster.by_address((host, int(port))) for host, port in addresses)
    return [first.name, *(node.name for node in found if node)]


def _writing(cluster: Cluster, **options: Any) -> Load:
    return Load(lambda: ThroughEndpoint(cluster.outputs), 2, 100.0, "endpoint client", **options)


@pytest.mark.parametrize("name", ["master-killed", "master-hung", "master-cut-off", "sentinel-failover", "hand-over"])
def test_the_writes_follow_the_master(
    cluster: Cluster, endpoint: Container, figure: Callable[[str], None], name: str
) -> None:
    fault = FAULTS[name]
    scene = Scene(cluster, Timeline(cluster))
    if reason := fault.refused(scene):
        pytest.skip(reason)
    before = cluster.master()
    load = _writing(cluster)

    def meanwhile(_: float) -> None:
        until(lambda: cluster.master(30) != before, "a failover", 30)
        load.settle()

    # The old master comes back at the end, and must not get a single write.
    since = under_load(scene, fault, [load], meanwhile).began
    assert _holders(endpoint, since, before) == _announced(cluster, scene.timeline, since, before)
    outage = longest(load, since)
    figure(f"outage {outage:.2f} s through the endpoint")
    # A bound that catches a wrong check or timer, not a slow machine: down-after + 0.5 s is the aim.
    assert outage < DOWN_AFTER + 4
    no_errors(load)
    same_data(cluster)
    nothing_lost(cluster, load)


def test_an_old_master_that_goes_on_before_its_successor_is_announced(
    cluster: Cluster, timeline: Timeline, endpoint: Container
) -> None:
    before = cluster.master()
    old = cluster.container(before)
    with _writing(cluster) as load:
        since = time.time()
        try:
            old.pause()
            until(lambda: len(_holders(endpoint, since, before)) > 1, "another node to get the writes", 30, 0.01)
        finally:
            old.unpause()
        wait_healthy(cluster)
        load.settle()
    assert cluster.master() != before
    assert _holders(endpoint, since, before) == _announced(cluster, timeline, since, before)
    no_errors(load)
    nothing_lost(cluster, load)


def test_a_second_master_gets_nothing(cluster: Cluster, stack: Stack, endpoint: Container) -> None:
    right, wrong = cluster.master(), cluster.replicas()[0]
    usurper = Credentials.of(stack, cluster).login(wrong, "handover")
    with _writing(cluster) as load:
        since = time.time()
        usurper.execute_command("REPLICAOF", "NO", "ONE")
        until(lambda: (role := cluster.role(wrong)) is not None and role.name == "replica", "it is sent back", 10)
        load.settle(50)
        # One that starts now knows of no earlier master: it has to believe the Sentinels.
        endpoint.restart(timeout=5)
        until(lambda: _answers(cluster), "the endpoint to answer", 30)
        assert _node(cluster) == right.name
        wait_healthy(cluster)
        load.settle()
    assert cluster.master() == right
    assert wrong.name not in _holders(endpoint, since, right)
    same_data(cluster)
    nothing_lost(cluster, load)


def test_available_needs_no_sentinel(cluster: Cluster, endpoint: Container) -> None:
    sentinels = cluster.containers("sentinel")
    master = cluster.master()
    with _writing(cluster) as load:
        since = time.time()
        try:
            all_at_once(sentinels, kill)
            load.settle(200)
            assert _node(cluster) == master.name
        finally:
            all_at_once(sentinels, revive)
        wait_healthy(cluster)
    assert _holders(endpoint, since, master) == [master.name]
    no_errors(load)
    nothing_lost(cluster, load)


def test_reads_go_to_replicas_that_follow(cluster: Cluster, endpoint: Container) -> None:
    until(lambda: {_role(cluster, "read") for _ in range(6)} == {"slave"}, "reads from replicas", 30)
    reached = {_node(cluster, "read") for _ in range(12)}
    assert reached == {node.name for node in cluster.replicas()}, "both replicas take part"
    replicas = [cluster.container(node) for node in cluster.replicas()]
    master = cluster.container(cluster.master())
    try:
        all_at_once(replicas, kill)
        until(lambda: _role(cluster, "read") == "master", "the master to take the reads", 20)
        replicas[0].start()
        until(lambda: _role(cluster, "read") == "slave", "the replica to take them again", 30)
        replicas[1].start()
        wait_healthy(cluster)
        all_at_once(cluster.containers("sentinel"), kill)  # so that nobody takes the dead master's place
        master.kill()
        until(lambda: not _role(cluster), "the writes to stop", 20)
        until(lambda: _role(cluster, "read") == "slave", "reads of old data", 20)
    finally:
        all_at_once([*replicas, master, *cluster.containers("sentinel")], revive)
    wait_healthy(cluster)


def test_consistent_the_minority_gets_no_writes(
    cluster: Cluster, stack: Stack, endpoint: Container, figure: Callable[[str], None]
) -> None:
    if reason := refused(cluster):
        pytest.skip(reason)
    with consistent(cluster, stack):
        _partition(cluster, figure)


def _partition(cluster: Cluster, figure: Callable[[str], None]) -> None:
    """The endpoint stands with the old master and one Sentinel on one side; its clients do, too."""
    assert cluster.outputs.write is not None
    here = Node("endpoint", *cluster.outputs.write, f"redis-ha-{cluster.outputs.stack}-endpoint")
    until(lambda: _answers(cluster), "the endpoint to answer", 30)
    split = Split.of(cluster)
    beside = Split(split.old_master, (*split.minority, here), split.majority)
    load = _writing(cluster, enter=functools.partial(enter_namespace, namespace_of(cluster, here)))
    scene = Scene(cluster, Timeline(cluster))
    fenced: list[float] = []

    def meanwhile(cut: float) -> None:
        scene.timeline.wait_for("+switch-master", cut, sources=len(split.majority), timeout=30)
        until(lambda: time.time() - _last(load) > 2, "the writes to end", 15)
        fenced.append(_last(load) - cut)

    fault = Fault("partition", "the endpoint on the minority's side", functools.partial(partitioned, split=beside))
    cut = under_load(scene, fault, [load], meanwhile).began
    same_data(cluster)
    lost = load.lost(cluster)
    figure(f"the endpoint on the minority's side: no write {fenced[0]:.1f} s after the cut; {len(lost)} lost")
    # It must have noticed before a successor can take a write: the Sentinels need down-after for that.
    assert all(write.at < cut + DOWN_AFTER + 1 for write in lost)


def _last(load: Load) -> float:
    return max(client.acknowledged[-1][1] for client in load.clients)


def test_its_container_has_no_more_than_it_needs(cluster: Cluster, endpoint: Container) -> None:
    host = endpoint.attrs["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert host["ReadonlyRootfs"]
    assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"])
    assert host["LogConfig"]["Config"] == {"max-file": "3", "max-size": "10m"}
    found = processes(endpoint)
    assert {one["Uid"].split()[0] for one in found} == {"99"}
    assert {one["CapEff"] for one in found} == {"0000000000000000"}
    assert answer_of(endpoint, "redis-ha-health") == (0, f"writes go to {cluster.master().name}")
    # HAProxy's socket is for its own user alone.
    assert output_of(endpoint, "stat", "-c", "%A %u", "/run/redis-ha/haproxy.sock") == "srw------- 99"
    assert str(cluster.outputs.password) not in output_of(endpoint, "sh", "-c", "cat /etc/redis-ha/node/*")
