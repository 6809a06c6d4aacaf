"""A cluster cut in two, with clients writing on both sides."""

import functools
import itertools
import os
import time
from collections.abc import Callable

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from drills.faults.base import Fault, Scene
from drills.faults.firewall import enter_namespace, namespace_of, refused
from drills.faults.network import Split, partitioned
from drills.target.cluster import Cluster
from drills.target.stack import Stack
from drills.target.waiting import until
from drills.under_load import under_load
from drills.watch.load import Load
from drills.watch.routes import ThroughSentinel
from drills.watch.timeline import Timeline
from redis_ha.outputs import Address, Outputs
from tests.deploy.support import consistent, nothing_lost, same_data

ROUNDS = int(os.environ.get("REDIS_HA_TEST_ROUNDS", "2"))
LAG_BOUND = 10.0  # seconds: no setting of ours may need longer to fence an isolated master
HOLD = 6.0  # seconds that the partition lasts after the failover


class Timed(ThroughSentinel):
    """Notes when each write was taken, by the node's own clock, which is this machine's, as that of all of them.

    When its answer is seen is later, and on a busy machine by any time.
    """

    def __init__(self, outputs: Outputs, sentinels: tuple[Address, ...] | None = None, wait: int = 0) -> None:
        super().__init__(outputs, sentinels)
        self._copies = wait
        self.taken: list[float] = []

    def write(self, key: str, number: int) -> None:
        """See Route."""
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.sadd(key, number).time()
            if self._copies:
                pipeline.wait(self._copies, 300)
            _, (seconds, microseconds), *copies = pipeline.execute()
        if self._copies and int(copies[0]) < self._copies:
            raise RedisConnectionError(f"only {copies[0]} replicas have the write")
        self.taken.append(seconds + microseconds / 1e6)


def test_consistent_an_isolated_master_takes_no_writes_when_another_does(
    cluster: Cluster, stack: Stack, figure: Callable[[str], None]
) -> None:
    if reason := refused(cluster):
        pytest.skip(reason)
    with consistent(cluster, stack):
        for _ in range(ROUNDS):
            figure(_partition(cluster))


def _partition(cluster: Cluster) -> str:
    split = Split.of(cluster)
    near = tuple(s.address for s in split.minority)
    inside = functools.partial(enter_namespace, namespace_of(cluster, split.old_master))
    settings = {"clients": 1, "rate": 100.0}
    minority = Load(lambda: Timed(cluster.outputs, near), name="minority", enter=inside, **settings)  # type: ignore[arg-type]
    careful = Load(lambda: Timed(cluster.outputs, near, wait=1), name="wait", enter=inside, **settings)  # type: ignore[arg-type]
    majority = Load(lambda: Timed(cluster.outputs), 3, 100.0)
    scene = Scene(cluster, Timeline(cluster))
    isolated: list[float] = []

    def meanwhile(cut: float) -> None:
        scene.timeline.wait_for("+switch-master", cut, sources=len(split.majority), timeout=30)
        majority.settle()
        # Until the isolated side has been refused for a while, bounded by what the lag allows.
        until(lambda: time.time() - _last(minority) > 1 or time.time() - cut > LAG_BOUND + 5, "a refusal", 30)
        until(lambda: time.time() - cut > HOLD, "the partition to last", HOLD + 1)
        isolated.append(max(one[-1] for load in (minority, careful) for one in _taken(load)))

    fault = Fault("partition", "this split", functools.partial(partitioned, split=split))
    cut = under_load(scene, fault, [minority, majority], meanwhile, [careful]).began
    (last,) = isolated
    same_data(cluster)
    nothing_lost(cluster, majority)
    nothing_lost(cluster, careful)
    lost = minority.lost(cluster)
    fenced, first = last - cut, _first_elsewhere(majority, cut)
    assert fenced < LAG_BOUND
    assert all(f.at < cut + LAG_BOUND for f in lost)
    assert last < first, f"two nodes took writes for {last - first:.3f} s"
    return (
        f"the isolated master took writes for {fenced:.2f} s, another did {first - last:.2f} s after that; "
        f"{len(lost)} of them lost, with WAIT none"
    )


def _first_elsewhere(load: Load, cut: float) -> float:
    """When the first write after the cut was taken: by another node, for that one can no longer be reached."""
    gaps = [max((b - a, b) for a, b in itertools.pairwise(one) if b > cut) for one in _taken(load)]
    return min(end for _, end in gaps)


def _taken(load: Load) -> list[list[float]]:
    """When each client's writes were taken."""
    return [client.route.taken for client in load.clients if isinstance(client.route, Timed)]


def _last(load: Load) -> float:
    return max(client.acknowledged[-1][1] for client in load.clients)
