"""Metrics: what is declared, what the exporter may do, and what it cannot tell."""

import hashlib
import importlib.util
import json
import ssl
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redis_ha.plan.acl import data_node_acl, exporter_password, internal_password, sentinel_acl
from redis_ha.plan.exporters import targets
from redis_ha.plan.identity import Identity
from redis_ha.plan.layout import TopologyError, plan
from redis_ha.plan.topology import FOLDER, Topology
from redis_ha.settings.loader import parse_settings
from redis_ha.settings.model import Settings
from tests.agent.test_standard_library import KEPT, imported
from tests.program.test_component import Recorder, deploy, recorder

__all__ = ["recorder"]  # a fixture

SCRIPT = Path(__file__).resolve().parents[2] / "configs" / "exporter" / "figures.py"
TLS = {"ca": "ca text", "cert": "cert text", "key": "key text"}
HOSTS = [{"name": name, "docker": f"ssh://{name}", "address": f"10.0.0.{i}"} for i, name in enumerate("abc", 1)]


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("figures", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def settings(**values: Any) -> Settings:
    return parse_settings({"password": "pw", "subnet": "10.1.2.0/24", "metrics": True, **values}, "unit")


def topology(**values: Any) -> Topology:
    return plan(settings(**values), Identity("redis-ha", "unit"))


def test_every_node_is_asked_for_through_its_own_hosts_exporter() -> None:
    found = topology(hosts=HOSTS, subnet=None)
    by_node = {one["labels"]["node"]: one for one in targets(found) if one["labels"]["kind"] != "exporter"}
    assert by_node.keys() == {node.name for node in (*found.data_nodes, *found.sentinels)}
    for node in (*found.data_nodes, *found.sentinels):
        assert node.host
        one = by_node[node.name]
        assert one["targets"] == [f"{node.host.address}:16376"]
        labels = {"cluster": "redis-ha-unit", "host": node.host.name, "kind": node.kind, "instance": node.endpoint}
        assert labels.items() <= one["labels"].items()
        assert one["labels"]["__param_target"] == f"redis://{node.endpoint}"
    exporters = [one["targets"] for one in targets(found) if one["labels"]["kind"] == "exporter"]
    assert exporters == [[f"10.0.0.{i}:{port}"] for i in (1, 2, 3) for port in (16376, 16375)]


def test_there_is_none_where_no_node_is() -> None:
    found = topology(hosts=HOSTS, subnet=None, replicas=0, sentinels=1)
    assert {one.host_name for one in found.exporters} == {node.host_name for node in found.data_nodes + found.sentinels}
    assert topology(metrics=False).exporters == ()


def test_a_swarm_is_refused() -> None:
    hosts = [{"name": "a", "address": "10.0.0.1"}]
    with pytest.raises(Exception, match="metrics: cannot be had in a Swarm"):
        parse_settings({"password": "pw", "hosts": hosts, "swarm": True, "metrics": True, "replicas": 0}, "unit")


@pytest.mark.parametrize("ports", [{"metrics": 16379}, {"figures": 16376}, {"metrics": 16391}])
def test_ports_that_are_taken_are_refused(ports: dict[str, int]) -> None:
    with pytest.raises(TopologyError, match="would share"):
        topology(ports=ports)
    topology(ports=ports, metrics=False)


def test_its_user_reads_figures_and_nothing_else() -> None:
    given, internal = settings(), internal_password("pw", None)
    own = exporter_password("pw", None)
    assert own != internal
    for acl in (data_node_acl, sentinel_acl):
        users = {line.split()[1]: line for line in acl(given, internal).splitlines()}
        words = users["exporter"].split()
        assert f"#{hashlib.sha256(own.encode()).hexdigest()}" in words
        assert {"resetchannels", "-@all"} <= set(words)
        assert not [word for word in words if word[0] in "~%&" or word in ("allkeys", "allchannels")]
        allowed = {word[1:] for word in words if word[0] == "+"}
        assert not [word for word in allowed if word.startswith(("@", "config", "slowlog|get", "eval", "client|list"))]
        # Always there, so that the setting changes no node.
        assert acl(given.model_copy(update={"metrics": False}), internal) == acl(given, internal)


def test_it_is_declared_last_and_changes_no_node(recorder: Recorder) -> None:
    without = deploy(subnet="10.1.2.0/24")
    nodes = {one.name: one.inputs for one in recorder.nodes()}
    recorder.resources.clear()
    found = deploy(subnet="10.1.2.0/24", metrics=True)
    containers = recorder.nodes()
    assert [one.name for one in containers[-2:]] == ["exporter", "figures"]
    assert {one.name: one.inputs for one in containers[:-2]} == nodes
    assert "metrics" not in without
    assert found["metrics"][0] == {
        "targets": ["10.1.2.251:16376"],
        "labels": {"cluster": "redis-ha-unit", "kind": "exporter", "node": "exporter"},
    }


def test_the_containers(recorder: Recorder) -> None:
    deploy(subnet="10.1.2.0/24", metrics=True, replicas=1, tls={**TLS, "clientAuth": "required"})
    by_name = {one.name: one.inputs for one in recorder.of_type("Container")}
    image = next(one.inputs for one in recorder.of_type("Image") if one.name == "exporter-image")
    assert image["imageName"] == "redis-ha-exporter:unit"
    assert image["build"]["args"] == {"BASE": "oliver006/redis_exporter:v1.69.0-alpine"}
    for name, port in {"exporter": 16376, "figures": 16375}.items():
        inputs, files = by_name[name], by_name[f"{name}-files"]
        assert inputs["capabilities"] == {"drops": ["ALL"]}
        assert inputs["securityOpts"] == ["no-new-privileges:true"]
        assert inputs["readOnly"] is True
        assert inputs["ports"] == [{"internal": port, "external": port, "ip": "127.0.0.1"}]
        marks = {one["label"]: one["value"] for one in inputs["labels"]}
        assert (marks["redis-ha.kind"], marks["redis-ha.node"]) == ("exporter", name)
        assert inputs["restart"] == "unless-stopped"
        visible = {**inputs, **{key: value for key, value in files.items() if key != "uploads"}}
        assert "key text" not in json.dumps(visible, default=str)
        assert exporter_password("a-password", None) not in json.dumps(visible, default=str)
    uploads = {one["file"]: one["content"] for one in by_name["exporter-files"]["uploads"]["value"]}
    passwords = json.loads(uploads[f"{FOLDER}/passwords.json"])
    addresses = ("10:16379", "11:16380", "130:16381", "131:16391", "132:16401")
    assert passwords.keys() == {f"rediss://exporter@10.1.2.{address}" for address in addresses}
    assert set(passwords.values()) == {exporter_password("a-password", None)}
    assert uploads[f"{FOLDER}/client.pem"] == "cert text\nkey text\n"


def test_certificates_times_are_read(figures: ModuleType) -> None:
    for day in range(0, 366 * 140, 13):
        text = time.strftime("%b %e %H:%M:%S %Y GMT", time.gmtime(day * 86400 + 12345))
        assert figures.seconds_since_1970(text) == ssl.cert_time_to_seconds(text), text


def test_the_last_backup_is_told(figures: ModuleType, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    assert figures.last_backup(None) == figures.last_backup(state) == {}
    state.write_text(json.dumps({"every": 3600, "failed": 90, "why": "no space left"}))
    assert figures.last_backup(state) == {"timestamp_seconds": 0.0, "interval_seconds": 3600.0, "failed": 1.0}
    state.write_text(json.dumps({"every": 3600, "at": 1234.5, "failed": None, "why": None}))
    lines = figures.page(1000, 250, {}, figures.last_backup(state)).splitlines()
    assert "redis_ha_backup_timestamp_seconds 1234" in lines
    assert "redis_ha_backup_failed 0" in lines


def test_figures_need_only_what_the_image_keeps(figures: ModuleType) -> None:
    assert figures.page(1000, 250, {"redis-0": 0.0}, {}).splitlines()[-1] == (
        'redis_ha_certificate_valid_until_seconds{of="redis-0"} 0'
    )
    assert imported(SCRIPT) <= KEPT
