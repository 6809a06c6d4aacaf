"""The role of a data node: after its start, in office, and as a replica."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.decide.election import PATIENCE
from agent.decide.role import decide
from agent.decide.situation import Situation
from agent.decide.steps import SOON, Announce, Begin, EndServer, Follow, Rest, Step, TakeOffice, TellAgain, Yield
from agent.decide.watched import Watch, watched
from agent.view.council import Council
from agent.view.mark import Mark
from agent.view.node import Node
from agent.wire.answers import Address
from tests.agent.situations import (
    EMPTY,
    EPOCH,
    HALF,
    LIMBO,
    MASTER,
    ME,
    OLD,
    THIRD,
    WAS_MASTER,
    WHOLE,
    council,
    master,
    replica,
    settings,
    situation,
)

NOBODY = Council(3)
NAMES_ME = council(ME)
STARTED = replica(follows=LIMBO, link_down_for=-1.0)
STARTED_MASTER = replica(MASTER, follows=LIMBO, link_down_for=-1.0, mark=WAS_MASTER)
STARTED_EMPTY = replica(MASTER, follows=LIMBO, link_down_for=-1.0, mark=EMPTY, keys=0)


def waits(step: Step, why: str = "") -> bool:
    return isinstance(step, Rest) and why in step.why


# Without an answer of most Sentinels nothing that could cost data is done, however long it lasts.


@pytest.mark.parametrize("answers", [0, 1])
@pytest.mark.parametrize("silent_for", [0.0, 15.0, 10_000.0])
def test_no_timer_makes_an_empty_node_a_master(answers: int, silent_for: float) -> None:
    few = council(answers=answers) if answers else NOBODY
    for consistent in (False, True):
        told = settings(MASTER, consistent=consistent)
        now = situation(STARTED_EMPTY, settings=told, council=few, in_touch=False, silent_for=silent_for)
        assert waits(decide(now), "to be told that this is the first start")


def test_the_deployment_says_that_it_is_the_first_start() -> None:
    now = situation(STARTED_EMPTY, council=NOBODY, first_start=True)
    assert isinstance(decide(now), Begin)
    assert not isinstance(decide(replace(now, mark=WAS_MASTER)), Begin), "there is data, so it is none"
    assert not isinstance(decide(situation(replica(mark=EMPTY), council=NOBODY, first_start=True)), Begin)


@pytest.mark.parametrize(
    ("mark", "consistent", "silent_for", "begins"),
    [
        (WAS_MASTER, False, PATIENCE, True),
        (WAS_MASTER, False, PATIENCE - 1, False),
        (WAS_MASTER, True, PATIENCE, False),
        (WHOLE, False, PATIENCE, False),
        (EMPTY, False, PATIENCE, False),
        (replace(WAS_MASTER, whole=False), False, PATIENCE, False),
    ],
)
def test_the_last_master_goes_on_without_sentinels(
    mark: Mark, consistent: bool, silent_for: float, begins: bool
) -> None:
    """As long as one Redis is alive the service goes on: that is `available`."""
    now = situation(
        replace(STARTED_MASTER, mark=mark),
        settings=settings(MASTER, consistent=consistent),
        council=NOBODY,
        silent_for=silent_for,
    )
    assert isinstance(decide(now), Begin) is begins
    assert not isinstance(decide(replace(now, others={ME: master(ME), THIRD: None})), Begin), "another one serves"
    assert not isinstance(decide(replace(now, council=council(THIRD, answers=1))), Begin), "a Sentinel names another"


def test_a_master_in_office_goes_on_while_the_sentinels_are_silent() -> None:
    step = decide(situation(master(), council=NOBODY, silent_for=1000.0))
    assert waits(step, "most Sentinels are silent")


# The Sentinels name this node, which has just started.


@pytest.mark.parametrize(
    ("mark", "third", "expected"),
    [
        pytest.param(WAS_MASTER, None, TakeOffice, id="whole"),
        pytest.param(WAS_MASTER, WHOLE, TakeOffice, id="whole, and the other has no more"),
        pytest.param(OLD, WHOLE, Rest, id="another has newer data"),
        pytest.param(EMPTY, WHOLE, Rest, id="its data is lost, and another has it"),
        pytest.param(EMPTY, None, Rest, id="its data is lost, and nobody answers"),
        pytest.param(HALF, None, Rest, id="not whole, and nobody answers"),
        pytest.param(EMPTY, EMPTY, TakeOffice, id="nobody has ever had any"),
    ],
)
def test_named_after_its_start(mark: Mark, third: Mark | None, expected: type[Step]) -> None:
    keys = 0 if mark.empty else 3
    now = situation(
        replace(STARTED, mark=mark, keys=keys),
        council=NAMES_ME,
        in_touch=False,
        others={THIRD: None if third is None else replica(THIRD, mark=third, keys=0 if third.empty else 3)},
    )
    assert isinstance(decide(now), expected)


def test_an_empty_node_that_knows_no_other_takes_no_office() -> None:
    own = replica(MASTER, follows=LIMBO, mark=EMPTY, keys=0)
    now = situation(own, council=council(named=MASTER), others={}, in_touch=False)
    assert isinstance(decide(replace(now, all_known=True)), TakeOffice)  # there is no other
    assert isinstance(decide(replace(now, all_known=False)), Rest)


@pytest.mark.parametrize("consistent", [False, True])
def test_newer_data_that_cannot_take_over_is_given_up_after_a_minute_or_never(consistent: bool) -> None:
    now = situation(
        replace(STARTED, mark=OLD),
        settings=settings(consistent=consistent),
        council=NAMES_ME,
        others={THIRD: replica(THIRD, loading=True)},
        lost_for=PATIENCE,
    )
    assert isinstance(decide(now), Rest if consistent else TakeOffice)


@pytest.mark.parametrize(
    ("named", "expected", "whom"),
    [
        pytest.param(WAS_MASTER, Follow, THIRD, id="it has the data"),
        pytest.param(OLD, Follow, THIRD, id="a Sentinel has just promoted it: its agent has not noted that yet"),
        pytest.param(EMPTY, Announce, THIRD, id="it was made master without any"),
        pytest.param(replace(WAS_MASTER, whole=False), Announce, THIRD, id="and has been written to since"),
        pytest.param(None, Follow, LIMBO, id="what it has is not known yet"),
    ],
)
def test_a_master_that_comes_back_does_not_empty_itself(
    named: Mark | None, expected: type[Step], whom: Address
) -> None:
    own = master(ME, mark=WAS_MASTER)
    found = None if named is None else master(THIRD, mark=named, keys=0 if named.empty else 3)
    now = situation(own, council=council(named=THIRD, epoch=EPOCH + 1), others={THIRD: found})
    step = decide(now)
    assert isinstance(step, expected)
    assert whom in (getattr(step, "master", None), getattr(step, "disputed", None))


@pytest.mark.parametrize("consistent", [False, True])
def test_lost_data_is_given_up_after_a_minute_or_never(consistent: bool) -> None:
    now = situation(
        replace(STARTED, mark=EMPTY, keys=0),
        settings=settings(consistent=consistent),
        council=NAMES_ME,
        others={THIRD: None},
        lost_for=PATIENCE,
    )
    step = decide(now)
    assert isinstance(step, Rest if consistent else TakeOffice)
    assert not isinstance(step, TakeOffice) or not step.whole


# The Sentinels name another, which serves.


@pytest.mark.parametrize(
    ("own", "named", "expected"),
    [
        pytest.param(WHOLE, WAS_MASTER, Follow, id="the master"),
        pytest.param(EMPTY, WAS_MASTER, Follow, id="nothing to lose"),
        pytest.param(HALF, OLD, Follow, id="nothing whole to lose"),
        pytest.param(WHOLE, EMPTY, Rest, id="it has no data"),
        pytest.param(WHOLE, replace(WAS_MASTER, whole=False), Rest, id="its data is not whole"),
        pytest.param(WHOLE, OLD, Rest, id="it is older"),
        pytest.param(OLD, WAS_MASTER, Follow, id="it is newer"),
    ],
)
def test_a_node_with_data_follows_no_master_without(own: Mark, named: Mark, expected: type[Step]) -> None:
    nodes: dict[Address, Node | None] = {MASTER: master(mark=named), THIRD: None}
    now = situation(replace(STARTED, mark=own), others=nodes, in_touch=False)
    assert isinstance(decide(now), expected)


def test_a_master_without_an_agent_is_judged_by_its_keys() -> None:
    for keys, expected in ((3, Follow), (0, Rest)):
        nodes: dict[Address, Node | None] = {MASTER: master(mark=Mark(), keys=keys), THIRD: None}
        now = situation(STARTED, others=nodes, in_touch=False)
        assert isinstance(decide(now), expected)


@pytest.mark.parametrize("named", [EMPTY, Mark()])
def test_a_master_without_data_is_replaced_by_one_that_has_it(named: Mark) -> None:
    """Sentinel would make all of them copy its emptiness after its failover-timeout."""
    empty = master(mark=named, keys=0)
    known: dict[Address, Node | None] = {MASTER: empty, THIRD: replica(THIRD, follows=LIMBO, offset=999)}
    now = situation(STARTED, others=known, in_touch=False, lost_for=0.0)
    step = decide(now)
    assert isinstance(step, TakeOffice)
    assert step.whole
    assert waits(decide(replace(now, others={MASTER: empty, THIRD: None})), "not following"), "it may have more"
    assert waits(decide(replace(now, mark=OLD)), "not following"), "it was not there at the last change"


def test_a_linked_replica_has_joined() -> None:
    step = decide(situation(replica(link_up=True)))
    assert isinstance(step, Rest)
    assert step.joined


# In office.


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(situation(master()), Rest, id="named"),
        pytest.param(situation(master(storing=False)), Yield, id="it cannot write, and another could"),
        pytest.param(situation(master(ME), council=council(ME), contested_for=5.0), Announce, id="one names another"),
        pytest.param(situation(master(ME), council=council(ME), contested_for=4.0), Rest, id="one does, for now"),
        pytest.param(situation(master(storing=False, replicas=())), Rest, id="it cannot write, and nobody could"),
        pytest.param(situation(master(), council=council(ME, EPOCH + 1)), Follow, id="another is named, since later"),
        pytest.param(situation(master(), council=council(ME, EPOCH - 1)), TellAgain, id="they have not heard it yet"),
        pytest.param(
            situation(master(ME, mark=WHOLE), council=council(flags=("failover_in_progress",))),
            Announce,
            id="a Sentinel has promoted it",
        ),
        pytest.param(situation(master(ME, mark=WHOLE), led=True), Announce, id="a Sentinel has, and is silent since"),
        pytest.param(situation(master(ME, mark=WHOLE)), Follow, id="somebody has, by hand"),
    ],
)
def test_in_office(now: Situation, expected: type[Step]) -> None:
    assert isinstance(decide(now), expected)


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        (situation(None, was_master=True, mark=WAS_MASTER, council=council(THIRD, EPOCH + 1)), True),
        (situation(None, was_master=True, mark=WAS_MASTER, council=council(THIRD, EPOCH + 1, answers=2)), True),
        (situation(None, was_master=True, mark=WAS_MASTER, council=council(THIRD, EPOCH + 1, answers=1)), False),
        (situation(None, was_master=True, mark=WAS_MASTER, council=council(THIRD, EPOCH)), False),
        (situation(None, was_master=True, mark=WAS_MASTER, council=council(ME, EPOCH + 1)), False),
        (situation(None, was_master=False, mark=WAS_MASTER, council=council(THIRD, EPOCH + 1)), False),
        (situation(None, was_master=True, mark=WAS_MASTER, council=NOBODY), False),
        (situation(None, ordered=True, council=council(THIRD, EPOCH + 1)), True),
        (situation(None, ordered=True, council=council(ME, EPOCH + 1)), False),
    ],
)
def test_a_hung_server_is_ended_once_most_sentinels_name_its_successor(now: Situation, ends: bool) -> None:
    assert isinstance(decide(now), EndServer) == ends


@pytest.mark.parametrize("own", [None, replica(loading=True)])
def test_a_server_that_does_not_answer_or_loads_is_left_alone(own: Node | None) -> None:
    assert waits(decide(situation(own)))


@pytest.mark.parametrize("declared", [True, False])
def test_without_sentinels_the_declared_roles_are_all(declared: bool) -> None:
    at = MASTER if declared else ME
    step = decide(situation(replica(at, follows=LIMBO), settings=settings(at, sentinels=()), council=Council()))
    assert isinstance(step, Begin if declared else Follow)


marks = st.builds(
    Mark, st.booleans(), st.booleans(), st.integers(-1, 7), st.booleans(), st.integers(0, 9), st.booleans()
)


@given(
    marks,
    marks,
    st.none() | marks,
    st.integers(0, 3),
    st.booleans(),
    st.floats(0, 1000),
    st.sampled_from([MASTER, ME, THIRD]),
)
def test_an_empty_node_takes_office_only_where_nobody_is_known_to_have_data(
    mark: Mark, first: Mark, third: Mark | None, answers: int, consistent: bool, waited: float, named: Address
) -> None:
    now = situation(
        replace(STARTED, mark=mark),
        settings=settings(consistent=consistent),
        council=council(named, answers=answers),
        others={MASTER: replica(MASTER, mark=first), THIRD: None if third is None else replica(THIRD, mark=third)},
        in_touch=False,
        lost_for=waited,
        silent_for=waited,
    )
    step = decide(now)
    if isinstance(step, TakeOffice | Begin) and not mark.whole:
        assert not consistent or all(node is not None and node.mark.empty for node in now.others.values())
        assert waited >= PATIENCE or all(node is not None and node.mark.empty for node in now.others.values())


# Which master a Sentinel begins to watch.


@pytest.mark.parametrize(
    ("nodes", "said", "waited", "expected"),
    [
        pytest.param({}, NOBODY, 0, Watch(MASTER, 0), id="started by hand: the declared one"),
        pytest.param({ME: None}, council(ME), 0, Watch(ME, EPOCH), id="most of the other Sentinels say so"),
        pytest.param({ME: None, THIRD: master(THIRD)}, NOBODY, 0, None, id="somebody is silent"),
        pytest.param({ME: None, THIRD: master(THIRD)}, NOBODY, 60, Watch(THIRD, EPOCH), id="for a minute"),
        pytest.param({ME: replica(), THIRD: master(THIRD)}, NOBODY, 0, Watch(THIRD, EPOCH), id="the only master"),
        pytest.param({ME: replica(), THIRD: replica(THIRD, mark=OLD)}, NOBODY, 0, Watch(ME, EPOCH), id="newest data"),
        pytest.param({MASTER: replica(MASTER, mark=EMPTY), ME: replica()}, NOBODY, 0, Watch(ME, EPOCH), id="not empty"),
        pytest.param(
            {MASTER: replica(MASTER, mark=EMPTY), ME: replica(mark=EMPTY)}, NOBODY, 0, Watch(MASTER, 0), id="none"
        ),
        pytest.param({MASTER: None, ME: replica()}, council(answers=1), 0, None, id="one Sentinel is no majority"),
    ],
)
def test_watched(nodes: dict[Address, Node | None], said: Council, waited: float, expected: Watch | None) -> None:
    found = watched(MASTER, nodes, said, waited)
    assert found == expected if expected else isinstance(found, str)


def test_a_copy_that_is_not_on_the_disk_yet_is_not_relied_on() -> None:
    """A roll-out that went on would leave the data to the memory of this one."""
    linked = replica(link_up=True)
    assert decide(situation(linked, lost_for=0.0)) == Rest(f"replica of {MASTER}", joined=True)
    assert decide(situation(linked, lost_for=0.0, stored=False)) == Rest("writing its copy to its disk", again=SOON)
