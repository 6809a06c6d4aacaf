"""`python -m drills.chaos --stack dev --seed 1 --minutes 10`: faults at random on a live stack, and what must hold.

A seed is a row of blows: which kind, on which node, for how long, how soon after the last one. They overlap, two at a
time at most, and nobody waits for the cluster to be whole in between. In the end it must be: one master, all nodes
linked, every Sentinel seeing that, the same data everywhere. Of what was acknowledged nothing may be missing, but what
a master took within a second of its own unplanned end: replication is asynchronous (docs/how-it-works.md).
"""

import argparse
import random
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from docker.models.containers import Container
from redis.exceptions import RedisError

from drills.faults.base import Fault, Scene, all_at_once, kill, revive
from drills.faults.kills import taken_down
from drills.target.cluster import Cluster
from drills.target.errors import DrillError, end_as_by_ctrl_c
from drills.target.health import wait_healthy
from drills.target.stack import Stack
from drills.target.waiting import until
from drills.under_load import RECOVERY, under_load
from drills.watch.load import Load
from drills.watch.routes import ThroughEndpoint, ThroughSentinel
from drills.watch.timeline import Timeline
from redis_ha.outputs import Node

ACTIONS: dict[str, list[Callable[[Container], object]]] = {
    "stalled": [lambda c: c.pause()],
    "killed": [kill],
    "stopped": [lambda c: c.stop()],
    "kicked": [],
}
AT_ONCE = 2
BETWEEN = (0.3, 4.0)  # seconds from one blow to the next
BEFORE = 1.0  # seconds before a master's unplanned end, of whose writes some may be lost
AFTER = 1.0  # seconds after it is back: until it has heard that it is none any more


@dataclass(frozen=True)
class Blow:
    """One fault: `kind` is stalled, killed, stopped (planned) or kicked; `seconds` until it is undone."""

    kind: str
    node: int
    seconds: float
    pause: float
    """Seconds after the blow before."""


@dataclass
class Report:
    """What was done, and what came of it. Times are in seconds since the epoch."""

    seed: int
    blows: list[str] = field(default_factory=list)
    unplanned: list[tuple[float, float]] = field(default_factory=list)
    """From when to when a master had been struck without a warning."""
    acknowledged: int = 0
    excused: int = 0
    problems: list[str] = field(default_factory=list)
    longest: float = 0.0


def blows(seed: int, nodes: int) -> Iterator[Blow]:
    """The endless row of blows of a seed, on so many containers."""
    draw = random.Random(seed)  # noqa: S311 - faults, not secrets
    while True:
        kind = draw.choices(("stalled", "killed", "stopped", "kicked"), (4, 3, 3, 1))[0]
        seconds = {"stalled": (0.2, 3.0), "killed": (0.3, 6.0), "stopped": (0.1, 2.0), "kicked": (0.0, 0.1)}[kind]
        yield Blow(kind, draw.randrange(nodes), draw.uniform(*seconds), draw.uniform(*BETWEEN))


def strike(scene: Scene, node: Node, blow: Blow, report: Report) -> None:
    """Do it, wait, and undo it."""
    cluster, began = scene.cluster, time.time()
    container = cluster.container(node)
    was_master = _is_master(cluster, node) if blow.kind in ("stalled", "killed") else False
    report.blows.append(f"{blow.kind} {node.name} {blow.seconds:.1f} s{' (master)' if was_master else ''}")
    try:
        if blow.kind == "kicked":
            with suppress(RedisError, OSError):
                cluster.probe(node).client_kill_filter(_type="normal")
        with taken_down(lambda _: [container], blow.kind, *ACTIONS[blow.kind])(scene):
            time.sleep(blow.seconds)
    finally:
        if was_master:
            report.unplanned.append((began - BEFORE, time.time() + AFTER))


def _is_master(cluster: Cluster, node: Node) -> bool:
    """Also where it gives no answer: then nobody knows."""
    try:
        return node in cluster.nodes and cluster.probe(node).role()[0] == "master"
    except (RedisError, OSError):
        return node in cluster.nodes


def at_random(report: Report, seconds: float, say: Callable[[str], None]) -> Fault:
    """So long of the blows of the report's seed, as one fault."""

    @contextmanager
    def inject(scene: Scene) -> Iterator[None]:
        cluster, running = scene.cluster, dict[str, Future[None]]()
        everyone = [*cluster.nodes, *cluster.sentinels]
        began = scene.timeline.mark("fault", f"seed {report.seed}")
        try:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                for blow in blows(report.seed, len(everyone)):
                    time.sleep(blow.pause)
                    if time.time() - began > seconds:
                        break
                    running = {name: each for name, each in running.items() if not each.done()}
                    node = everyone[blow.node]
                    if node.name in running or len(running) >= AT_ONCE:
                        continue
                    say(f"{time.time() - began:6.1f} s  {blow.kind} {node.name} for {blow.seconds:.1f} s")
                    running[node.name] = pool.submit(strike, scene, node, blow, report)
            yield
        finally:
            all_at_once(cluster.containers(), revive)

    return Fault("chaos", "faults at random", inject)


def run(cluster: Cluster, seed: int, seconds: float, say: Callable[[str], None]) -> Report:
    """Strike for so long, under writers; then judge."""
    wait_healthy(cluster, RECOVERY)
    report = Report(seed)
    loads = [Load(lambda: ThroughSentinel(cluster.outputs), 3, 100.0)]
    if cluster.outputs.write:
        loads.append(Load(lambda: ThroughEndpoint(cluster.outputs), 1, 100.0, "endpoint client"))
    began = time.time()
    try:
        under_load(Scene(cluster, Timeline(cluster, role_period=0.5)), at_random(report, seconds, say), loads)
    except DrillError as error:
        report.problems.append(str(error))
    return _judged(cluster, loads, began, report)


def _judged(cluster: Cluster, loads: list[Load], began: float, report: Report) -> Report:
    report.acknowledged = sum(load.acknowledged for load in loads)
    report.longest = max(max(load.outages(began)) for load in loads)
    lost = [each for load in loads for each in load.lost(cluster, forget=False)]
    unexcused = [each for each in lost if not any(since <= each.at <= to for since, to in report.unplanned)]
    report.excused = len(lost) - len(unexcused)
    if unexcused:
        report.problems.append(f"{len(unexcused)} acknowledged writes are lost, the first at {unexcused[0].at:.3f}")
    try:
        until(lambda: len(_sizes(cluster)) == 1, "the same data on all nodes", 20, because=lambda: str(_sizes(cluster)))
    except DrillError as error:
        report.problems.append(str(error))
    for load in loads:
        load.lost(cluster)  # and their keys are removed
    return report


def _sizes(cluster: Cluster) -> set[tuple[int, int]]:
    """Keys and offset of each node."""
    return {(int(cluster.probe(n).dbsize()), r.offset if r else -1) for n, r in cluster.roles().items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Run; 1 where something that must hold does not."""
    parser = argparse.ArgumentParser(prog="python -m drills.chaos", description=__doc__)
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--seed", type=int, help="default: drawn, and printed")
    parser.add_argument("--minutes", type=float, default=10.0)
    arguments = parser.parse_args(argv)
    end_as_by_ctrl_c()
    seed = secrets.randbelow(10**6) if arguments.seed is None else arguments.seed
    print(f"seed {seed}, {arguments.minutes:g} minutes")
    try:
        report = run(Cluster(Stack(arguments.stack).outputs()), seed, 60 * arguments.minutes, print)
    except DrillError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("chaos: stopped", file=sys.stderr)
        return 130
    print(
        f"seed {seed}: {len(report.blows)} blows, {len(report.unplanned)} of them on a master without a warning; "
        f"{report.acknowledged} writes acknowledged, {report.excused} lost with a struck master, "
        f"longest outage {report.longest:.2f} s"
    )
    for problem in report.problems:
        print(problem, file=sys.stderr)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
