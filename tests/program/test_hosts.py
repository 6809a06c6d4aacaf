"""The setting `hosts`: what it accepts, and what follows for topology, resources and outputs."""

import json
from typing import Any

import pulumi
import pytest

from redis_ha.docker.clients import check_hosts, endpoint, left_out
from redis_ha.plan.identity import Identity
from redis_ha.plan.layout import TopologyError, plan
from redis_ha.plan.topology import Topology
from redis_ha.settings.loader import parse_settings
from tests.program.test_component import Recorder, deploy, environment, recorder

__all__ = ["recorder"]  # a fixture

# The program asks each for its image. Nobody listens there: they refuse at once, where others might say nothing.
A = {"name": "a", "docker": "ssh://ops@127.0.0.1:1", "address": "10.0.0.1"}
B = {"name": "b", "docker": "tcp://127.0.0.1:1", "address": "10.0.0.2"}
C = {"name": "c", "docker": "unix:///run/c.sock", "address": "10.0.0.3"}
D = {"name": "d", "docker": "context:far", "address": "10.0.0.4"}


def topology(*hosts: dict[str, Any], **values: Any) -> Topology:
    settings = parse_settings({"password": "pw", "hosts": json.dumps(hosts), **values}, "dev")
    return plan(settings, Identity("redis-ha", "dev"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hosts": [{**A, "docker": "http://x"}]}, "hosts.0.docker: 'http://x': allowed: ssh://user@host, tcp"),
        ({"hosts": [A, {**B, "address": "10.0.0.1"}]}, "address: 10.0.0.1 is there twice"),
        ({"hosts": [A, {**B, "name": "a"}]}, "name: a is there twice"),
        ({"hosts": [{"name": "a"}]}, "hosts.0.address: missing; each host needs"),
        ({"hosts": [{"name": "a", "address": "10.0.0.1"}]}, "hosts: a: docker: missing"),
        ({"hosts": [{**A, "drain": True}]}, "drain: is set on every host"),
        ({"hosts": [{**A, "name": "A_1"}]}, "hosts.0.name: 'A_1'"),
        ({"hosts": [{**B, "key": "PRIVATE"}]}, "key: allowed: ca, cert and key together"),
        ({"hosts": [A, {**B, "address": "127.0.0.1"}]}, "not a loopback one"),
        ({"hosts": [A], "network": "bridge"}, "network: 'bridge' cannot be had beside `hosts`"),
        ({"hosts": [A], "advertise": "10.0.0.9"}, "advertise: '10.0.0.9' cannot be had beside `hosts`"),
        ({"hosts": [{**A, "labels": {"row": "1"}}]}, "hosts.0.labels.row: unknown setting"),
    ],
)
def test_wrong_hosts_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(pulumi.RunError) as error:
        parse_settings({"password": "pw", **values}, "dev")
    assert message in str(error.value)
    assert "PRIVATE" not in str(error.value)


def test_ports_are_the_documents_on_every_host() -> None:
    found = topology(A, B, C)
    assert [node.endpoint for node in found.data_nodes] == ["10.0.0.1:16379", "10.0.0.2:16380", "10.0.0.3:16380"]
    assert [node.endpoint for node in found.sentinels] == ["10.0.0.1:16381", "10.0.0.2:16381", "10.0.0.3:16381"]
    assert {node.fixed_address for node in found.data_nodes} == {None}
    shared = topology(A, B, replicas=4, sentinelPlacement="soft")
    assert [node.endpoint for node in shared.data_nodes] == [
        "10.0.0.1:16379",
        "10.0.0.2:16380",
        "10.0.0.2:16390",
        "10.0.0.1:16380",
        "10.0.0.2:16400",
    ]


def test_resources_are_named_by_their_host() -> None:
    assert [node.full_name for node in topology(A, B, C).data_nodes] == ["redis-0.a", "redis-1.b", "redis-2.c"]


def test_too_few_hosts_for_the_sentinels() -> None:
    with pytest.raises(TopologyError, match=r"each of the 3 needs a host of its own, but `hosts` has 2"):
        topology(A, B)
    with pytest.raises(TopologyError, match="has 2"):
        topology(A, B, {**C, "drain": True})
    assert len(topology(A, B, sentinelPlacement="soft").sentinels) == 3


def test_a_sentinel_that_moves_is_another_one() -> None:
    before, after = topology(A, B, C, D), topology(A, {**B, "drain": True}, C, D)
    ids = [[found.sentinel_id(node) for node in found.sentinels] for found in (before, after)]
    assert [old == new for old, new in zip(*ids, strict=True)] == [True, False, True]


def test_each_host_has_its_provider_image_and_nodes(recorder: Recorder) -> None:
    found = deploy(hosts=[A, B, C])
    providers = {one.name: one.inputs["host"] for one in recorder.of_type("docker")}
    assert providers == {"docker.a": A["docker"], "docker.b": B["docker"], "docker.c": C["docker"]}
    assert sorted(one.name for one in recorder.of_type("Image")) == ["image.a", "image.b", "image.c"]
    for one in (*recorder.of_type("Container"), *recorder.of_type("Volume"), *recorder.of_type("Image")):
        assert f"::redis-ha-docker.{one.name[-1]}::" in str(one.provider)
    assert len(recorder.carriers()) == 6
    for one in recorder.nodes():
        assert one.inputs["networkMode"] == "host"
        assert environment(one)["bind_address"] == f"{environment(one)['announce_address']} 127.0.0.1"
    assert found["hosts"]["b"] == {"docker": B["docker"], "address": "10.0.0.2"}
    assert [node["host_name"] for node in found["nodes"]] == ["a", "b", "c"]


def test_a_pushed_image_is_built_once(recorder: Recorder) -> None:
    deploy(hosts=[A, B, C], registry="registry.example:5000", registryUser="u", registryPassword="p")
    assert sorted(one.name for one in recorder.of_type("Image")) == ["image.a"]
    assert {one.inputs["image"] for one in recorder.of_type("Container")} == {"sha256:1"}
    assert all("registryAuth" in one.inputs for one in recorder.of_type("docker"))


def test_certificates_are_secret_and_in_no_output(recorder: Recorder) -> None:
    found = deploy(hosts=[A, {**B, "ca": "CA", "cert": "CERT", "key": "KEY"}, C])
    (one,) = [one for one in recorder.of_type("docker") if one.name == "docker.b"]
    for name in ("caMaterial", "certMaterial", "keyMaterial"):
        assert pulumi.runtime.rpc._special_secret_sig in one.inputs[name].values()
    assert "KEY" not in json.dumps(found)


def test_an_unreachable_host_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = parse_settings({"password": "pw", "hosts": [B, {**C, "docker": "unix:///nowhere"}]}, "dev").hosts[1:]
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    with pytest.raises(pulumi.RunError) as error:
        check_hosts(hosts)
    assert "host c cannot be reached at unix:///nowhere: " in str(error.value)
    assert "EXCLUDE=c for make, or --exclude '**.c' for ./pulumiw" in str(error.value)
    monkeypatch.setenv("REDIS_HA_EXCLUDE", "c")
    assert left_out() == {"c"}
    check_hosts(hosts)
    monkeypatch.setenv("REDIS_HA_EXCLUDE", "c,x")
    with pytest.raises(pulumi.RunError, match="no host is named x; there are c"):
        check_hosts(hosts)


def test_a_context_is_resolved_and_must_be_there() -> None:
    (host,) = parse_settings({"password": "pw", "hosts": [{**D, "docker": "context:not-there-at-all"}]}, "dev").hosts
    with pytest.raises(pulumi.RunError, match="no Docker context is named 'not-there-at-all'"):
        endpoint(host)
