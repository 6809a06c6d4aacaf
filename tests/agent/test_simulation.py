"""Random schedules of faults in the simulation; and that it finds the mistakes which it is for.

A schedule that fails is run again, with its trace, by `python -m tests.agent.simulation --seed SEED`.
"""

import os
from collections.abc import Iterator
from random import SystemRandom

import pytest

from tests.agent import mistakes
from tests.agent.simulation.schedule.many import spread
from tests.agent.simulation.schedule.run import Outcome, run

SCHEDULES = 1500
"""How many are run. 20,000 in under 3 minutes is the goal, and it is missed: a schedule takes some 27 ms of CPU."""
SEED = "SIMULATION_SEED"
"""The environment's variable for the first seed: a number, or `random`. By default it is 0: a change that others wait
for is judged by the same schedules as the last one. What `random` finds is a mistake all the same."""

FOUND = ("acknowledged writes are lost", "two nodes take writes", "is not whole")
"""What a mistake is found by: an agent that raises, or never settles, would be no proof."""


def test_whatever_fails_nothing_is_lost_and_one_master_takes_writes() -> None:
    wanted = os.environ.get(SEED, "0")
    first = SystemRandom().randrange(10**9) if wanted == "random" else int(wanted)
    print(f"{SCHEDULES} schedules from seed {first} ({SEED}={first} runs them again)")
    outcomes = list(spread(range(first, first + SCHEDULES)))
    violated = [f"seed {each.seed}, {each.plan}: {each.violation}" for each in outcomes if each.violation]
    assert not violated, f"{len(violated)} of {SCHEDULES}:\n" + "\n".join(violated[:20])
    assert sum(each.acknowledged for each in outcomes) > 10 * SCHEDULES, "hardly anything has been written"
    assert sum(each.promotions for each in outcomes) > SCHEDULES / 4, "hardly anybody has been promoted"


def test_a_seed_is_a_schedule() -> None:
    assert run(1, "planned", traced=True) == run(1, "planned", traced=True)


@pytest.mark.parametrize(
    ("mistake", "plan", "within"),
    [
        pytest.param(mistakes.minority, "minority", 200, id="C3-a-minority-elects"),
        pytest.param(mistakes.promotable, "copying", 200, id="C4-no-data-is-promoted"),
        pytest.param(mistakes.unstored, "rewriting", 400, id="an-office-is-not-noted"),
        pytest.param(mistakes.timer, "everything", 800, id="C5-a-timer-makes-a-master"),
        pytest.param(mistakes.unknown_is_no, "midway", 1500, id="H1-no-answer-is-a-no"),
        pytest.param(mistakes.not_demoted, "midway", 400, id="H2-the-old-master-stays"),
    ],
)
def test_a_mistake_put_back_is_found(
    mistake: mistakes.Mistake, plan: str, within: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake(monkeypatch)
    found = next(_violations(plan, within), None)
    assert found is not None, f"not found in {within} schedules"
    print(f"seed {found.seed}: {found.violation}")


def _violations(plan: str, count: int) -> Iterator[Outcome]:
    for seed in range(count):
        outcome = run(seed, plan)
        if outcome.violation and any(words in outcome.violation for words in FOUND):
            yield outcome
