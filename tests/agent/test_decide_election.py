"""When a replica takes the place of a master."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.decide import role
from agent.decide.candidates import candidates
from agent.decide.election import MORE_TURN, PATIENCE, TURN
from agent.decide.role import decide
from agent.decide.situation import Situation
from agent.decide.steps import Ascertain, Rest, TakeOffice
from agent.view.council import Council
from agent.view.mark import Mark
from agent.view.node import Node
from agent.wire.answers import Address, Probe
from tests.agent.situations import (
    EMPTY,
    EPOCH,
    HALF,
    MASTER,
    ME,
    OLD,
    SENTINELS,
    THIRD,
    WAS_MASTER,
    WHOLE,
    council,
    master,
    replica,
    settings,
    situation,
)

DIED: dict[str, Any] = {"door_closed": True, "probe": Probe.CLOSED}
SILENT: dict[str, Any] = {"probe": Probe.LISTENS}


def others(**nodes: Node | None) -> dict[Address, Node | None]:
    return {MASTER: nodes.get("named"), THIRD: nodes.get("third")}


def dead(**changed: Any) -> Situation:
    """The master's process has ended, and the third node is the same as this one, with a higher address."""
    own = changed.pop("own", replica())
    return situation(own, **{"others": others(third=replica(THIRD)), **DIED, **changed})


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(dead(), id="killed"),
        pytest.param(dead(probe=Probe.SILENT), id="its machine is gone"),
        pytest.param(dead(others=others(), ended_for=0.5), id="and nobody else answers"),
        pytest.param(dead(council=council(answers=2)), id="and one Sentinel with it"),
        pytest.param(dead(door_closed=False, probe=Probe.LISTENS, council=council(down=2)), id="down for the quorum"),
        pytest.param(dead(door_closed=False, lost_for=0.2), id="there was no door, and its port stays closed"),
        pytest.param(dead(others=others(third=replica(THIRD, mark=HALF))), id="the other one is not whole"),
        pytest.param(dead(others=others(third=replica(THIRD, offset=999))), id="the other one has less"),
        pytest.param(
            dead(others=others(named=replica(MASTER, mark=EMPTY)), ended_for=0.5), id="it is back, without its data"
        ),
    ],
)
def test_it_takes_office(now: Situation) -> None:
    step = decide(now)
    assert isinstance(step, TakeOffice)
    assert (step.disputed, step.whole) == (MASTER, True)


@pytest.mark.parametrize(
    ("now", "why"),
    [
        pytest.param(dead(door_closed=False), "is down", id="there was no door, and its port has just closed"),
        pytest.param(dead(probe=Probe.LISTENS), "is down", id="CLIENT KILL: the kernel still takes connections"),
        pytest.param(dead(door_closed=False, **SILENT), "is down", id="silence"),
        pytest.param(dead(door_closed=False, probe=Probe.SILENT), "is down", id="a cable"),
        pytest.param(dead(door_closed=False, council=council(down=1)), "is down", id="one of three says down"),
        pytest.param(dead(council=council(answers=1)), "most of the Sentinels", id="a minority of the Sentinels"),
        pytest.param(dead(council=Council(3)), "most of the Sentinels", id="no Sentinel"),
        pytest.param(
            dead(council=council(flags=("failover_in_progress",))), "are failing over", id="a Sentinel leads a failover"
        ),
        pytest.param(
            dead(others=others(third=replica(THIRD, link_up=True))), "still linked", id="another has its link still"
        ),
        pytest.param(dead(others=others(third=master(THIRD))), "master already", id="another has been promoted"),
        pytest.param(dead(others=others(third=replica(THIRD, offset=1001))), "has more", id="another has more"),
        pytest.param(
            dead(others=others(third=replica(THIRD, mark=replace(WHOLE, epoch=EPOCH + 1)))), "has more", id="newer data"
        ),
        pytest.param(dead(mark=HALF), "not whole", id="its copy is not finished"),
        pytest.param(dead(mark=EMPTY), "not whole", id="it has no data"),
        pytest.param(dead(mark=OLD), "last in sync in epoch 4", id="it was not there at the last change"),
        pytest.param(dead(own=replica(storing=False)), "cannot write", id="its disk is full"),
        pytest.param(dead(own=replica(link_down_for=60.0)), "down for too long", id="cut off for a minute before"),
        pytest.param(dead(in_touch=False), "not been in touch", id="it has just started"),
    ],
)
def test_it_waits(now: Situation, why: str) -> None:
    step = decide(now)
    assert isinstance(step, Rest)
    assert why in step.why
    assert not step.joined


HUNG: dict[str, Any] = {"door_closed": False, "probe": Probe.LISTENS, "council": council(down=2)}


@pytest.mark.parametrize(
    ("now", "disputed"),
    [
        pytest.param(dead(probe=Probe.SILENT), MASTER, id="killed with its container"),
        pytest.param(dead(**HUNG), MASTER, id="down for the quorum"),
        pytest.param(
            dead(probe=Probe.SILENT, others=others(third=replica(THIRD, offset=1001))), None, id="not its turn"
        ),
        pytest.param(dead(**HUNG, mark=HALF), None, id="not whole"),
        pytest.param(dead(**HUNG, others=others(), ended_for=9.0), None, id="another one may have more"),
    ],
)
def test_at_a_glance_it_only_asks_for_votes(now: Situation, disputed: Address | None) -> None:
    assert decide(replace(now, glanced=True)) == Ascertain(disputed)


def test_with_the_votes_it_does_not_wait_for_a_sentinel_that_it_has_beaten() -> None:
    now = dead(council=council(down=2, flags=("failover_in_progress",)))
    assert isinstance(decide(now), Rest)
    assert isinstance(decide(replace(now, elected=True)), TakeOffice)


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(dead(), id="its port is closed"),
        pytest.param(
            dead(others=others(named=replica(MASTER, mark=EMPTY), third=replica(THIRD))), id="back without its data"
        ),
    ],
)
def test_what_a_glance_has_shown_is_certain(now: Situation) -> None:
    assert isinstance(decide(replace(now, glanced=True)), TakeOffice)


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(dead(probe=Probe.LISTENS), id="CLIENT KILL"),
        pytest.param(dead(probe=Probe.SILENT, others=others(third=replica(THIRD, link_up=True))), id="still linked"),
    ],
)
def test_a_glance_that_has_shown_life_is_no_end(now: Situation) -> None:
    step = decide(replace(now, glanced=True))
    assert isinstance(step, Rest)
    assert not step.ended


def test_the_one_that_has_more_is_woken_and_not_waited_for_without_end() -> None:
    now = dead(others=others(third=replica(THIRD, offset=1001)))
    step = decide(now)
    assert isinstance(step, Rest)
    assert step.nudge == (THIRD,)
    assert step.ended
    assert isinstance(decide(replace(now, ended_for=MORE_TURN - 0.01)), Rest), "what it has would be lost"
    assert isinstance(decide(replace(now, ended_for=MORE_TURN)), TakeOffice)
    # Before that was certain, nobody could use a turn.
    assert not isinstance(decide(replace(now, lost_for=5.0)), TakeOffice)


def test_one_that_has_the_same_is_not_waited_for_as_long() -> None:
    own = replica(THIRD)
    now = situation(own, **{**DIED, "others": {MASTER: None, ME: replica(ME)}, "ended_for": TURN - 0.01})
    assert isinstance(decide(now), Rest)
    assert isinstance(decide(replace(now, ended_for=TURN)), TakeOffice)


def test_a_master_that_has_just_taken_office_has_not_been_silent_for_down_after() -> None:
    """Its Sentinels may take it for down for another reason: they last heard it say that it is a replica."""
    own, found = replica(link_up=True), others(third=replica(THIRD, link_up=True))
    now = situation(own, **{**SILENT, "others": found, "council": council(down=2), "lost_for": 0.1})
    assert isinstance(decide(now), TakeOffice)
    assert isinstance(decide(replace(now, named_for=now.settings.down_after / 3)), Rest)


def test_the_one_that_has_more_gets_its_turn_after_both_have_waited_for_a_third() -> None:
    fourth = Address("10.0.0.4", 16380)
    now = dead(others={**others(third=replica(THIRD, offset=1001)), fourth: None}, ended_for=0.5)
    step = decide(now)
    assert isinstance(step, Rest)
    assert step.nudge == (THIRD,)
    ahead = situation(
        replica(offset=1001), **{**DIED, "others": {**others(third=replica(THIRD)), fourth: None}, "ended_for": 0.5}
    )
    assert isinstance(decide(ahead), TakeOffice)
    assert isinstance(decide(replace(now, ended_for=TURN + MORE_TURN)), TakeOffice)


def test_a_master_that_is_back_is_left_a_second_however_long_it_was_away() -> None:
    now = dead(others=others(named=replica(MASTER, mark=WAS_MASTER), third=replica(THIRD)), lost_for=5.0)
    assert isinstance(decide(replace(now, back_for=0.9)), Rest)
    assert isinstance(decide(replace(now, back_for=1.0)), TakeOffice)


def test_the_waits_of_available_end_after_a_minute() -> None:
    """As docs/how-it-works.md says. tests/agent/harness/launch.py shortens it for a test of real processes."""
    assert PATIENCE == 60
    assert vars(role)["PATIENCE"] == PATIENCE


@pytest.mark.parametrize("consistent", [False, True])
def test_data_that_is_not_the_newest_is_taken_after_a_minute_or_never(consistent: bool) -> None:
    for mark in (OLD, HALF):
        now = dead(mark=mark, others=others(), settings=settings(consistent=consistent), lost_for=PATIENCE)
        step = decide(now)
        assert isinstance(step, Rest if consistent else TakeOffice)
        if isinstance(step, TakeOffice):
            assert step.whole is mark.whole


marks = st.builds(
    Mark,
    st.booleans(),
    st.booleans(),
    st.integers(EPOCH - 1, EPOCH + 1),
    st.booleans(),
    st.sampled_from([900, 1000]),
    st.just(False),
)
nodes = st.builds(
    replica,
    st.just(THIRD),
    offset=st.sampled_from([900, 1000, 1100]),
    link_up=st.booleans(),
    loading=st.booleans(),
    copying=st.booleans(),
    storing=st.booleans(),
    priority=st.sampled_from([0, 100]),
    mark=marks,
)
situations = st.builds(
    situation,
    st.builds(replica, offset=st.sampled_from([900, 1000, 1100]), storing=st.booleans(), mark=marks),
    council=st.builds(
        council, answers=st.integers(0, 3), epoch=st.integers(EPOCH - 1, EPOCH + 1), down=st.integers(0, 3)
    ),
    others=st.fixed_dictionaries(
        {MASTER: st.none() | st.builds(replica, st.just(MASTER), mark=marks), THIRD: st.none() | nodes}
    ),
    settings=st.builds(settings, consistent=st.booleans()),
    in_touch=st.booleans(),
    door_closed=st.booleans(),
    probe=st.sampled_from([None, *Probe]),
    lost_for=st.sampled_from([0.0, 0.5, 5.0, PATIENCE]),
    back_for=st.sampled_from([0.0, 0.5, 5.0]),
    ended_for=st.sampled_from([0.0, 0.5, 5.0]),
)


@given(situations)
def test_nobody_takes_office_from_silence_or_with_data_that_is_not_whole(now: Situation) -> None:
    step = decide(now)
    if not isinstance(step, TakeOffice):
        return
    assert now.council.majority
    known_end = (
        (now.door_closed and now.probe is not Probe.LISTENS)
        or now.council.sees_down
        or now.probe is Probe.CLOSED
        or now.named_node is not None
    )
    assert known_end
    late = now.lost_for >= PATIENCE and not now.settings.consistent
    there = [node for node in now.others.values() if node is not None]
    best = len(there) == len(now.others) and all(node.mark.worth <= now.mark.worth for node in there)
    assert late or (now.mark.whole and (best or now.mark.epoch >= now.council.epoch))
    assert step.whole == now.mark.whole


@given(st.integers(900, 1100), st.integers(900, 1100), st.floats(0, TURN - 0.01))
def test_of_two_in_the_same_situation_one_goes_first(mine: int, its: int, ended_for: float) -> None:
    """Both see the same, and only one of them takes office before its turn is over."""

    def seen_from(me: Address, my_offset: int, other: Address, its_offset: int) -> Situation:
        return situation(
            replica(me, offset=my_offset),
            others={MASTER: None, other: replica(other, offset=its_offset)},
            ended_for=ended_for,
            **DIED,
        )

    steps = [decide(seen_from(ME, mine, THIRD, its)), decide(seen_from(THIRD, its, ME, mine))]
    assert [isinstance(step, TakeOffice) for step in steps] in ([True, False], [False, True])
    assert isinstance(steps[0], TakeOffice) is (mine >= its)


def test_a_leaving_master_asks_those_that_can_and_the_longest_up_first() -> None:
    up = {"link_up": True}
    old, new = replica(ME, uptime=90, **up), replica(THIRD, uptime=5, **up)
    assert candidates(MASTER, [new, old]) == [ME, THIRD]
    newer = replica(ME, uptime=90, version=(8, 2), **up)
    assert candidates(MASTER, [newer, replace(new, version=(8, 0))]) == [THIRD, ME], (
        "an older Redis could not follow it"
    )
    unable: list[dict[str, Any]] = [
        {"link_up": False},
        {"priority": 0},
        {"loading": True},
        {"storing": False},
        {"follows": THIRD},
    ]
    for change in unable:
        assert candidates(MASTER, [replica(ME, **up | change)]) == []


def test_with_a_single_sentinel_nobody_could_be_told() -> None:
    alone = council(answers=1)
    one = replace(alone.sentinels[0], address=SENTINELS[0], others=0, quorum=1)
    step = decide(dead(council=Council(1, (one,))))
    assert isinstance(step, Rest)
    assert "fails over by itself" in step.why
