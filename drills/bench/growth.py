"""Growth: clusters of more data nodes, and more clusters on one daemon."""

import time
from collections.abc import Callable
from contextlib import ExitStack

from drills.bench.failures import Contender, one_fault
from drills.bench.options import Options, Part
from drills.bench.results import Sheet
from drills.cluster import Cluster
from drills.faults import FAULTS
from drills.health import wait_healthy
from drills.stack import Stack

RUNS = 3  # failovers of each size


def timed(action: Callable[[], object]) -> float:
    """The seconds that something takes."""
    began = time.monotonic()
    action()
    return time.monotonic() - began


def growth(options: Options, sheet: Sheet) -> None:
    """Up, preview and failover at each size, then with each number of clusters."""
    for size in options.sizes:
        what = f"{size} data nodes, 3 Sentinels"
        options.say(f"growth: {what}")
        with options.stack(0, {"replicas": size - 1}) as stack:
            cluster = _up_and_preview(sheet, what, stack)
            _failovers(options, sheet, what, cluster)
    with ExitStack() as together:
        for number in range(max(options.clusters, default=0)):
            what = f"{number + 1} clusters of 6 containers" if number else "1 cluster of 6 containers"
            options.say(f"growth: {what}")
            stack = together.enter_context(options.stack(number))
            if number + 1 not in options.clusters:
                stack.up()
                continue
            cluster = _up_and_preview(sheet, what, stack)
            _failovers(options, sheet, what, cluster)


def _up_and_preview(sheet: Sheet, what: str, stack: Stack) -> Cluster:
    sheet.row(f"{what}: up (of the last)", "s").values.append(timed(stack.up))
    sheet.row(f"{what}: preview without changes", "s").values.append(timed(stack.expect_no_changes))
    cluster = Cluster(stack.outputs())
    wait_healthy(cluster, 120)
    return cluster


def _failovers(options: Options, sheet: Sheet, what: str, cluster: Cluster) -> None:
    contender = Contender(what, cluster, 1.25, options.runs or RUNS)
    for _ in range(contender.runs):
        one_fault(sheet, contender, FAULTS["master-killed"], as_it_comes=False)


GROWTH = Part("growth", "Growth: larger clusters, and more of them on one daemon", growth)
