"""The endpoint: what is declared, and its configuration."""

import hashlib
import json
import re
from typing import Any

import pytest

from redis_ha.plan.acl import data_node_acl, endpoint_password, internal_password, sentinel_acl
from redis_ha.plan.endpoint_config import endpoint_config
from redis_ha.plan.identity import Identity
from redis_ha.plan.layout import TopologyError, plan
from redis_ha.settings.loader import parse_settings
from redis_ha.settings.model import Settings
from tests.program.test_component import Recorder, deploy, recorder

__all__ = ["recorder"]  # a fixture

TLS = {"ca": "ca text", "cert": "cert text", "key": "key text"}


def settings(**values: Any) -> Settings:
    return parse_settings({"password": "pw", "subnet": "10.1.2.0/24", "endpoint": True, **values}, "unit")


def config(**values: Any) -> str:
    given = settings(**values)
    topology = plan(given, Identity("redis-ha", "unit"))
    return endpoint_config(given, topology, topology.endpoints[0])


def section(text: str, name: str) -> list[str]:
    """The lines of one section of a configuration."""
    found = re.search(rf"^{name}\n((?:[ \t]+.*\n|\n)+)", text, re.MULTILINE)
    assert found, name
    return [line.strip() for line in found.group(1).splitlines() if line.strip()]


def test_nothing_is_left_to_fill_in() -> None:
    for values in ({}, {"durability": "consistent"}, {"tls": TLS}, {"network": "host", "replicas": 0}):
        left = [line for line in config(**values).splitlines()[1:] if re.search(r"\$(?!\d)", line)]
        assert not left


def test_every_node_can_get_the_writes_and_the_reads() -> None:
    text = config(replicas=4)
    ports = (16379, 16380, 16390, 16400, 16410)
    servers = [f"server redis-{i} 10.1.2.1{i}:{port}" for i, port in enumerate(ports)]
    for name in ("master", "replicas", "unlinked-replicas", "claim-master"):
        assert [line for line in section(text, f"backend {name}") if line.startswith("server ")] == servers


def test_clients_come_to_a_node_only_while_it_has_the_writes() -> None:
    text = config(replicas=4)
    ways = [f"use_backend writes-redis-{i} if {{ nbsrv(incumbent-redis-{i}) gt 0 }}" for i in range(5)]
    for name in ("write", "read"):
        assert [line for line in section(text, f"frontend {name}") if "writes-" in line] == ways
    for i, address in enumerate(("10.1.2.10:16379", "10.1.2.11:16380")):
        servers = [line for line in section(text, f"backend writes-redis-{i}") if line.startswith("server ")]
        assert servers == [f"server redis-{i} {address}"]


@pytest.mark.parametrize("values", [{}, {"replicas": 29}, {"tls": TLS}])
def test_no_connection_is_still_being_made_when_those_of_a_node_are_closed(values: dict[str, Any]) -> None:
    """HAProxy 3.0.11 forgets such a one, and its client waits for ever."""
    text = config(**values)
    attempts = 1 + int(re.findall(r"^    retries (\d+)$", text, re.MULTILINE)[0])
    connect = int(re.findall(r"^    timeout connect (\d+)$", text, re.MULTILINE)[0])
    lines = "\n".join(section(text, "backend writes-redis-0"))
    inter, fall = (int(number) for number in re.findall(r"inter (\d+) rise 1 fall (\d+)", lines)[0])
    assert attempts * connect < (fall - 1) * inter
    assert "redispatch" not in lines, "another attempt would begin at another node"
    assert "shutdown-sessions" not in "\n".join(section(text, "backend master"))


def test_a_dead_master_does_not_dispute_the_writes_of_its_successor() -> None:
    gate = section(config(replicas=1), "frontend gate")
    for i in range(2):
        rule = f"{{ path /redis-{i} }} {{ nbsrv(claims-redis-{i}) gt 0 }} {{ nbsrv(living-redis-{i}) gt 0 }}"
        assert f"http-request set-var(txn.disputed) bool(true) if !{rule}" in gate
    undisputed = gate.index("http-request return status 200 unless disputed")
    assert gate.index("http-request deny unless living") == undisputed + 1
    lines = "\n".join(section(config(tls=TLS), "backend living"))
    assert "rise 1 fall 1" in lines
    assert "AUTH" not in lines
    assert "ssl" not in lines, "a kernel takes connections, whatever is said on them"


def test_each_sentinel_is_asked_for_each_node() -> None:
    text = config(replicas=1, sentinels=5, masterName="main")
    for node, answer in (
        ("redis-0", r"\r\n10.1.2.10\r\n$5\r\n16379\r\n"),
        ("redis-1", r"\r\n10.1.2.11\r\n$5\r\n16380\r\n"),
    ):
        lines = section(text, f"backend named-{node}")
        assert len([line for line in lines if line.startswith("server sentinel-")]) == 5
        assert r"tcp-check send SENTINEL\ GET-MASTER-ADDR-BY-NAME\ main\r\n" in lines
        assert f"tcp-check expect min-recv 0 string {answer}" in lines
    assert "acl majority      nbsrv(sentinels) ge 3" in text


def test_only_consistent_needs_a_majority_of_the_sentinels() -> None:
    rule = "http-request deny unless majority"
    assert rule not in section(config(), "frontend gate")
    assert rule in section(config(durability="consistent"), "frontend gate")


@pytest.mark.parametrize("down_after", [200, 500, 1000, 30_000])
def test_a_silent_master_is_given_up_before_the_sentinels_do(down_after: int) -> None:
    text = config(downAfter=down_after)
    patience = int(re.findall(r"timeout check (\d+)", text)[0])
    inter, fall = re.findall(r"inter (\d+) rise 1 fall (\d+)", "\n".join(section(text, "backend claim-master")))[0]
    assert int(fall) * (int(inter) + patience) < down_after + 100


def test_many_nodes_are_asked_less_often() -> None:
    def every(text: str) -> int:
        return int(re.findall(r" inter (\d+) ", "\n".join(section(text, "backend claim-master")))[0])

    assert every(config(replicas=4)) == 50
    assert every(config(replicas=29)) == 300


def test_scaling_the_data_nodes_does_not_touch_it() -> None:
    """Its container has this text as a file: another one replaces it."""
    assert config(replicas=0) == config(replicas=4)
    assert config(replicas=5) != config(replicas=4)
    hosts = [{"name": name, "docker": f"ssh://{name}", "address": f"192.0.2.{i}"} for i, name in enumerate("abc", 1)]
    assert config(subnet=None, hosts=hosts, replicas=1) == config(subnet=None, hosts=hosts, replicas=3)


def test_it_is_not_told_of_a_place_that_something_else_has() -> None:
    assert "server redis-2 127.0.0.1:16390" in config(network="host", subnet=None, replicas=1)
    assert "server redis-2 " not in config(network="host", subnet=None, replicas=1, ports={"write": 16390})
    assert "server redis-4" not in config(network="host", subnet=None, ports={"replica": 65510})


def test_addresses_that_it_listens_at() -> None:
    assert "bind 10.1.2.250:16378,127.0.0.1:16378" in section(config(), "frontend write")
    assert "bind 10.1.2.250:16377,127.0.0.1:16377" in section(config(advertise="192.0.2.7"), "frontend read")
    assert "bind 127.0.0.1:16378" in section(config(network="host"), "frontend write")
    assert "bind 192.0.2.7:16377,127.0.0.1:16377" in section(
        config(network="host", advertise="192.0.2.7"), "frontend read"
    )
    assert "bind 127.0.0.2:16378" in section(config(network="host"), "frontend gate")


def test_checks_over_tls() -> None:
    plain, secured, both = config(), config(tls=TLS), config(tls={**TLS, "clientAuth": "required"})
    assert "ssl" not in plain
    for name in ("replicas", "claim-master", "sentinels", "failing-over", "named-redis-0"):
        line = next(line for line in section(secured, f"backend {name}") if line.startswith("default-server "))
        assert "check-ssl verify required ca-file /etc/redis-ha/node/ca.pem inter" in line
        line = next(line for line in section(both, f"backend {name}") if line.startswith("default-server "))
        assert "crt /etc/redis-ha/node/client.pem" in line
    # The gate is asked without.
    assert "ssl" not in "\n".join(section(both, "backend master"))


def test_it_holds_a_password_of_its_own_and_no_other() -> None:
    given = settings(systemPassword="system")
    internal, own = internal_password("pw", "system"), endpoint_password("pw", "system")
    text = config(systemPassword="system")
    assert own in text
    assert internal not in text
    assert own not in (internal, endpoint_password("pw", None))
    for acl in (data_node_acl, sentinel_acl):
        users = {line.split()[1]: line for line in acl(given, internal).splitlines()}
        assert f"#{hashlib.sha256(own.encode()).hexdigest()}" in users["endpoint"]
        # Always there, so that the setting changes no node.
        assert acl(given.model_copy(update={"endpoint": False}), internal) == acl(given, internal)


@pytest.mark.parametrize("ports", [{"write": 16379}, {"read": 16378}, {"read": 16391}])
def test_ports_that_are_taken_are_refused(ports: dict[str, int]) -> None:
    with pytest.raises(TopologyError, match="would share"):
        plan(settings(ports=ports), Identity("redis-ha", "unit"))
    plan(settings(ports=ports, endpoint=False), Identity("redis-ha", "unit"))


def test_a_certificate_must_be_for_it_too() -> None:
    assert plan(settings(), Identity("redis-ha", "unit")).addresses[-1] == "10.1.2.250"
    assert "10.1.2.250" not in plan(settings(endpoint=False), Identity("redis-ha", "unit")).addresses


def test_it_is_declared_last_and_changes_no_node(recorder: Recorder) -> None:
    without = deploy(subnet="10.1.2.0/24")
    nodes = {one.name: one.inputs for one in recorder.nodes()}
    recorder.resources.clear()
    found = deploy(subnet="10.1.2.0/24", endpoint=True)
    containers = recorder.nodes()
    assert containers[-1].name == "endpoint"
    assert {one.name: one.inputs for one in containers[:-1]} == nodes
    assert "endpoint" not in without
    assert found["endpoint"] == {"write": "10.1.2.250:16378", "read": "10.1.2.250:16377"}


def test_its_container(recorder: Recorder) -> None:
    deploy(subnet="10.1.2.0/24", endpoint=True, tls={**TLS, "clientAuth": "required"})
    by_name = {one.name: one.inputs for one in recorder.of_type("Container")}
    inputs, files = by_name["endpoint"], by_name["endpoint-files"]
    image = next(one.inputs for one in recorder.of_type("Image") if one.name == "endpoint-image")
    assert image["imageName"] == "redis-ha-endpoint:unit"
    assert image["build"]["args"] == {"BASE": "haproxy:3.0-alpine"}
    assert inputs["capabilities"] == {"drops": ["ALL"]}
    assert inputs["ports"] == [{"internal": p, "external": p, "ip": "127.0.0.1"} for p in (16378, 16377)]
    assert [upload["file"].rpartition("/")[2] for upload in files["uploads"]["value"]] == [
        "haproxy.cfg",
        "ca.pem",
        "client.pem",
    ]
    assert inputs["readOnly"] is True
    visible = {**inputs, **{key: value for key, value in files.items() if key != "uploads"}}
    assert "key text" not in json.dumps(visible, default=str)
    assert endpoint_password("a-password", None) not in json.dumps(visible, default=str)
