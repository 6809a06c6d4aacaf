"""The setting `swarm`: what it needs, what is declared for it, and when its services count as joined."""

import base64
import json
from typing import Any

import pulumi
import pytest

from redis_ha.docker import swarm_rollout
from redis_ha.docker.swarm_nodes import differences
from redis_ha.docker.swarm_rollout import progress_of, usable
from redis_ha.plan.identity import Identity
from redis_ha.plan.layout import TopologyError, plan
from redis_ha.resources import swarm
from redis_ha.settings.hosts import Host
from redis_ha.settings.loader import parse_settings
from tests.program.test_component import PASSWORD, Recorder, deploy, recorder

__all__ = ["recorder"]  # a fixture

HOSTS = [{"name": name, "address": f"10.0.0.{i}"} for i, name in enumerate("abcd", 1)]
SWARM = {"swarm": True, "hosts": HOSTS[:3], "registry": "registry:5000"}
MB = 1024**2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"swarm": True}, "swarm: needs `hosts`"),
        ({**SWARM, "registry": None}, "registry: missing"),
        ({**SWARM, "endpoint": True}, "endpoint: cannot be had in a Swarm"),
        ({**SWARM, "network": "bridge"}, "network: 'bridge' cannot be had beside `hosts`"),
    ],
)
def test_wrong_settings_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(pulumi.RunError, match=message):
        parse_settings({"password": "pw", **values}, "dev")


@pytest.mark.parametrize(("values", "word"), [({"replicas": 3}, "replicas"), ({"sentinels": 4}, "sentinels")])
def test_each_node_needs_a_host_of_its_own(values: dict[str, Any], word: str) -> None:
    settings = parse_settings({"password": "pw", **SWARM, **values, "sentinelPlacement": "soft"}, "dev")
    with pytest.raises(TopologyError, match=word):
        plan(settings, Identity("redis-ha", "dev"))


@pytest.fixture
def services(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    monkeypatch.setattr(swarm_rollout, "until_joined", lambda *_: None)
    monkeypatch.setattr(swarm_rollout, "_wait_until_joined", lambda _: None)
    monkeypatch.setattr(swarm_rollout, "is_there", lambda _: True)
    return recorder


def _service(recorder: Recorder, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one.inputs for one in recorder.of_type("Service") if one.name == kind)
    return found


def test_a_service_of_each_kind_and_nothing_on_single_hosts(services: Recorder) -> None:
    found = deploy(**SWARM)
    assert [one.inputs["name"] for one in services.of_type("Service")] == [
        "redis-ha-unit-redis",
        "redis-ha-unit-sentinel",
    ]
    for kind in ("Container", "Volume", "Network", "docker"):
        assert not services.of_type(kind)
    assert [node["container"] for node in found["nodes"]] == ["redis-ha-unit-redis"] * 3
    assert [node["host_name"] for node in found["nodes"]] == ["a", "b", "c"]
    assert "hosts" not in found


@pytest.mark.parametrize("there", [True, False])
def test_at_a_first_start_the_data_nodes_do_not_wait_for_the_sentinels(
    services: Recorder, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    hooks: dict[str, list[str]] = {}
    before: list[str] = []
    monkeypatch.setattr(swarm_rollout, "is_there", lambda _: there)
    monkeypatch.setattr(swarm_rollout, "until_joined", lambda name, waited_for: hooks.update({name: waited_for}))
    monkeypatch.setattr(swarm_rollout, "_wait_until_joined", before.append)
    deploy(**SWARM)
    data, sentinels = "redis-ha-unit-redis", "redis-ha-unit-sentinel"
    if there:
        assert (hooks, before) == ({data: [data], sentinels: [sentinels]}, [data])
    else:
        assert (hooks, before) == ({data: [], sentinels: [data, sentinels]}, [])


def test_tasks_find_their_place_by_the_hosts_name(services: Recorder) -> None:
    deploy(**SWARM)
    told = _service(services, "redis")["taskSpec"]["containerSpec"]["env"]
    assert told["swarm_host"] == "{{.Node.Hostname}}"
    assert told["swarm_places"] == "a=10.0.0.1:16379 b=10.0.0.2:16380 c=10.0.0.3:16380"
    told = _service(services, "sentinel")["taskSpec"]["containerSpec"]["env"]
    assert told["swarm_places"] == "a=10.0.0.1:16381 b=10.0.0.2:16381 c=10.0.0.3:16381"


def test_hosts_without_a_node_are_excluded(services: Recorder) -> None:
    deploy(swarm=True, registry="r", hosts=[HOSTS[0], {**HOSTS[1], "drain": True}, *HOSTS[2:]], replicas=1)
    placement = {kind: _service(services, kind)["taskSpec"]["placement"] for kind in ("redis", "sentinel")}
    assert placement["redis"] == {"constraints": ["node.hostname!=b", "node.hostname!=d"], "maxReplicas": 1}
    assert placement["sentinel"] == {"constraints": ["node.hostname!=b"], "maxReplicas": 1}


def test_secrets_are_secrets_of_the_swarm(services: Recorder) -> None:
    deploy(**SWARM)
    shown = json.dumps([one.inputs for one in services.of_type("Service") + services.of_type("ServiceConfig")])
    assert PASSWORD not in shown
    assert PASSWORD not in base64.b64decode(services.of_type("ServiceConfig")[0].inputs["data"]).decode()
    files = {f["fileName"]: f["secretId"] for f in _service(services, "redis")["taskSpec"]["containerSpec"]["secrets"]}
    assert set(files) == {"/etc/redis-ha/node/users.acl", "/etc/redis-ha/node/internal"}
    assert {one.name for one in services.of_type("Secret")} == {
        f"{kind}-{file}" for kind in ("redis", "sentinel") for file in ("users.acl", "internal")
    }
    assert not [one.inputs["name"] for one in services.of_type("Secret") if one.inputs.get("name")]


def test_an_update_goes_node_by_node_and_ends_at_a_failure(services: Recorder) -> None:
    deploy(**SWARM)
    for kind in ("redis", "sentinel"):
        update = _service(services, kind)["updateConfig"]
        assert (update["parallelism"], update["order"], update["failureAction"]) == (1, "stop-first", "pause")
        spec = _service(services, kind)["taskSpec"]["containerSpec"]
        # Swarm kills what is unhealthy: having joined once must be enough, and joining may take its time.
        assert spec["healthcheck"]["tests"] == ["CMD", "redis-ha-health", "once"]
        assert spec["healthcheck"]["startPeriod"] == swarm.START_PERIOD
        assert spec["stopGracePeriod"] == "30s"


def test_each_node_has_its_limits(services: Recorder) -> None:
    def limits() -> dict[str, Any]:
        return {kind: _service(services, kind)["taskSpec"].get("resources") for kind in ("redis", "sentinel")}

    deploy(**SWARM)
    assert limits() == {"redis": None, "sentinel": {"limits": {"memoryBytes": 128 * MB}}}
    services.resources.clear()
    deploy(**SWARM, resources={"memory": "1g", "cpus": "0.5", "sentinelMemory": "64m"})
    assert limits() == {
        "redis": {"limits": {"memoryBytes": 1024 * MB, "nanoCpus": 500_000_000}},
        "sentinel": {"limits": {"memoryBytes": 64 * MB}},  # as a container's: no limit of its CPUs
    }


def _task(
    host: str, state: str = "running", image: str = "new", error: str = "", desired: str = "running"
) -> dict[str, Any]:
    return {
        "ID": f"task-{host}-{state}",
        "NodeID": host,
        "Spec": {"ContainerSpec": {"Image": image}, "Placement": {"MaxReplicas": 1}},
        "DesiredState": desired,
        "Status": {"State": state, "Timestamp": "1", **({"Err": error} if error else {})},
    }


def _of(*tasks: dict[str, Any], update: str = "", hosts: str = "abc") -> swarm_rollout.Progress:
    service: dict[str, Any] = {
        "Spec": {
            "Name": "s",
            "TaskTemplate": {"ContainerSpec": {"Image": "new"}},
            "Mode": {"Replicated": {"Replicas": 3}},
        }
    }
    if update:
        service["UpdateStatus"] = {"State": update, "Message": "because of that"}
    return progress_of(service, list(tasks), {host: host for host in hosts})


def test_a_service_has_joined_when_all_its_new_tasks_run() -> None:
    assert not _of(*map(_task, "abc")).waiting
    assert not _of(*map(_task, "abc"), update="completed").waiting
    assert _of(*map(_task, "abc"), update="updating").waiting
    assert _of(_task("a"), _task("b"), _task("c", "starting")).waiting == "The one on c is starting"
    # Before Swarm has begun with an update, it still says that the last one is complete.
    old = [_task(host, image="old") for host in "abc"]
    assert _of(*old, update="completed").waiting
    assert _of(_task("a"), *old[1:]).running == 1


def test_a_node_whose_host_is_down_is_not_waited_for() -> None:
    homeless = {**_task("", "pending", error="no suitable node"), "NodeID": ""}
    found = _of(_task("a"), _task("b"), _task("c"), homeless, hosts="ab")
    assert (found.waiting, found.wanted, found.absent) == ("", 2, 1)


def test_an_update_that_waits_for_a_host_that_is_down_is_given_up() -> None:
    homeless = {**_task("", "pending", error="no suitable node (max replicas per node)"), "NodeID": ""}
    old = [_task(host, image="old") for host in "ab"]
    assert _of(*old, homeless, update="updating", hosts="ab").stuck.startswith("A host is down")
    assert not _of(*old, homeless, update="updating").stuck


def test_a_failed_update_is_given_up() -> None:
    failed = _task("c", "failed", error="task: non-zero exit (1)", desired="shutdown")
    found = _of(*(_task(host, image="old") for host in "ab"), failed, _task("c", "starting"), update="paused")
    assert found.stuck.startswith(
        "Swarm says: because of that; the last one that ended: task: non-zero exit (1); to try"
    )
    assert found.tasks == ("task-c-failed", "task-c-starting")


def _node(name: str, state: str = "ready", availability: str = "active") -> dict[str, Any]:
    return {
        "ID": name,
        "Description": {"Hostname": name},
        "Status": {"State": state},
        "Spec": {"Availability": availability},
    }


def test_only_hosts_that_may_have_tasks_are_counted() -> None:
    nodes = [_node("a"), _node("b", state="down"), _node("c", availability="drain"), _node("d")]
    service = {"Spec": {"TaskTemplate": {"Placement": {"Constraints": ["node.hostname!=d"]}}}}
    assert usable(service, nodes) == {"a": "a"}


def test_hosts_and_the_swarms_nodes_must_be_the_same() -> None:
    hosts = [Host(name=name, address="10.0.0.1", drain=name == "c") for name in "abc"]
    assert differences(hosts, [_node("a"), _node("b", state="down"), _node("x", availability="drain")]) == []
    assert [text.partition(":")[2][:3] for text in differences(hosts, [_node("a"), _node("x")])] == [" b:", " x "]
