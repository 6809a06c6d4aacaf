"""`python -m drills.bench`: planned changes, measured beside a plain Sentinel cluster in the same run.

Brings up a stack of its own, and a plain cluster from the same image; prints a table (minimum / median / maximum, and
the ratio of the medians) and writes the figures as JSON. Milliseconds are this machine's; ratios carry further.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.table import Table

from drills import report
from drills.cluster import Cluster
from drills.errors import DrillError
from drills.faults.base import all_at_once, kill
from drills.figures import median, spread
from drills.health import wait_healthy
from drills.load import Load
from drills.plain import Plain, avoid_default_route, running
from drills.routes import ByRole, ThroughSentinel
from drills.stack import Stack

SETTINGS = {
    "replicas": 2,
    "sentinels": 3,
    "ports": {"master": 28379, "replica": 28380, "sentinel": 28381},
    "subnet": "10.213.253.0/24",
    "downAfter": 1000,
}
PLAIN_SUBNET = "10.213.254.0/24"
STOP_TIMEOUT = 30


@dataclass
class Row:
    """One thing that was measured, several times. Seconds; `lost` and `errors` over all runs."""

    what: str
    gaps: list[float] = field(default_factory=list)
    gaps_by_role: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    lost: int = 0
    errors: int = 0
    acknowledged: int = 0
    plain: str | None = None


Step = Callable[[Cluster], None]


def measure(row: Row, cluster: Cluster, runs: int, step: Step, after: Step, say: Callable[[str], None]) -> Row:
    """Do `step` under load, `runs` times, with `after` to bring the cluster back (also under load)."""
    for i in range(runs):
        say(f"{row.what} ({i + 1}/{runs})")
        wait_healthy(cluster, 90)
        through = Load(lambda: ThroughSentinel(cluster.outputs), 3, 150)
        by_role = Load(lambda: ByRole(cluster), 1, 150, "role client")
        with through, by_role:
            since = time.time()
            step(cluster)
            row.took.append(time.time() - since)
            after(cluster)
            wait_healthy(cluster, 90)
            through.settle()
            by_role.settle()
        row.gaps.append(max(through.outages(since)))
        row.gaps_by_role.append(max(by_role.outages(since)))
        for load in (through, by_role):
            row.acknowledged += load.acknowledged
            row.errors += len(load.failures)
            row.lost += len(load.lost(cluster))
    return row


class Stopping:
    """`docker stop` of the master, and its start."""

    def __init__(self) -> None:
        self.node = ""

    def stop(self, cluster: Cluster) -> None:
        """Stop the master."""
        self.node = cluster.master().name
        cluster.container(self.node).stop(timeout=STOP_TIMEOUT)

    def start(self, cluster: Cluster) -> None:
        """Start it again once another is master, so that a plain cluster's failover is not cut short."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and cluster.master(30).name == self.node:
            time.sleep(0.05)
        cluster.container(self.node).start()


def forced(cluster: Cluster) -> None:
    """`SENTINEL FAILOVER`, until another node is announced."""
    before = cluster.master()
    cluster.probe(cluster.sentinels[0]).execute_command("SENTINEL", "FAILOVER", cluster.outputs.master_name)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and cluster.master() == before:
        time.sleep(0.02)


def all_killed(cluster: Cluster) -> None:
    """Kill everything, start everything, wait until it is whole."""
    containers = cluster.containers()
    all_at_once(containers, kill)
    all_at_once(containers, lambda c: c.start())
    wait_healthy(cluster, 90)


def nothing(cluster: Cluster) -> None:
    """No way back is needed."""


def table(rows: Sequence[Row]) -> Table:
    """All rows, with the ratio of a row's median gap to that of the plain one that it names."""
    made = Table(title="minimum / median / maximum", title_justify="left")
    made.add_column("what")
    for name in ("runs", "write gap, ms", "by ROLE, ms", "took, s", "lost", "errors", "gap against plain"):
        made.add_column(name, justify="right")
    by_name = {row.what: row for row in rows}
    for row in rows:
        other = by_name.get(row.plain or "")
        ratio = f"x {median(row.gaps) / median(other.gaps):.2f}" if other and other.gaps and row.gaps else ""
        made.add_row(
            row.what,
            str(len(row.took)),
            spread(row.gaps, 1000),
            spread(row.gaps_by_role, 1000),
            spread(row.took, 1, 1),
            f"{row.lost} of {row.acknowledged}",
            str(row.errors),
            ratio,
        )
    return made


@contextmanager
def own_stack(name: str) -> Iterator[tuple[Stack, Cluster]]:
    """A stack of the bench's own; removed at the end."""
    stack = Stack(name)
    avoid_default_route(str(SETTINGS["subnet"]))
    if stack.config_file.exists():
        stack.destroy()
    stack.create(SETTINGS)
    try:
        stack.up()
        yield stack, Cluster(stack.outputs())
    finally:
        stack.destroy()
        stack.forget()


def run(handovers: int, rollouts: int, restarts: int, say: Callable[[str], None]) -> list[Row]:
    """Measure everything."""
    rows: list[Row] = []
    say("bringing up a stack and a plain cluster")
    with own_stack("test-bench") as (stack, ours):
        ours_stop, plain_stop = Stopping(), Stopping()
        with running(Plain(stack_image(ours), name="bench-plain", subnet=PLAIN_SUBNET)) as plain:
            forced_row = Row("plain: SENTINEL FAILOVER")
            stop_row = Row("plain: docker stop of the master")
            row = Row("hand-over: docker stop of the master", plain=stop_row.what)
            # In turn, so that what else the machine does meets all of them alike.
            for _ in range(handovers):
                measure(row, ours, 1, ours_stop.stop, ours_stop.start, say)
                if len(stop_row.took) < max(3, handovers // 4):
                    measure(forced_row, plain, 1, forced, nothing, say)
                    measure(stop_row, plain, 1, plain_stop.stop, plain_stop.start, say)
            rows += [row, stop_row, forced_row]
            plain_killed = Row("plain: everything killed, until whole")
            killed = Row("everything killed, until whole", plain=plain_killed.what)
            for _ in range(restarts):
                measure(killed, ours, 1, all_killed, nothing, say)
                measure(plain_killed, plain, 1, all_killed, nothing, say)
            rows += [killed, plain_killed]
        rows.append(rolling(stack, ours, rollouts, say))
    return rows


def rolling(stack: Stack, cluster: Cluster, runs: int, say: Callable[[str], None]) -> Row:
    """A change that replaces every node: the image's time zone, and a directive beside it."""
    row = Row(f"rolling change of {len(cluster.nodes)} data nodes and {len(cluster.sentinels)} Sentinels")

    def deploy(_: Cluster) -> None:
        stack.up()

    for i in range(runs):
        change = {
            "redisConfig": {"tcp-keepalive": str(310 + i)},
            "timeZone": "UTC" if i % 2 else "Europe/Berlin",
        }
        with stack.changed(change):
            measure(row, cluster, 1, deploy, nothing, say)
    return row


def stack_image(cluster: Cluster) -> str:
    """The image that the stack's containers run, so that the plain cluster runs the very same Redis."""
    return str(cluster.container(cluster.nodes[0]).attrs["Image"])


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(argv: Sequence[str] | None = None) -> int:
    """Run; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m drills.bench", description=__doc__)
    parser.add_argument("--handovers", type=int, default=20, metavar="N")
    parser.add_argument("--rollouts", type=int, default=5, metavar="N")
    parser.add_argument("--restarts", type=int, default=5, metavar="N")
    parser.add_argument("--out", type=Path, default=Path("bench-report.json"))
    arguments = parser.parse_args(argv)
    console = report.console()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with Console(stderr=True).status("starting") as status:
            rows = run(arguments.handovers, arguments.rollouts, arguments.restarts, status.update)
    except DrillError as error:
        console.print(f"bench: {error}", style="red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("interrupted; what was brought up has been removed")
        return 130
    console.print(table(rows))
    console.print(report.machine(), highlight=False)
    report.write_json(arguments.out, {"machine": report.machine(), "rows": [asdict(row) for row in rows]})
    return 0


if __name__ == "__main__":
    sys.exit(main())
