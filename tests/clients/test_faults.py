"""Each client by its recipe, with the real library, while the master is killed, hung and stopped."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from docker.models.containers import Container

from drills.faults.base import kill, revive
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.waiting import until
from tests.clients.programs import KINDS, Program, Programs
from tests.measured import note, working_with

FAULTS: dict[str, Callable[[Container], object]] = {
    "killed": kill,
    "hung": lambda container: container.pause(),
    "stopped": lambda container: container.stop(timeout=30),
}
REFERENCE = "redis-py"
FACTOR = 1.5
# Seconds that any client may be slower than redis-py, whose outage may be some hundredths: eight programs share the
# machine, and each has to get its turn.
FLOOR = 0.25
RECEIVES_WITHIN = 3.0


@dataclass
class Watched:
    """A fault that all clients have been through."""

    name: str
    programs: Programs
    lost: dict[str, list[int]]
    subscribers: dict[str, int]
    """Of all channels, on the replicas afterwards."""
    began: float
    ended: float

    def outage(self, program: Program) -> float:
        return program.outage(self.began, self.ended)


@pytest.fixture(scope="module", params=FAULTS)
def fault(request: pytest.FixtureRequest, cluster: Cluster, programs: Programs) -> Watched:
    """The master broken, the clients watched, the old master back, the clients watched for a while longer."""
    working_with(cluster)
    wait_healthy(cluster, 60)
    programs.go_on()
    master = cluster.master()
    container = cluster.container(master)
    began = time.time()
    try:
        FAULTS[request.param](container)
        until(lambda: cluster.master() != master, "another master", 30)
        programs.go_on()
        time.sleep(1)
    finally:
        revive(container)
    wait_healthy(cluster, 60)
    programs.go_on()
    # What was there to receive before this has three seconds to come.
    ended = time.time()
    time.sleep(RECEIVES_WITHIN)
    probe = cluster.client(cluster.master())
    channels = [f"{p.prefix}:channel" for p in programs.all.values()]
    subscribers = {n.name: sum(c for _, c in cluster.client(n).pubsub_numsub(*channels)) for n in cluster.replicas()}
    seen = Watched(
        request.param, programs, {n: p.lost(probe) for n, p in programs.all.items()}, subscribers, began, ended
    )
    for name, program in programs.all.items():
        silent = ", ".join(f"{kind} {programs.silence(program, kind, began, ended):.2f}" for kind in KINDS)
        note(f"{request.param}, {name}", f"out for {seen.outage(program):.3f} s; received after (s): {silent}")
    return seen


CLIENTS = ("redis-py", "redis-py asyncio", "jedis", "lettuce", "ioredis", "node-redis", "go-redis", "endpoint")


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_loses_nothing_and_is_out_for_hardly_longer_than_redis_py(fault: Watched, name: str) -> None:
    program, reference = fault.programs.all[name], fault.programs.all[REFERENCE]
    assert program.wrote_since(fault.ended) > 100
    assert fault.lost[name] == []
    allowed = max(FACTOR * fault.outage(reference), fault.outage(reference) + FLOOR)
    assert fault.outage(program) <= allowed, f"redis-py was out for {fault.outage(reference):.3f} s"


@pytest.mark.parametrize("name", CLIENTS)
def test_who_waits_and_who_has_subscribed_receives_again(fault: Watched, name: str) -> None:
    program = fault.programs.all[name]
    silent = {kind: fault.programs.silence(program, kind, fault.began, fault.ended) for kind in KINDS}
    assert max(silent.values()) <= RECEIVES_WITHIN, silent


def test_the_old_master_keeps_no_subscriber(fault: Watched) -> None:
    assert set(fault.subscribers.values()) == {0}
