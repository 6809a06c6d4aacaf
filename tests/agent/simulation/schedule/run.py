"""One schedule from one seed."""

import traceback
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.agent.simulation.deployment.cluster import Cluster
from tests.agent.simulation.schedule.faults import Faults
from tests.agent.simulation.schedule.judge import ViolationError
from tests.agent.simulation.schedule.plans import PLANS, WEIGHTS

SETTLE_WITHIN = 60.0
"""Seconds after the last fault. A Sentinel that has voted for another tries again after 20 s."""
LOOK_EVERY = 0.15


@dataclass(frozen=True)
class Outcome:
    """What a schedule has come to. Times are in virtual seconds."""

    seed: int
    plan: str
    violation: str | None
    settled_after: float
    promotions: int
    acknowledged: int
    excused: int
    calls: int
    trace: tuple[str, ...] = ()


def run(seed: int, plan: str | None = None, traced: bool = False) -> Outcome:
    """Run the schedule of `seed`; the same seed is the same schedule."""
    random = Random(seed)  # noqa: S311 - schedules, not secrets
    kind = random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    kind = plan or kind
    sentinels = random.choice((3, 3, 3, 3, 5)) if kind in ("planned", "killed", "partition") else 3
    nodes = 4 if kind == "minority" else random.choice((2, 3, 3, 3, 4))
    cluster = Cluster(random, nodes, sentinels, consistent=random.random() < 0.4)
    if traced:
        cluster.trace = []
    faults = Faults(cluster)
    violation: str | None = None
    ended = 0.0
    try:
        PLANS[kind](cluster, faults)
        cluster.clock.run(faults.until + 0.1)
        faults.end()
        ended = cluster.clock.now
        _settle(cluster)
    except ViolationError as found:
        violation = str(found)
    except Exception as error:  # noqa: BLE001 - whatever an agent raises is one, too
        where = traceback.extract_tb(error.__traceback__)[-1]
        violation = f"{type(error).__name__} in {Path(where.filename).name}, line {where.lineno}: {error}"
    judge = cluster.judge
    return Outcome(
        seed,
        kind,
        violation,
        cluster.clock.now - ended,
        judge.promotions,
        len(judge.acknowledged),
        len(judge.excused & judge.acknowledged),
        cluster.clock.calls,
        tuple(cluster.trace or ()) if violation or traced else (),
    )


def _settle(cluster: Cluster) -> None:
    """Wait until all is as it must be in the end, and stays so when nobody writes any more; then judge.

    What looks settled may not be so yet: a lease that has run out during the last cut holds writes back a moment later.
    """
    clock, judge = cluster.clock, cluster.judge
    until = clock.now + SETTLE_WITHIN
    while True:
        why = judge.unsettled()
        if why is None and not any(writer.active for writer in cluster.writers):
            why = None if judge.equal() else "the nodes have not the same data"
            if why is None:
                break
        if clock.now > until:
            raise ViolationError(f"{SETTLE_WITHIN:g} s after the last fault: {why}")
        if why is None:
            for writer in cluster.writers:
                writer.active = False
        clock.run(clock.now + LOOK_EVERY)
    judge.end()
