"""The state that Pulumi takes over: of its own plan, and of what the embedded engine has made."""

import json
from typing import Any

import pytest

from engine.docker.resource import Made
from engine.values.wire import SECRET_SIGNATURE, SIGNATURE, UNKNOWN_TEXT, Secret
from ops.stack import OpsError
from ops.to_pulumi.state import filled, plain, resources

PREFIX = "urn:pulumi:dev::p::"
STACK = f"{PREFIX}pulumi:pulumi:Stack::p-dev"
PROVIDER = f"{PREFIX}pulumi:providers:docker::default_5_2_0"
IMAGE = f"{PREFIX}docker:index/image:Image::image"
NODE = f"{PREFIX}docker:index/container:Container::node"
ANSWERS = {
    STACK: Made("", {}),
    IMAGE: Made("p:dev", {"imageName": "p:dev", "repoDigest": "sha256:1", "build": {"context": "."}}),
    NODE: Made("abc", {"image": "sha256:1", "hostname": "abc", "envs": ["A=1", "B=2"], "command": Secret(["pw"])}),
}


def _secret(value: Any) -> dict[str, str]:
    return {SIGNATURE: SECRET_SIGNATURE, "plaintext": json.dumps(value)}


def _plan() -> dict[str, dict[str, Any]]:
    def goal(urn: str, inputs: dict[str, Any], **others: Any) -> dict[str, Any]:
        kind = urn.split("::")[2]
        return {"goal": {"type": kind, "custom": urn != STACK, "inputDiff": {"adds": inputs}, **others}}

    provider = {"provider": f"{PROVIDER}::{UNKNOWN_TEXT}", "parent": STACK}
    node = {
        "__defaults": ["mustRun"],
        "mustRun": True,
        "image": UNKNOWN_TEXT,
        "envs": ["A=1", UNKNOWN_TEXT],
        "command": _secret(["pw"]),
        "uploads": [{"__defaults": [], "file": "/x"}],
    }
    return {
        NODE: goal(NODE, node, protect=True, propertyDependencies={"image": [IMAGE], "envs": None}, **provider),
        IMAGE: goal(IMAGE, {"imageName": "p:dev", "build": {"contextDigest": "go's"}}, **provider),
        PROVIDER: goal(PROVIDER, {"version": "5.2.0"}),
        STACK: goal(STACK, {}),
    }


def _made() -> dict[str, dict[str, Any]]:
    return {one["urn"]: one for one in resources(_plan(), ANSWERS, {"url": Secret("redis://pw@h"), "n": 1})}


def test_each_resource_stands_behind_what_it_needs() -> None:
    order = list(_made())
    assert order.index(IMAGE) < order.index(NODE)
    assert max(order.index(STACK), order.index(PROVIDER)) < order.index(IMAGE)


def test_what_the_preview_did_not_know_is_what_is_there() -> None:
    node = _made()[NODE]
    assert node["inputs"]["image"] == node["outputs"]["image"] == "sha256:1"
    assert node["inputs"]["envs"] == ["A=1", "B=2"]
    assert node["id"] == node["outputs"]["id"] == "abc"
    assert node["protect"] is True
    assert UNKNOWN_TEXT not in json.dumps(_made())


def test_outputs_have_the_defaults_but_not_the_notes_on_them() -> None:
    node = _made()[NODE]
    assert node["inputs"]["__defaults"] == ["mustRun"]
    assert node["outputs"]["mustRun"] is True
    assert node["outputs"]["uploads"] == [{"file": "/x"}]
    assert node["outputs"]["hostname"] == "abc"
    assert json.loads(node["outputs"]["__meta"]) == {"schema_version": "2"}


def test_an_image_keeps_its_inputs_as_the_provider_does() -> None:
    image = _made()[IMAGE]
    assert plain(image["outputs"]["__inputs"]) == image["inputs"]
    assert image["outputs"]["repoDigest"] == "sha256:1"
    assert image["inputs"]["build"] == {"contextDigest": "go's"}


def test_a_provider_has_one_id() -> None:
    made = _made()
    assert made[NODE]["provider"] == made[IMAGE]["provider"] == f"{PROVIDER}::{made[PROVIDER]['id']}"
    assert UNKNOWN_TEXT not in made[PROVIDER]["id"]


def test_secrets_stay_secrets() -> None:
    made = _made()
    assert made[NODE]["inputs"]["command"] == made[NODE]["outputs"]["command"] == _secret(["pw"])
    assert made[STACK]["outputs"] == {"url": _secret("redis://pw@h"), "n": 1}


def test_a_secret_that_was_not_known_is_one() -> None:
    assert filled({"a": UNKNOWN_TEXT}, {"a": {SIGNATURE: SECRET_SIGNATURE, "value": "pw"}}) == {"a": _secret("pw")}
    assert filled(_secret({"a": UNKNOWN_TEXT}), {"a": "pw"}) == _secret({"a": "pw"})


def test_what_is_declared_and_not_there_is_named() -> None:
    with pytest.raises(OpsError, match="Container::node"):
        resources(_plan(), {**ANSWERS, NODE: Made("", {})}, {})


def test_a_value_that_nobody_knows_is_refused() -> None:
    with pytest.raises(OpsError, match="leaves a value open"):
        filled({"a": UNKNOWN_TEXT}, {})
