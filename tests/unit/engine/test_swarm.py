"""Swarm services without a Swarm: what Docker is told, and what is refused."""

from typing import Any

import pytest
from docker.errors import APIError

from engine.docker.labels import Applied
from engine.docker.props import check_supported
from engine.docker.resource import Existing
from engine.docker.swarm import ServiceHandler, body
from engine.errors import EngineError
from engine.values.wire import Secret

INPUTS: dict[str, Any] = {
    "name": "s",
    "mode": {"replicated": {"replicas": 3}},
    "updateConfig": {"parallelism": 1, "monitor": "5s", "maxFailureRatio": "0.0"},
    "taskSpec": {
        "containerSpec": {
            "image": "image@sha256:1",
            "env": {"b": "2", "a": "{{.Node.Hostname}}"},
            "stopGracePeriod": "30s",
            "mounts": [{"type": "volume", "source": "v", "target": "/data"}],
            "secrets": [{"secretId": "id", "secretName": "n", "fileName": "/f", "fileMode": 0o444}],
        },
        "placement": {"constraints": ["node.hostname!=x"], "maxReplicas": 1},
        "networksAdvanceds": [{"id": "host"}],
    },
}


def test_service_body() -> None:
    made = body(INPUTS)
    task, spec = made["task_template"], made["task_template"]["ContainerSpec"]
    assert made["mode"] == {"Replicated": {"Replicas": 3}}
    assert made["update_config"] == {"Parallelism": 1, "Monitor": 5 * 10**9, "MaxFailureRatio": 0.0}
    assert spec["Env"] == ["a={{.Node.Hostname}}", "b=2"]
    assert spec["StopGracePeriod"] == 30 * 10**9
    assert spec["Mounts"] == [{"Type": "volume", "Source": "v", "Target": "/data"}]
    file = {"Name": "/f", "UID": "0", "GID": "0", "Mode": 0o444}
    assert spec["Secrets"] == [{"SecretID": "id", "SecretName": "n", "File": file}]
    assert task["Placement"] == {"Constraints": ["node.hostname!=x"], "MaxReplicas": 1}
    assert task["Networks"] == [{"Target": "host"}]


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"endpointSpec": {}}, "endpointSpec"),
        ({"mode": {"global": True}}, "mode.global"),
        ({"taskSpec": {"placement": Secret({"prefs": ["x"]})}}, "taskSpec.placement.prefs"),
        (
            {"taskSpec": {"containerSpec": {"mounts": [{"bindOptions": {}}]}}},
            "taskSpec.containerSpec.mounts.bindOptions",
        ),
    ],
)
def test_what_is_not_implemented_is_named(inputs: dict[str, Any], path: str) -> None:
    with pytest.raises(EngineError, match=f"property '{path}' is not implemented"):
        check_supported(ServiceHandler.props, inputs, "service", "s")


def test_what_is_implemented_is_accepted() -> None:
    check_supported(ServiceHandler.props, INPUTS, "service", "s")


def test_a_change_by_hand_is_seen() -> None:
    handler = ServiceHandler(None)  # type: ignore[arg-type]
    made = body(INPUTS)
    spec: dict[str, Any] = {"Mode": made["mode"], "TaskTemplate": made["task_template"]}
    existing = Existing("urn", "id", "s", "", Applied(INPUTS), {"Spec": spec})
    assert handler.drift(existing, INPUTS) == []
    spec["Mode"] = {"Replicated": {"Replicas": 2}}
    (drift,) = handler.drift(existing, INPUTS)
    assert [change.key for change in drift.changes] == ["mode"]
    spec["Mode"] = made["mode"]
    for key, held in (("Image", "other"), ("Env", [])):
        by_hand = {**made["task_template"]["ContainerSpec"], key: held}
        spec["TaskTemplate"] = {**made["task_template"], "ContainerSpec": by_hand}
        (drift,) = handler.drift(existing, INPUTS)
        assert [change.key for change in drift.changes] == ["taskSpec"]


def test_a_paused_update_goes_on() -> None:
    handler = ServiceHandler(None)  # type: ignore[arg-type]
    made = body(INPUTS)
    spec = {"Mode": made["mode"], "TaskTemplate": made["task_template"]}
    existing = Existing("urn", "id", "s", "", Applied(INPUTS), {"Spec": spec, "UpdateStatus": {"State": "paused"}})
    assert [drift.note for drift in handler.drift(existing, INPUTS)] == ["its update was paused"]


def test_a_docker_that_manages_no_swarm_holds_nothing_of_one() -> None:
    class Refusing:
        def services(self, **_: Any) -> None:
            raise APIError("503", explanation="This node is not a swarm manager. Use docker swarm init")

    assert ServiceHandler(Refusing()).listed("label") == []  # type: ignore[arg-type]
