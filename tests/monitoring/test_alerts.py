"""Each fault fires the rules that belong to it and no other, and they resolve; what is planned wakes nobody."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from threading import Event, Thread

import pytest
import yaml
from redis.exceptions import OutOfMemoryError

from drills.faults import FAULTS
from drills.faults.base import Scene, all_at_once, kill, revive
from drills.faults.firewall import silenced
from drills.target.cluster import Cluster
from drills.target.stack import Stack
from drills.target.waiting import until
from drills.watch.timeline import Timeline
from tests.monitoring.conftest import BACKLOG_MB, MAX_MEMORY_MB
from tests.monitoring.prometheus import MONITORING, SCALE, Prometheus, Target
from tests.monitoring.test_disk_and_certificates import ENDING, FULL, OLD

HEALTHY_S = 600 / SCALE
PATIENCE_S = 120
Inject = Callable[[Scene], AbstractContextManager[None]]
# For so long after a change of the master, which may be an earlier test's.
NOTE = {"RedisMasterChanged"}


@pytest.fixture
def scene(cluster: Cluster, stack: Stack) -> Iterator[Scene]:
    with Timeline(cluster) as timeline:
        yield Scene(cluster, timeline, stack)


class Watch:
    """What Prometheus says of the stack under test."""

    def __init__(self, prometheus: Prometheus, cluster: str) -> None:
        self._prometheus, self._cluster = prometheus, cluster

    def firing(self) -> set[str]:
        return {name for cluster, name in self._prometheus.firing() if cluster in (self._cluster, "")}

    def fired_since(self, moment: float) -> set[str]:
        return {name for cluster, name in self._prometheus.fired_since(moment) if cluster in (self._cluster, "")}

    def until_firing(self, names: set[str]) -> None:
        until(lambda: names <= self.firing(), f"{names} to fire", PATIENCE_S, 0.5, lambda: f"{self.firing()} do")

    def until_quiet(self) -> None:
        until(lambda: self.firing() <= NOTE, "all to resolve", PATIENCE_S, 0.5, lambda: f"{self.firing()} fire")

    def until_silent(self) -> None:
        until(lambda: not self.firing(), "all to resolve, notes too", 2 * HEALTHY_S, 0.5)


@pytest.fixture
def watch(prometheus: Prometheus, targets: list[Target], cluster: Cluster) -> Watch:
    """All quiet at first."""
    assert cluster.nodes
    found = Watch(prometheus, targets[0]["labels"]["cluster"])
    found.until_quiet()
    return found


def some_sentinels_killed(count: int) -> Inject:
    @contextmanager
    def inject(scene: Scene) -> Iterator[None]:
        chosen = [scene.cluster.container(one) for one in scene.cluster.sentinels[:count]]
        all_at_once(chosen, kill)
        yield
        all_at_once(chosen, revive)

    return inject


@contextmanager
def all_nodes_killed(scene: Scene) -> Iterator[None]:
    chosen = scene.cluster.containers("redis")
    all_at_once(chosen, kill)
    yield
    all_at_once(chosen, revive)


@contextmanager
def replica_hung(scene: Scene) -> Iterator[None]:
    """While the master takes more writes than its backlog holds."""
    replica = scene.cluster.container(scene.cluster.replicas()[0])
    master = scene.cluster.client(scene.cluster.master())
    replica.pause()
    for _ in range(3 * BACKLOG_MB):
        master.set("filler", "x" * 1024**2)
    yield
    replica.unpause()


@contextmanager
def replica_cut_off_from_its_master(scene: Scene) -> Iterator[None]:
    """It hears all but the other data nodes."""
    cluster = scene.cluster
    replica = cluster.replicas()[0]
    others = [node.host for node in cluster.sentinels] + [exporter_of(scene)]
    with silenced(cluster, {replica: others}):
        yield


@contextmanager
def master_isolated(scene: Scene) -> Iterator[None]:
    """From all others, but not from the exporter."""
    cluster = scene.cluster
    with silenced(cluster, {cluster.master(): [exporter_of(scene)]}):
        yield


@contextmanager
def sentinel_frozen(scene: Scene) -> Iterator[None]:
    """For longer than Sentinel trusts its clock afterwards (2 s)."""
    sentinel = scene.cluster.container(scene.cluster.sentinels[0])
    sentinel.pause()
    time.sleep(3)
    sentinel.unpause()
    yield


@contextmanager
def memory_filled(scene: Scene) -> Iterator[None]:
    """To 95 % of the limit."""
    master = scene.cluster.client(scene.cluster.master())
    number = 0
    while int(master.info("memory")["used_memory"]) < 0.95 * MAX_MEMORY_MB * 1024**2:
        master.set(f"filler:{number}", "x" * 100_000)
        number += 1
    yield
    master.unlink(*(f"filler:{one}" for one in range(number)))


@contextmanager
def writes_refused(scene: Scene) -> Iterator[None]:
    """There is no room for what a client goes on to write."""
    master = scene.cluster.client(scene.cluster.master())
    names, done = [f"filler:{number}" for number in range(MAX_MEMORY_MB * 10)], Event()

    def write() -> None:
        for name in itertools.cycle(names):
            with suppress(OutOfMemoryError):
                master.set(name, "x" * 100_000)
                continue
            if done.wait(0.1):
                return

    writer = Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()
        master.unlink(*names)


@contextmanager
def exporter_stopped(scene: Scene) -> Iterator[None]:
    container = scene.cluster.docker.containers.get(f"redis-ha-{scene.cluster.outputs.stack}-exporter")
    container.stop()
    yield
    container.start()


def exporter_of(scene: Scene) -> str:
    """Its address."""
    return scene.cluster.nodes[0].host.rpartition(".")[0] + ".251"


CASES: dict[str, tuple[Inject, set[str], set[str]]] = {
    # what is done; what fires; what may fire besides
    "rolling change": (FAULTS["rolling-change"].inject, set(), NOTE),
    "failover by hand": (FAULTS["sentinel-failover"].inject, {"RedisMasterChanged"}, set()),
    "master killed": (FAULTS["master-killed"].inject, {"RedisMasterChanged", "RedisNodeDown"}, set()),
    "replica killed": (FAULTS["replica-killed"].inject, {"RedisNodeDown"}, set()),
    "replica hung": (replica_hung, {"RedisReplicaLate", "RedisReplicaFarBehind", "RedisNodeDown"}, set()),
    "replica cut off": (replica_cut_off_from_its_master, {"RedisReplicaLinkDown"}, {"RedisReplicaLate"}),
    "a Sentinel killed": (some_sentinels_killed(1), {"RedisSentinelDown", "RedisQuorumAtRisk"}, set()),
    "most Sentinels killed": (
        some_sentinels_killed(2),
        {"RedisSentinelDown", "RedisQuorumLost"},
        {"RedisQuorumAtRisk"},
    ),
    "all Sentinels killed": (some_sentinels_killed(3), {"RedisSentinelDown", "RedisQuorumLost"}, set()),
    "all nodes killed": (all_nodes_killed, {"RedisNoMaster", "RedisNodeDown"}, set()),
    "master isolated": (master_isolated, {"RedisTwoMasters", "RedisMasterChanged"}, {"RedisReplicaLate"}),
    "a Sentinel frozen": (sentinel_frozen, {"RedisSentinelTilt"}, set()),
    "memory filled": (memory_filled, {"RedisMemoryNearLimit"}, set()),
    "writes refused": (writes_refused, {"RedisWritesRefused", "RedisMemoryNearLimit"}, set()),
    "exporter stopped": (exporter_stopped, {"RedisExporterDown"}, set()),
}


def test_nothing_fires_in_healthy_running(watch: Watch) -> None:
    """For as long as ten minutes are to the rules, after the stack's first start."""
    began = time.time()
    until(lambda: time.time() - began > HEALTHY_S or watch.firing(), "ten minutes to pass", 2 * HEALTHY_S, 1)
    assert watch.fired_since(began) <= NOTE


@pytest.mark.parametrize("name", CASES)
def test_a_fault_fires_its_rules_and_they_resolve(name: str, scene: Scene, watch: Watch) -> None:
    inject, fires, besides = CASES[name]
    if fires & NOTE:  # an earlier test's would be taken for this one's
        watch.until_silent()
    began = time.time()
    with inject(scene):
        watch.until_firing(fires)
    watch.until_quiet()
    assert watch.fired_since(began) - NOTE <= fires | besides


def test_a_lost_list_of_targets_is_noticed(prometheus: Prometheus, targets: list[Target], watch: Watch) -> None:
    prometheus.watch([])
    watch.until_firing({"RedisNotWatched"})
    prometheus.watch(targets)
    watch.until_quiet()
    assert "RedisNotWatched" in watch.fired_since(time.time() - PATIENCE_S)


def test_a_note_of_a_failover_goes_away(watch: Watch) -> None:
    watch.until_silent()


def test_every_rule_is_among_those_that_are_seen_to_fire() -> None:
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    seen = set().union(*(fires for _, fires, _ in CASES.values()), {"RedisNotWatched"}, FULL, ENDING, OLD)
    assert {rule["alert"] for rule in rules} == seen
