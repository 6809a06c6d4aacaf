"""The parts of the drills that need no cluster."""

import json
import math
from pathlib import Path

import pytest

from drills.drill import Outcome
from drills.faults.power import Commands
from drills.figures import median, percentile, spread
from drills.limits import Limits
from drills.report import table
from drills.target import health
from drills.target.cluster import Cluster, Role
from drills.target.errors import DrillError, WaitTimeoutError
from drills.target.stack import Stack
from drills.target.waiting import until
from drills.watch.load import Client, Gap, Load
from redis_ha.outputs import Host, Node, Outputs, OutputsError

OUTPUTS = {
    "master_name": "mymaster",
    "nodes": [{"name": "redis-0", "host": "10.0.0.10", "port": 16379, "container": "redis-ha-dev-redis-0"}],
    "sentinels": ["10.0.0.130:16381", "[fd00::1]:16391"],
    "image": "sha256:1",
    "password": "hidden",
    "url": "redis://:hidden@10.0.0.10:16379",
}


def test_outputs_are_read_and_keep_their_secrets_out_of_their_text() -> None:
    outputs = Outputs.from_json("dev", json.dumps(OUTPUTS))
    assert outputs.nodes[0].address == ("10.0.0.10", 16379)
    assert outputs.sentinels == (("10.0.0.130", 16381), ("fd00::1", 16391))
    assert outputs.password == "hidden"
    assert "hidden" not in repr(outputs)


def test_outputs_say_which_host_holds_what() -> None:
    host = {"docker": "ssh://root@10.0.0.1", "address": "10.0.0.10"}
    nodes = [{**OUTPUTS["nodes"][0], "host_name": "a"}]  # type: ignore[dict-item]
    raw = {**OUTPUTS, "nodes": nodes, "hosts": {"a": host}, "sentinels": ["10.0.0.10:16381"], "sentinel_hosts": ["a"]}
    outputs = Outputs.from_json("dev", json.dumps(raw))
    assert outputs.hosts == (Host("a", "ssh://root@10.0.0.1", "10.0.0.10"),)
    cluster = Cluster(outputs)
    assert [n.host_name for n in cluster.nodes] == ["a"]
    assert cluster.sentinels == (Node("sentinel-0", "10.0.0.10", 16381, "redis-ha-dev-sentinel-0", "a"),)
    assert (cluster.machine("redis-0"), cluster.machine("sentinel-0")) == ("a", "a")


def test_a_fault_of_a_host_is_a_command_of_the_config(tmp_path: Path) -> None:
    stack = Stack("x", tmp_path)
    stack.configure(
        {"redis-ha-drill:hosts": {"powerOff": f"cp /dev/null '{tmp_path}/off {{host}}'", "powerOn": "false"}}
    )
    hosts = Commands.of(stack)
    hosts.do("powerOff", "a b")
    assert (tmp_path / "off a b").exists()
    with pytest.raises(DrillError, match="powerOn of a ended with exit code 1"):
        hosts.do("powerOn", "a")
    assert hosts.lacks("powerOff", "powerOn") is None
    assert "redis-ha-drill:hosts cutOff" in str(hosts.lacks("cutOff", "powerOn"))
    stack.configure({"redis-ha-drill:hosts": {"explode": "true"}})
    with pytest.raises(DrillError, match="allowed: commands"):
        Commands.of(stack)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no json", "not JSON"),
        ("{}", "no output master_name, nodes, sentinels: is it up"),
        (json.dumps({**OUTPUTS, "nodes": [{"name": "redis-0"}]}), "unexpected form"),
        (json.dumps({**OUTPUTS, "sentinels": ["nothing"]}), "unexpected form"),
    ],
)
def test_outputs_that_are_wrong_are_said_to_be(text: str, said: str) -> None:
    with pytest.raises(OutputsError, match=said):
        Outputs.from_json("dev", text)


def test_gaps_are_found_between_acknowledgements() -> None:
    client = Client("c", "key", route=None)  # type: ignore[arg-type]
    client.acknowledged = [(0, 10.0), (1, 10.1), (2, 12.6), (3, 12.7)]
    client.ended = 12.7
    assert client.gaps(1.0) == [Gap("c", 10.1, 12.6)]
    assert client.gaps(1.0, since=12.6) == []
    assert [round(g.seconds, 1) for g in client.gaps(0.0, since=12.0)] == [2.5, 0.1]


def test_a_client_that_never_writes_again_is_silent_to_the_end() -> None:
    load = Load(lambda: None, 3, ready=False)  # type: ignore[arg-type,return-value]
    for client in load.clients:
        client.started, client.ended = 10.0, 20.0
    well, silent, never = load.clients
    well.acknowledged = [(i, 10 + i / 100) for i in range(1000)]
    silent.acknowledged = [(0, 10.0), (1, 12.01)]
    assert load.outages(12.0) == [pytest.approx(0.01), pytest.approx(7.99), 10.0]
    assert load.outages(13.0)[1:] == [pytest.approx(7.99), 10.0]
    assert silent.gaps(1.0, 13.0) == [Gap(silent.name, 12.01, 20.0)]
    assert never.gaps(1.0, 13.0) == [Gap(never.name, 10.0, 20.0)]
    # One that still writes is silent until now; a last answer may come after the end was called for.
    silent.ended = None
    assert load.outages(13.0)[1] > 1e9
    well.acknowledged.append((1000, 20.5))
    assert load.outages(20.0)[0] == pytest.approx(0.51)


def test_percentiles() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert (median(values), percentile(values, 0.95), percentile(values, 0.0)) == (3.0, 5.0, 1.0)
    assert math.isnan(median([]))
    assert spread([0.1, 0.3, 0.2], 1000) == "100 / 200 / 300"
    assert spread([]) == "-"


def test_no_limit_is_passed_when_none_is_set() -> None:
    assert Limits().passed([]) == []


def test_an_outage_through_the_endpoint_counts_too() -> None:
    outcome = Outcome("f", "a fault", 0.0, [], [0.5], [], [2.5], 10, [], 0)
    assert Limits(largest_outage=1.0).passed([outcome]) == ["a fault: an outage of 2.50 s, limit 1 s"]
    assert Limits(largest_outage=3.0).passed([outcome]) == []
    cells = {str(c.header): list(c.cells)[-1] for c in table([outcome]).columns if c.header != "max"}
    assert (cells["outage p50"], cells["endpoint"]) == ("0.50", "2.50")


def test_the_endpoint_is_in_the_outputs_where_there_is_one() -> None:
    assert Outputs.from_json("dev", json.dumps(OUTPUTS)).write is None
    given = {**OUTPUTS, "endpoint": {"write": "10.0.0.250:16378", "read": "10.0.0.250:16377"}}
    found = Outputs.from_json("dev", json.dumps(given))
    assert (found.write, found.read) == (("10.0.0.250", 16378), ("10.0.0.250", 16377))


def test_a_master_that_stops_answering_between_two_questions_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(Outputs.from_json("dev", json.dumps(OUTPUTS)))
    answers = iter([{cluster.nodes[0]: Role("master", 1)}, {cluster.nodes[0]: None}])
    monkeypatch.setattr(health, "_containers", lambda cluster: iter(()))
    monkeypatch.setattr(cluster, "roles", lambda: next(answers))
    assert health.problems(cluster) == ["the master has stopped answering"]


def test_waiting_ends_and_says_why() -> None:
    answers = iter([0, 0, 7])
    assert until(lambda: next(answers), "seven", every=0) == 7
    with pytest.raises(WaitTimeoutError, match="waited 0 s for rain: the sky is clear"):
        until(lambda: False, "rain", timeout=0, because=lambda: "the sky is clear")
