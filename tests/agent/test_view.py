"""What is read from the answers of nodes and Sentinels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.view import council, votes
from agent.view import node as node_view
from agent.view.mark import NO_MARK, Mark
from agent.view.node import Node, Replica
from agent.view.votes import Vote
from agent.watch.messages import Message
from agent.wire.answers import Address, Refusal, Result, Unknown

ME = Address("10.0.0.1", 16379)
OTHER = Address("10.0.0.2", 16380)
MASTER_INFO = """# Server\r
redis_version:8.0.2\r
run_id:aa\r
uptime_in_seconds:7\r
# Persistence\r
loading:0\r
aof_rewrite_in_progress:0\r
aof_rewrite_scheduled:1\r
rdb_last_bgsave_status:ok\r
aof_last_write_status:err\r
# Replication\r
role:master\r
connected_slaves:1\r
slave0:ip=10.0.0.2,port=16380,state=online,offset=90,lag=0\r
master_repl_offset:100\r
# Keyspace\r
db0:keys=3,expires=0,avg_ttl=0\r
db11:keys=4,expires=1,avg_ttl=0\r
"""
REPLICA_INFO = """role:slave\r
master_host:10.0.0.1\r
master_port:16379\r
master_link_status:down\r
master_link_down_since_seconds:5\r
master_sync_in_progress:1\r
slave_repl_offset:42\r
master_repl_offset:7\r
slave_priority:0\r
"""
marks = st.builds(
    Mark, st.just(True), st.booleans(), st.integers(-1, 9), st.booleans(), st.integers(0, 10**12), st.booleans()
)


def test_a_master() -> None:
    found = node_view.read(
        ME, [MASTER_INFO, ["proc-title-template", "{title} whole=1 epoch=2 master=1 offset=9 empty=0"]]
    )
    assert found == Node(
        address=ME,
        role="master",
        run_id="aa",
        offset=100,
        keys=7,
        rewriting=True,
        storing=False,
        version=(8, 0, 2),
        uptime=7,
        replicas=(Replica(OTHER, True, 90),),
        mark=Mark(True, True, 2, True, 9, False),
    )


def test_a_replica() -> None:
    found = node_view.read(OTHER, [REPLICA_INFO])
    assert isinstance(found, Node)
    assert (found.follows, found.link_up, found.link_down_for, found.copying) == (ME, False, 5, True)
    assert (found.offset, found.priority, found.mark) == (42, 0, NO_MARK)


def test_valkey_comes_between_the_redis_that_it_reads_and_those_that_read_it() -> None:
    def version(*lines: str) -> tuple[int, ...]:
        return node_view.from_info(ME, "\r\n".join(lines)).version

    older, newer = (
        version("redis_version:7.2.4", "valkey_version:8.1.1"),
        version("redis_version:7.2.4", "valkey_version:9.0.0"),
    )
    assert version("redis_version:7.0.15") < older < newer < version("redis_version:8.0.2")


@pytest.mark.parametrize("answer", list(Unknown))
def test_no_answer_is_no_node(answer: Unknown) -> None:
    assert node_view.read(ME, [answer, answer]) is None


def test_a_refusal_is_kept() -> None:
    assert node_view.read(ME, [Refusal("BUSY"), Refusal("BUSY")]) == Refusal("BUSY")


@given(st.text())
def test_no_info_however_strange_is_an_exception(text: str) -> None:
    assert isinstance(node_view.from_info(ME, text), Node)


@given(marks)
def test_a_mark_is_read_as_it_is_written(mark: Mark) -> None:
    assert Mark.parse(mark.title().replace("{title}", "redis-server").replace("{server-mode}", "")) == mark


@given(marks, marks)
def test_of_two_whole_ones_the_newer_is_worth_more(one: Mark, two: Mark) -> None:
    if one.whole and two.whole and one.epoch > two.epoch:
        assert one.worth > two.worth
    if one.whole and not two.whole:
        assert one.worth > two.worth


@pytest.mark.parametrize("title", ["", "redis-server 127.0.0.1:16379", "whole=1 epoch=x master=1 offset=9 empty=0"])
def test_no_mark(title: str) -> None:
    assert Mark.parse(title) == NO_MARK


def answer(named: Address, epoch: int = 1, others: int = 2, flags: str = "master", quorum: int = 2) -> list[Result]:
    """What a Sentinel says to SENTINEL MASTER."""
    fields = {"ip": named.host, "port": named.port, "flags": flags, "config-epoch": epoch}
    fields |= {"num-other-sentinels": others, "quorum": quorum}
    return [[str(word) for pair in fields.items() for word in pair]]


def council_of(*answers: list[Result]) -> council.Council:
    return council.council({Address(f"s{index}", 1): each for index, each in enumerate(answers)})


LATE: list[Result] = [Unknown.LATE]


@pytest.mark.parametrize(
    ("answers", "majority"),
    [
        ([], False),
        ([LATE, LATE, LATE], False),
        ([answer(ME), LATE, LATE], False),
        ([answer(ME), answer(ME), LATE], True),
        ([answer(ME), answer(ME, others=4)], False),  # one that knows of five
        ([answer(ME, others=0)], True),
        ([answer(ME, others=1), LATE], False),
    ],
)
def test_a_majority_is_one_of_all_that_there_are(answers: list[list[Result]], majority: bool) -> None:
    assert council_of(*answers).majority is majority


def test_the_newest_configuration_names_the_master() -> None:
    found = council_of(answer(ME, 1), answer(OTHER, 3), answer(ME, 1))
    assert (found.named, found.epoch, found.agreed) == (OTHER, 3, False)
    assert council_of(answer(OTHER, 3), answer(OTHER, 3), answer(ME, 1)).agreed


def test_of_one_epoch_most_name_the_master() -> None:
    found = council_of(answer(OTHER, 3), answer(ME, 3), answer(ME, 3))
    assert (found.named, found.agreed, found.contested) == (ME, True, True)
    assert not council_of(answer(OTHER, 2), answer(ME, 3), answer(ME, 3)).contested, "it will hear of that"
    assert not council_of(answer(ME, 3), answer(ME, 3), LATE).contested


def test_down_is_what_as_many_as_the_quorum_say_of_the_named_master() -> None:
    down = "master,s_down"
    assert council_of(answer(ME, flags=down), answer(ME, flags=down), answer(ME)).sees_down
    assert not council_of(answer(ME, flags=down), answer(ME), answer(ME)).sees_down
    assert not council_of(answer(ME, 2), answer(OTHER, 1, flags=down), answer(OTHER, 1, flags=down)).sees_down


@pytest.mark.parametrize("result", [Unknown.LATE, Refusal("ERR No such master"), "text", [], ["ip", "10.0.0.1"]])
def test_no_sentinel(result: Result) -> None:
    assert council.read(ME, [result]) is None


def test_members_and_votes() -> None:
    replica: Result = [["ip", "10.0.0.2", "port", "16380", "runid", "bb", "flags", "slave"], ["ip", "", "port", "0"]]
    assert council.members(replica) == [(OTHER, "bb", "slave")]
    assert council.merged([replica, Unknown.LATE]) == {OTHER}
    assert votes.read([0, "aa", 7]) == Vote("aa", 7)
    assert votes.read(Unknown.LATE) is None


@given(
    st.integers(1, 7),
    st.lists(st.none() | st.builds(Vote, st.sampled_from(["me", "you", "*"]), st.integers(0, 3)), max_size=7),
)
def test_no_two_win_one_epoch(total: int, given_votes: list[Vote | None]) -> None:
    ballots = {Address("s", index): vote for index, vote in enumerate(given_votes[:total])}
    winners = [leader for leader in ("me", "you") if votes.won(ballots, leader, 3, total)]
    assert len(winners) <= 1
    if winners:
        assert 2 * sum(vote == Vote(winners[0], 3) for vote in ballots.values()) > total


words = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)


@given(words, words, st.integers(0, 2**40), st.text(st.characters(codec="ascii", categories=["L"]), max_size=9))
def test_a_message_is_read_as_it_is_written(kind: str, hand_over: str, number: int, why: str) -> None:
    message = Message(kind, hand_over, ME, number, why)
    assert Message.parse(message.text()) == message


@pytest.mark.parametrize("text", ["", "go", "go 1 nowhere 5", "go 1 10.0.0.1:16379 x", "go 1 10.0.0.1:16379"])
def test_what_is_no_message(text: str) -> None:
    assert Message.parse(text) is None
