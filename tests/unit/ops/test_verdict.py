"""The verdict of `make status`, as a table: what is wrong in a healthy stack -> what is said of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ops.status.facts import Backup, Certificate, Data, Facts, Node, Replica, Said, Watch
from ops.status.messages import Health, Message
from ops.status.verdict import findings, health, line
from redis_ha.docker.daemon import Container

MASTER, FIRST, SECOND = ("10.0.0.10", 16379), ("10.0.0.20", 16380), ("10.0.0.21", 16390)
MIB = 2**20


def running(name: str, kind: str) -> Container:
    return Container(name, kind, f"redis-ha-dev-{name}", "running")


def data_node(number: int) -> Node:
    address = (MASTER, FIRST, SECOND)[number]
    name = f"redis-{number}"
    if number == 0:
        replicas = (Replica(FIRST, True, 0, 990), Replica(SECOND, True, 1, 990))
        data = Data("master", "8.0.2", 1000, 10 * MIB, 100 * MIB, replicas=replicas)
    else:
        data = Data("replica", "8.0.2", 990, 10 * MIB, 100 * MIB, follows=MASTER, link=True)
    said = Said(data.role, True, f"{data.role} of all", 0.4)
    return Node(name, "redis", address, container=running(name, "redis"), said=said, data=data)


def sentinel(number: int) -> Node:
    name = f"sentinel-{number}"
    said = Said("sentinel", True, "watching", 0.4, master="10.0.0.10:16379")
    watch = Watch(MASTER, ("master",), 2, 2, 2, 7)
    address = ("10.0.0.30", 16381 + 10 * number)
    return Node(name, "sentinel", address, container=running(name, "sentinel"), said=said, watch=watch)


def healthy() -> Facts:
    nodes = [data_node(number) for number in range(3)] + [sentinel(number) for number in range(3)]
    return Facts("dev", tuple(nodes))


def with_node(facts: Facts, name: str, change: Callable[[Node], Node]) -> Facts:
    return replace(facts, nodes=tuple(change(node) if node.name == name else node for node in facts.nodes))


def data(**changes: object) -> Callable[[Node], Node]:
    def change(node: Node) -> Node:
        assert node.data is not None
        return replace(node, data=replace(node.data, **changes))  # type: ignore[arg-type] # of any field

    return change


def said(**changes: object) -> Callable[[Node], Node]:
    def change(node: Node) -> Node:
        assert node.said is not None
        return replace(node, said=replace(node.said, **changes))  # type: ignore[arg-type] # of any field

    return change


def watch(**changes: object) -> Callable[[Node], Node]:
    def change(node: Node) -> Node:
        assert node.watch is not None
        return replace(node, watch=replace(node.watch, **changes))  # type: ignore[arg-type] # of any field

    return change


def ended(node: Node) -> Node:
    assert node.container is not None
    gone = replace(node.container, status="exited")
    return replace(node, container=gone, said=None, data=None, watch=None, silence="Connection refused")


def no_container(node: Node) -> Node:
    return replace(node, container=None, said=None, data=None, watch=None, silence="No route to host")


def hung(node: Node) -> Node:
    return replace(node, data=None, watch=None, silence="Timeout")


def just_started(node: Node) -> Node:
    return replace(node, said=None)


Change = tuple[str, Callable[[Node], Node]]
M = Message
# What is changed in a healthy stack, and all that is said then.
TABLE: dict[str, tuple[list[Change], list[Message]]] = {
    "nothing": ([], []),
    "a replica has ended": ([("redis-1", ended)], [M.NOT_RUNNING]),
    "a replica has no container": ([("redis-1", no_container)], [M.NO_CONTAINER]),
    "a replica hangs": ([("redis-1", hung)], [M.NO_ANSWER]),
    "a replica has just started": ([("redis-1", just_started)], [M.AGENT_NEW]),
    "an agent hangs": ([("redis-1", said(age=30.0))], [M.AGENT_SILENT]),
    "a replica copies": (
        [("redis-1", said(joined=False, why="copying the data of 10.0.0.10:16379")), ("redis-1", data(link=False))],
        [M.NOT_JOINED],
    ),
    "a link is down": ([("redis-1", data(link=False))], [M.LINK_DOWN]),
    "no link is up": (
        [("redis-1", data(link=False)), ("redis-2", data(link=False))],
        [M.NO_CANDIDATE, M.LINK_DOWN, M.LINK_DOWN],
    ),
    "no replica may be promoted": (
        [("redis-1", data(priority=0)), ("redis-2", data(priority=0))],
        [M.NO_CANDIDATE],
    ),
    "another master": ([("redis-1", data(follows=SECOND))], [M.OTHER_MASTER]),
    "a replica lags": ([("redis-0", data(replicas=(Replica(FIRST, True, 9, 10),)))], [M.LAGS]),
    "a lag within what is usual": ([("redis-0", data(replicas=(Replica(FIRST, True, 5, 10),)))], []),
    "a full disk at a replica": ([("redis-1", data(stores=False))], [M.REPLICA_CANNOT_STORE]),
    "a full disk at the master": ([("redis-0", said(storing=False))], [M.CANNOT_STORE]),
    "the master is full": ([("redis-0", data(memory=100 * MIB))], [M.FULL]),
    "a full cache drops keys": ([("redis-0", data(memory=100 * MIB, evicts=True))], []),
    "the master is nearly full": ([("redis-0", data(memory=91 * MIB))], [M.NEARLY_FULL]),
    "a full replica": ([("redis-1", data(memory=101 * MIB))], [M.NEARLY_FULL]),
    "no memory limit": ([("redis-0", data(max_memory=0))], []),
    "the lease has run out": ([("redis-0", said(paused=("lease",)))], [M.HELD_BACK]),
    "the master hands over": ([("redis-0", said(paused=("leaving",)))], [M.HAND_OVER]),
    "consistent, and no replica in sync": ([("redis-0", data(in_sync=0))], [M.NO_REPLICA_IN_SYNC]),
    "consistent, and a replica in sync": ([("redis-0", data(in_sync=1))], []),
    "another version": ([("redis-1", data(version="8.2.0"))], [M.VERSIONS]),
    "the master has ended": (
        [
            ("redis-0", ended),
            *((f"sentinel-{i}", watch(flags=("master", "s_down", "o_down"))) for i in range(3)),
            *((f"sentinel-{i}", said(joined=False, why="master is not well")) for i in range(3)),
        ],
        [M.NO_MASTER, M.NOT_RUNNING],
    ),
    "two masters": (
        [("redis-1", data(role="master", follows=None)), ("redis-1", said(role="master"))],
        [M.TWO_MASTERS],
    ),
    "the agent alone says that there is a second master": (
        [("redis-1", hung), ("redis-1", said(role="master"))],
        [M.TWO_MASTERS, M.NO_ANSWER],
    ),
    "a Sentinel has ended": (
        [("sentinel-1", ended), ("sentinel-0", said(joined=False, why="x is not seen", missing=("10.0.0.30:16391",)))],
        [M.NOT_RUNNING],
    ),
    "most Sentinels have ended": (
        [("sentinel-1", ended), ("sentinel-2", ended)],
        [M.NOT_RUNNING, M.NOT_RUNNING, M.NO_MAJORITY],
    ),
    "a Sentinel does not see what is not there": (
        [("redis-1", ended), ("sentinel-0", said(joined=False, why="not seen", missing=("10.0.0.20:16380",)))],
        [M.NOT_RUNNING],
    ),
    "a Sentinel does not see what is there": (
        [("sentinel-0", said(joined=False, why="10.0.0.20:16380 is not seen", missing=("10.0.0.20:16380",)))],
        [M.NOT_JOINED],
    ),
    "a Sentinel names another": ([("sentinel-0", watch(master=FIRST))], [M.NAMES_OTHER]),
    "TILT": ([("sentinel-0", watch(tilt=True)), ("sentinel-0", said(joined=False, why="in TILT"))], [M.TILT]),
    "a failover": ([("sentinel-0", watch(flags=("master", "failover_in_progress")))], [M.FAILING_OVER]),
    "taken for down": ([("sentinel-0", watch(flags=("master", "s_down")))], [M.TAKEN_FOR_DOWN]),
    "ghosts": ([("sentinel-0", watch(sentinels=5))], [M.KNOWS_OTHERS]),
    "a quorum above the majority": (
        [(f"sentinel-{i}", watch(quorum=3)) for i in (0, 1)] + [("sentinel-2", hung)],
        [M.NO_ANSWER, M.NO_MAJORITY],
    ),
}


@pytest.mark.parametrize(("changes", "expected"), TABLE.values(), ids=TABLE.keys())
def test_what_is_wrong_is_said_and_nothing_else(changes: list[Change], expected: list[Message]) -> None:
    facts = healthy()
    for name, change in changes:
        facts = with_node(facts, name, change)
    found = findings(facts)
    assert sorted(one.message.name for one in found) == sorted(one.name for one in expected)
    assert health(found) == max((one.level for one in expected), default=Health.HEALTHY)


Frame = tuple[Callable[[Facts], Facts], list[Message]]


def endpoint(**changes: object) -> Callable[[Facts], Facts]:
    container = replace(running("endpoint", "endpoint"), **changes)  # type: ignore[arg-type] # of any field
    return lambda facts: replace(facts, nodes=(*facts.nodes, Node("endpoint", "endpoint", container=container)))


def backup(told: Backup | None, status: str = "running") -> Callable[[Facts], Facts]:
    node = Node("backup", "backup", container=replace(running("backup", "backup"), status=status), backup=told)
    return lambda facts: replace(facts, nodes=(*facts.nodes, node))


def unseen(facts: Facts, silence: str | None) -> Facts:
    nodes = tuple(
        replace(node, container=None, said=None, **({"data": None, "watch": None} if silence else {}), silence=silence)  # type: ignore[arg-type] # None
        for node in facts.nodes
    )
    return replace(facts, nodes=nodes)


AROUND: dict[str, Frame] = {
    "a healthy endpoint": (endpoint(health="healthy"), []),
    "an endpoint that starts": (endpoint(health="starting"), []),
    "an endpoint that reaches no master": (endpoint(health="unhealthy"), [M.ENDPOINT]),
    "an endpoint that has ended": (endpoint(status="exited"), [M.ENDPOINT]),
    "a recent backup": (backup(Backup(100.0, 86400)), []),
    "no backup yet": (backup(Backup(None, 86400)), []),
    "a backup that is too old": (backup(Backup(3 * 86400, 86400)), [M.BACKUP_OLD]),
    "a backup that has failed": (backup(Backup(100.0, 86400, why="no space left")), [M.BACKUP_FAILED]),
    "nothing that takes backups": (backup(None, "exited"), [M.NO_BACKUPS]),
    "backups without their container": (
        lambda f: replace(f, nodes=(*f.nodes, Node("backup", "backup", None))),
        [M.NO_BACKUPS],
    ),
    "a certificate of long": (lambda f: replace(f, certificates=(Certificate("the CA", 14.1),)), []),
    "a certificate that ends soon": (lambda f: replace(f, certificates=(Certificate("redis-0", 3.5),)), [M.EXPIRES]),
    "a certificate that has ended": (lambda f: replace(f, certificates=(Certificate("redis-0", -0.1),)), [M.EXPIRED]),
    "nothing runs": (lambda f: Facts(f.stack), [M.NOTHING_RUNS]),
    "nothing of what was deployed runs": (lambda f: unseen(f, "No route to host"), [M.NOTHING_RUNS]),
    "Docker is silent, and the nodes answer": (
        lambda f: replace(unseen(f, None), silent_dockers={"": "no such file"}),
        [M.SILENT_DOCKER],
    ),
    "nothing answers at all": (
        lambda f: replace(unseen(f, "Timeout"), silent_dockers={"": "no such file"}),
        [M.NO_DOCKER],
    ),
    "no outputs: the agents alone are heard": (
        lambda f: replace(
            f,
            no_outputs="wrong passphrase",
            nodes=tuple(replace(node, data=None, watch=None, address=None) for node in f.nodes),
        ),
        [M.NO_OUTPUTS],
    ),
}


@pytest.mark.parametrize(("change", "expected"), AROUND.values(), ids=AROUND.keys())
def test_what_is_wrong_around_the_nodes(change: Callable[[Facts], Facts], expected: list[Message]) -> None:
    assert [one.message for one in findings(change(healthy()))] == expected


def test_a_host_whose_docker_is_silent_is_one_complaint() -> None:
    placed = replace(
        healthy(),
        nodes=tuple(replace(node, host="abc"[int(node.name[-1])]) for node in healthy().nodes),
        silent_dockers={"b": "no answer in 5 s"},
    )
    for name in ("redis-1", "sentinel-1"):
        placed = with_node(placed, name, lambda node: replace(node, container=None, said=None))
    assert [one.message for one in findings(placed)] == [M.SILENT_DOCKER]


def test_the_worst_comes_first_and_the_rest_is_counted() -> None:
    facts = with_node(with_node(healthy(), "redis-0", ended), "redis-1", data(link=False))
    found = findings(facts)
    assert found[0].message is M.NO_MASTER
    more = len(found) - 1
    assert line(facts, found) == f"down: no node is master: writes are impossible (and {more} more)"


def test_a_healthy_stack_is_said_to_be() -> None:
    facts = healthy()
    assert line(facts, []) == "healthy: redis-0 is master, 2 replicas in sync, 3 Sentinels agree"
    few = replace(
        facts, nodes=tuple(node for node in facts.nodes if node.name not in ("redis-2", "sentinel-1", "sentinel-2"))
    )
    assert line(few, []) == "healthy: redis-0 is master, 1 replica in sync, 1 Sentinel agrees"


def test_each_message_is_met_by_a_case_of_these_tables() -> None:
    expected = {one for _, messages in (*TABLE.values(), *AROUND.values()) for one in messages}
    assert set(Message) == expected


def test_what_to_do_about_each_message_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs/operate.md").read_text()
    rows = {row.split("`")[1] for row in page.splitlines() if row.startswith("| `")}
    assert {message.text for message in Message} <= rows
