"""A cluster cut in two, with clients writing on both sides."""

import functools
import itertools
import os
import time
from collections.abc import Callable

import pytest

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
from tests.deploy.support import consistent, nothing_lost, same_data

ROUNDS = int(os.environ.get("REDIS_HA_TEST_ROUNDS", "2"))
LAG_BOUND = 10.0  # seconds: no setting of ours may need longer to fence an isolated master
HOLD = 6.0  # seconds that the partition lasts after the failover


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
    minority = Load(lambda: ThroughSentinel(cluster.outputs, near), name="minority", enter=inside, **settings)  # type: ignore[arg-type]
    careful = Load(lambda: ThroughSentinel(cluster.outputs, near, wait=1), name="wait", enter=inside, **settings)  # type: ignore[arg-type]
    majority = Load(lambda: ThroughSentinel(cluster.outputs), 3, 100.0)
    scene = Scene(cluster, Timeline(cluster))
    isolated: list[float] = []

    def meanwhile(cut: float) -> None:
        scene.timeline.wait_for("+switch-master", cut, sources=len(split.majority), timeout=30)
        majority.settle()
        # Until the isolated side has been refused for a while, bounded by what the lag allows.
        until(lambda: time.time() - _last(minority) > 1 or time.time() - cut > LAG_BOUND + 5, "a refusal", 30)
        until(lambda: time.time() - cut > HOLD, "the partition to last", HOLD + 1)
        isolated.append(max(_last(minority), _last(careful)))

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
    """When the first write after the cut was acknowledged: by another node, for that one can no longer be reached."""
    times = [[at for _, at in client.acknowledged] for client in load.clients]
    gaps = [max((b - a, b) for a, b in itertools.pairwise(one) if b > cut) for one in times]
    return min(end for _, end in gaps)


def _last(load: Load) -> float:
    return max(client.acknowledged[-1][1] for client in load.clients)
