"""Wrong arguments that are secrets, or come later: each is named, and its value is not shown."""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pytest

from redis_ha.tls import certificates
from tests.program.test_arguments import Recorder, declare, mocks, run

__all__ = ["mocks"]  # a fixture

HUSH = "hush, two words"
OBJECTS: dict[str, dict[str, Any]] = {
    "tls": {"ca": "a", "cert": "b", "key": "c", "clientCert": "d", "clientKey": "e"},
    "notify": {"url": "http://h/", "format": "slack"},
    "resources": {"memory": "128m", "cpus": 2},
}


@dataclass
class Later:
    """Becomes a secret Output when the program runs, which has an event loop of its own."""

    value: Any


def outputs(value: Any) -> Any:
    if isinstance(value, Later):
        return pulumi.Output.secret(value.value)
    if isinstance(value, dict):
        return {key: outputs(one) for key, one in value.items()}
    return [outputs(one) for one in value] if isinstance(value, list) else value


def refusal(**arguments: Any) -> str:
    with pytest.raises(pulumi.RunError) as raised:
        run(lambda: declare(**outputs(arguments)).url)
    return str(raised.value)


@pytest.mark.parametrize("comes_later", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        *("password", "system_password", "previous_password", "other_system_password"),
        *("systemPassword", "previousPassword", "otherSystemPassword"),
    ],
)
def test_a_wrong_password_is_not_shown(mocks: Recorder, name: str, comes_later: bool) -> None:
    system = {"system_password": "pw"} if name.startswith("previous") else {}
    said = refusal(**system, **{name: Later(HUSH) if comes_later else HUSH})
    assert f"{name}: [secret]: allowed: " in said
    assert "hush" not in said


@pytest.mark.parametrize("name", ["registry_password", "registryPassword"])
def test_nor_the_registrys(mocks: Recorder, name: str) -> None:
    for value in (12345, Later(12345)):
        said = refusal(**{name: value, "registry": "registry.example"})
        assert f"{name}: [secret]: allowed: " in said
        assert "12345" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("redis_config", Later({"requirepass": HUSH})),
        ("redis_config", {"requirepass": Later(HUSH)}),
        ("redisConfig", Later(json.dumps({"requirepass": HUSH}))),
        ("sentinel_config", Later({"requirepass": HUSH})),
        ("time_zone", Later(HUSH)),
        ("resources", {"sentinel_memory": Later(HUSH)}),
        ("resources", {"sentinelMemory": Later(HUSH)}),
        ("resources", Later({"memory": HUSH})),
    ],
)
def test_nothing_that_comes_later_is_shown(mocks: Recorder, name: str, value: Any) -> None:
    said = refusal(**{name: value})
    assert f"  {name}" in said
    assert "[secret]: " in said
    assert "hush" not in said


def test_an_object_that_comes_later_may_be_json_text(mocks: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "check_certificates", lambda tls, addresses: None)
    for name, value in OBJECTS.items():
        found = []
        for given in (value, json.dumps(value)):
            mocks.found.clear()
            arguments = {name: Later(given)}
            run(lambda arguments=arguments: declare(**outputs(arguments)).url)  # type: ignore[misc]
            found.append({one.name: one.inputs for one in mocks.found})
        assert found[0] == found[1]


@pytest.mark.parametrize("name", ["tls", "notify", "backup", "resources"])
@pytest.mark.parametrize("value", [HUSH, Later(HUSH), Later('["hush"]'), Later(["hush"]), [Later("hush")]])
def test_what_is_no_object_is_refused_as_such(mocks: Recorder, name: str, value: Any) -> None:
    said = refusal(**{name: value})
    assert f"{name}: " in said
    assert "allowed: an object" in said
    assert "hush" not in said or (name == "resources" and value == HUSH)
