"""python -m tests.agent.simulation: run schedules, or one with its trace."""

import argparse
import os
import sys
import time
from collections import Counter, defaultdict

from tests.agent.simulation.schedule.many import spread
from tests.agent.simulation.schedule.plans import PLANS
from tests.agent.simulation.schedule.run import Outcome, run


def main() -> int:
    """The exit code: 1 where anything was violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="this schedule, with its trace")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--plan", choices=sorted(PLANS))
    parser.add_argument("--workers", type=int, help="processes; all cores by default")
    arguments = parser.parse_args()
    if arguments.seed is not None:
        outcome = run(arguments.seed, arguments.plan, traced=True)
        print("\n".join(outcome.trace))
        print(f"{outcome.plan}: {outcome.violation or 'well'}")
        return int(outcome.violation is not None)
    began = time.monotonic()
    seeds = range(arguments.first, arguments.first + arguments.count)
    outcomes = list(spread(seeds, arguments.plan, arguments.workers))
    report(outcomes, time.monotonic() - began)
    return int(any(each.violation for each in outcomes))


def report(outcomes: list[Outcome], seconds: float) -> None:
    """What came of them, by plan."""
    plans: dict[str, list[Outcome]] = defaultdict(list)
    for each in outcomes:
        plans[each.plan].append(each)
    for plan, some in sorted(plans.items()):
        bad = [each for each in some if each.violation]
        times = sorted(each.settled_after for each in some)
        print(
            f"{plan:12} {len(some):6} schedules, {len(bad)} violated; settled after {times[len(times) // 2]:.1f} s, "
            f"at most {times[-1]:.1f}; {sum(e.acknowledged for e in some)} writes, "
            f"{sum(e.excused for e in some)} excused, {sum(e.calls for e in some) // len(some)} calls"
        )
    for words, count in Counter(_kind(each) for each in outcomes if each.violation).most_common():
        seeds = [str(each.seed) for each in outcomes if each.violation and _kind(each) == words]
        print(f"{count:5} {words}: seeds {', '.join(seeds[:8])}")
    cpu = sum(os.times()[:4])
    share = 1000 / max(1, len(outcomes))
    print(f"{len(outcomes)} schedules in {seconds:.1f} s: {share * seconds:.1f} ms each, {share * cpu:.1f} ms of CPU")


def _kind(outcome: Outcome) -> str:
    words = "".join("#" if each.isdigit() else each for each in (outcome.violation or ""))
    while "##" in words:
        words = words.replace("##", "#")
    return f"{outcome.plan}: {words.split('[')[0]}"


if __name__ == "__main__":
    sys.exit(main())
