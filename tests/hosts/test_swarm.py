"""The nodes as services of a Docker Swarm over the same hosts: all are managers, so that any of them may be lost."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from redis.exceptions import RedisError

from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.stack import Stack, StackCommandError
from drills.target.waiting import until
from tests.deploy.support import ENGINES, certify, longest, no_errors, nothing_lost, outputs_of, writing
from tests.hosts.conftest import NAME
from tests.hosts.host import Host
from tests.hosts.registry import PASSWORD, USER, program, registry
from tests.hosts.rig import Rig
from tests.hosts.support import Stopwatch, abandon, settings
from tests.hosts.system import run
from tests.measured import working_with

PORTS = {"master": 27379, "replica": 27380, "sentinel": 27381}  # beside the stack of the other tests
GAP_SECONDS = 2.0  # of a hand-over on a busy machine; a failover that was not planned takes longer
OUTAGE_SECONDS = 4.0  # at down-after 1000
LOST = 5  # a master that dies without warning may take its last unreplicated writes with it


@pytest.fixture(scope="module")
def manager(rig: Rig) -> Iterator[Host]:
    """The first host, of a Swarm of all."""
    if program() is None:
        pytest.skip("docker-registry is neither installed nor to be had from apt: a Swarm's nodes need one")
    first, *others = rig.hosts
    _docker(first, "swarm", "init", "--advertise-addr", first.address)
    token = _docker(first, "swarm", "join-token", "--quiet", "manager").strip()
    for host in others:
        _docker(host, "swarm", "join", "--advertise-addr", host.address, "--token", token, first.address)
    yield first
    # The services end with it, where they are still there: none of them is beside the tests of another file.
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda host: _docker(host, "swarm", "leave", "--force"), rig.hosts))


@pytest.fixture(scope="module", params=ENGINES)
def services(request: pytest.FixtureRequest, rig: Rig, manager: Host) -> Iterator[Stack]:
    """The stack in the Swarm, with TLS only, its image from a registry that wants a login."""
    deployed = Stack(f"{NAME}swarm", environment={"REDIS_HA_ENGINE": request.param, "DOCKER_HOST": manager.docker_url})
    with registry(rig.address, login=True) as server:
        wanted: dict[str, Any] = {
            "swarm": True,
            "tls": {"clientAuth": "optional"},
            "registry": server.address,
            "registryUser": USER,
        }
        deployed.create(settings(rig, ports=PORTS, **wanted))
        deployed.run("config", "set", "--secret", "redis-ha:registryPassword", stdin=PASSWORD)
        certify(deployed)
        try:
            deployed.up()
            yield deployed
        finally:
            abandon(deployed, request.param)


def _docker(host: Host, *words: str) -> str:
    return run("docker", "--host", host.docker_url, *words)


def _tasks(manager: Host, stack: Stack, kind: str) -> list[dict[str, Any]]:
    """The tasks of a service that are running, which for Swarm are those that have joined."""
    chosen = {"service": f"redis-ha-{stack.name}-{kind}", "desired-state": "running"}
    found = manager.docker().api.tasks(filters=chosen)  # type: ignore[no-untyped-call]
    return [task for task in found if task["Status"]["State"] == "running"]


def _whole(manager: Host, stack: Stack) -> Cluster:
    """The cluster, when every host has a data node and a Sentinel."""
    for kind in ("redis", "sentinel"):
        until(lambda kind=kind: len(_tasks(manager, stack, kind)) == 3, f"3 tasks of {kind}", 90, 0.5)  # type: ignore[misc]
    whole = Cluster(outputs_of(stack))
    working_with(whole)
    return whole


def test_each_host_has_a_node_of_each_kind(
    rig: Rig, manager: Host, services: Stack, figure: Callable[[str], None]
) -> None:
    cluster = _whole(manager, services)
    assert {n.address for n in cluster.nodes} == {
        (rig.hosts[0].address, 27379),
        (rig.hosts[1].address, 27380),
        (rig.hosts[2].address, 27380),
    }
    host, port = cluster.nodes[0].address
    assert cluster.master() == cluster.nodes[0]
    assert {str(role) for role in cluster.roles().values()} == {"master", f"replica of {host}:{port}, linked"}
    for kind in ("redis", "sentinel"):
        assert len({task["NodeID"] for task in _tasks(manager, services, kind)}) == 3
        told = _docker(manager, "service", "inspect", f"redis-ha-{services.name}-{kind}")
        assert str(cluster.outputs.password) not in told
    services.expect_no_changes()


def test_it_speaks_tls_only_and_its_registry_wants_a_login(rig: Rig, manager: Host, services: Stack) -> None:
    cluster = _whole(manager, services)
    for node in (*cluster.nodes, *cluster.sentinels):
        assert clients.direct(node.address, cluster.outputs.password, tls=cluster.outputs.tls).ping()
        with pytest.raises(RedisError):
            clients.direct(node.address, cluster.outputs.password).ping()
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"http://{cluster.outputs.image.partition('/')[0]}/v2/")


def test_a_change_goes_through_node_by_node(manager: Host, services: Stack, figure: Callable[[str], None]) -> None:
    cluster = _whole(manager, services)
    before = {task["ID"] for task in _tasks(manager, services, "redis")}
    with writing(cluster) as load:
        since, watch = time.time(), Stopwatch()
        services.configure({"redisConfig": {"tcp-keepalive": "123"}})
        services.up()
        figure(f"3 data nodes in {watch}, longest write gap {longest(load, since) * 1000:.0f} ms")
        load.settle()
    assert before.isdisjoint(task["ID"] for task in _tasks(manager, services, "redis"))
    services.expect_no_changes()
    assert longest(load, since) < GAP_SECONDS
    no_errors(load)
    nothing_lost(cluster, load)


def test_a_change_that_fails_ends_at_the_first_node(
    manager: Host, services: Stack, figure: Callable[[str], None]
) -> None:
    cluster = _whole(manager, services)
    before = {task["ID"] for task in _tasks(manager, services, "redis")}
    with writing(cluster) as load:
        watch = Stopwatch()
        with (
            services.changed({"redisConfig": {"no-such-directive": "1"}}),
            pytest.raises(StackCommandError, match="no-such-directive"),
        ):
            services.up()
        figure(f"said after {watch}")
        time.sleep(3)  # Swarm would be at the next one by now
        assert len(before & {task["ID"] for task in _tasks(manager, services, "redis")}) == 2
        services.up()
        load.settle()
    _whole(manager, services)
    no_errors(load)
    nothing_lost(cluster, load)


def test_the_masters_host_is_powered_off(
    rig: Rig, manager: Host, services: Stack, figure: Callable[[str], None]
) -> None:
    cluster = _whole(manager, services)
    before = cluster.master()
    host = rig.host(str(before.host_name))
    with writing(cluster) as load:
        since = time.time()
        host.power_off()
        load.settle()
        outage = longest(load, since)
        host.come_back()
        watch = Stopwatch()
        _whole(manager, services)
        whole = str(watch)
        load.settle()
    lost = len(load.lost(cluster))
    figure(f"outage {outage:.2f} s, {lost} of {load.acknowledged} lost; all tasks run {whole} after power-on")
    assert cluster.master() != before
    assert outage < OUTAGE_SECONDS
    assert lost <= LOST
    no_errors(load)
    services.expect_no_changes()


def test_a_service_is_restarted(manager: Host, services: Stack, figure: Callable[[str], None]) -> None:
    cluster = _whole(manager, services)
    before = {task["ID"] for task in _tasks(manager, services, "redis")}
    with writing(cluster) as load:
        since, watch = time.time(), Stopwatch()
        _docker(manager, "service", "update", "--force", "--detach", f"redis-ha-{services.name}-redis")

        def renewed() -> bool:
            running = {task["ID"] for task in _tasks(manager, services, "redis")}
            return len(running) == 3 and before.isdisjoint(running)

        until(renewed, "all data nodes to be restarted", 90, 0.5)
        load.settle()
    figure(f"3 data nodes in {watch}, longest write gap {longest(load, since) * 1000:.0f} ms")
    assert longest(load, since) < GAP_SECONDS
    no_errors(load)
    nothing_lost(cluster, load)
    services.expect_no_changes()
