"""The endpoint: what is declared, and its configuration."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from agent.endpoint.look import silence
from agent.endpoint.main import Told
from agent.endpoint.proxy import CLOSING_S
from redis_ha.plan.acl import data_node_acl, endpoint_password, internal_password, sentinel_acl
from redis_ha.plan.endpoint_config import haproxy_config, told
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
    topology = plan(settings(**values), Identity("redis-ha", "unit"))
    return haproxy_config(topology, topology.endpoints[0])


def agent_told(**values: Any) -> dict[str, Any]:
    given = settings(**values)
    found: dict[str, Any] = json.loads(told(given, plan(given, Identity("redis-ha", "unit"))))
    return found


def section(text: str, name: str) -> list[str]:
    """The lines of one section of a configuration."""
    found = re.search(rf"^{name}\n((?:[ \t]+.*\n|\n)+)", text, re.MULTILINE)
    assert found, name
    return [line.strip() for line in found.group(1).splitlines() if line.strip()]


def test_nothing_is_left_to_fill_in() -> None:
    for values in ({}, {"network": "host", "replicas": 0}):
        assert "$" not in "\n".join(config(**values).splitlines()[1:])


def test_every_node_can_get_the_writes_and_the_reads() -> None:
    text, ports = config(replicas=4), (16379, 16380, 16390, 16400, 16410)
    servers = [f"server redis-{i} 10.1.2.1{i}:{port}" for i, port in enumerate(ports)]
    assert [line for line in section(text, "backend reads") if line.startswith("server ")] == servers
    for i, server in enumerate(servers):
        assert section(text, f"backend writes-redis-{i}") == [server]
    assert agent_told(replicas=4)["nodes"] == dict(line.split()[1:] for line in servers)


def test_nobody_gets_a_client_before_the_agent_says_so() -> None:
    assert "default-server disabled" in section(config(), "backend reads")
    assert section(config(), "frontend write")[-1] == "use_backend %[str(writes),map(/run/redis-ha/ways.map)]"


def test_no_connection_is_still_being_made_when_those_of_a_node_are_closed() -> None:
    """HAProxy 3.0.11 forgets such a one, and its client waits for ever."""
    text = config()
    attempts = 1 + int(re.findall(r"^    retries (\d+)$", text, re.MULTILINE)[0])
    connect = int(re.findall(r"^    timeout connect (\d+)$", text, re.MULTILINE)[0])
    assert attempts * connect / 1000 < CLOSING_S
    assert "shutdown-sessions" not in text


def test_what_its_agent_is_told() -> None:
    assert agent_told(replicas=1, sentinels=5, masterName="main", durability="consistent", downAfter=700) == {
        "nodes": {f"redis-{i}": f"10.1.2.1{i}:{port}" for i, port in enumerate((16379, 16380, 16390, 16400, 16410))},
        "sentinels": [f"10.1.2.{130 + i}:{16381 + 10 * i}" for i in range(5)],
        "master_name": "main",
        "durability": "consistent",
        "down_after": 700,
        "password": endpoint_password("pw", None),
    }


@pytest.mark.parametrize("down_after", [200, 500, 1000, 30_000])
def test_a_silent_master_is_given_up_before_the_sentinels_do(down_after: int, tmp_path: Path) -> None:
    (tmp_path / "endpoint.json").write_text(json.dumps(agent_told(downAfter=down_after)))
    assert silence(Told.read(tmp_path).patience) * 1000 < down_after + 100


def test_scaling_the_data_nodes_does_not_touch_it() -> None:
    """Its container has this text as a file: another one replaces it."""
    assert config(replicas=0) == config(replicas=4)
    assert agent_told(replicas=0) == agent_told(replicas=4)
    assert config(replicas=5) != config(replicas=4)
    hosts = [{"name": name, "docker": f"ssh://{name}", "address": f"192.0.2.{i}"} for i, name in enumerate("abc", 1)]
    assert config(subnet=None, hosts=hosts, replicas=1) == config(subnet=None, hosts=hosts, replicas=3)


def test_it_is_not_told_of_a_place_that_something_else_has() -> None:
    assert "server redis-2 127.0.0.1:16390" in config(network="host", subnet=None, replicas=1)
    assert "server redis-2 " not in config(network="host", subnet=None, replicas=1, ports={"write": 16390})
    assert "server redis-4" not in config(network="host", subnet=None, ports={"replica": 65510})


def test_addresses_that_it_listens_at() -> None:
    assert "bind 10.1.2.250:16378,127.0.0.1:16378 tcp-ut 60s" in section(config(), "frontend write")
    assert "bind 10.1.2.250:16377,127.0.0.1:16377 tcp-ut 60s" in section(config(advertise="192.0.2.7"), "frontend read")
    assert "bind 127.0.0.1:16378 tcp-ut 60s" in section(config(network="host"), "frontend write")
    assert "bind 192.0.2.7:16377,127.0.0.1:16377 tcp-ut 60s" in section(
        config(network="host", advertise="192.0.2.7"), "frontend read"
    )


def test_it_holds_a_password_of_its_own_and_no_other() -> None:
    given = settings(systemPassword="system")
    internal, own = internal_password("pw", "system"), endpoint_password("pw", "system")
    text = config(systemPassword="system") + json.dumps(agent_told(systemPassword="system"))
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
        "endpoint.json",
        "ca.pem",
        "client.pem",
    ]
    assert inputs["readOnly"] is True
    visible = {**inputs, **{key: value for key, value in files.items() if key != "uploads"}}
    assert "key text" not in json.dumps(visible, default=str)
    assert endpoint_password("a-password", None) not in json.dumps(visible, default=str)
