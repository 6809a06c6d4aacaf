"""Growth: clusters of more data nodes, and more clusters on one daemon."""

from contextlib import ExitStack

from drills.bench.options import Options, Part, timed
from drills.bench.results import Sheet
from drills.bench.tally import Tally
from drills.faults import FAULTS
from drills.target.cluster import Cluster
from drills.target.stack import Stack

RUNS = 3  # failovers of each size


def growth(options: Options, sheet: Sheet) -> None:
    """Up, preview and failover at each size, then with each number of clusters."""
    for size in options.sizes:
        with options.stack(0, {"replicas": size - 1}) as stack:
            _measure(options, sheet, f"{size} data nodes, 3 Sentinels", stack)
    with ExitStack() as together:
        for number in range(1, max(options.clusters, default=0) + 1):
            stack = together.enter_context(options.stack(number - 1))
            if number in options.clusters:
                _measure(options, sheet, f"{number} cluster{'s' * (number > 1)} of 6 containers", stack)
            else:
                stack.up()


def _measure(options: Options, sheet: Sheet, what: str, stack: Stack) -> None:
    options.say(f"growth: {what}")
    sheet.row(f"{what}: up (of the last)", "s").values.append(timed(stack.up))
    sheet.row(f"{what}: preview without changes", "s").values.append(timed(stack.expect_no_changes))
    tally = Tally(sheet, f"{what}: the master killed", Cluster(stack.outputs()), FAULTS["master-killed"])
    for _ in range(options.runs or RUNS):
        tally.measure()


GROWTH = Part("growth", "Growth: larger clusters, and more of them on one daemon", growth)
