"""The webhook: what the agents of the Sentinels are given of it, and that nobody else is."""

import json
from typing import Any

import pulumi
import pytest

from redis_ha.settings.notify import EVENTS, Notify, webhook
from tests.program.test_component import Recorder, deploy, recorder

__all__ = ["recorder"]
URL = "https://me:p%40ss@hooks.example.org/T0/very-secret?x=1"


def given(**values: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(webhook(Notify.model_validate(values), "stack"))
    return found


def test_the_url_is_taken_apart() -> None:
    assert given(url=URL) == {
        "host": "hooks.example.org",
        "port": 443,
        "path": "/T0/very-secret?x=1",
        "over_tls": True,
        "ca": "",
        "authorization": "Basic bWU6cEBzcw==",
        "format": "json",
        "events": sorted(EVENTS),
        "cluster": "stack",
    }
    plain = given(url="http://10.0.0.1:9093", events=["tilt"])
    assert (plain["port"], plain["path"], plain["over_tls"], plain["events"]) == (9093, "/", False, ["tilt"])


@pytest.mark.parametrize("later", [False, True])
def test_only_the_sentinels_are_given_it_as_a_secret_file(recorder: Recorder, later: bool) -> None:
    deploy(notify={"url": pulumi.Output.secret(URL) if later else URL, "format": "slack"})
    files = {one.name: one.inputs["uploads"] for one in recorder.carriers()}
    uploads = files["sentinel-files"]["value"]
    (file,) = (one for one in uploads if one["file"] == "/etc/redis-ha/node/webhook.json")
    assert json.loads(file["content"])["path"] == "/T0/very-secret?x=1"
    assert pulumi.runtime.rpc._special_secret_sig in files["sentinel-files"].values()
    del files["sentinel-files"]
    shown = json.dumps(
        [files, *({**one.inputs, "uploads": None} for one in recorder.resources if one.name != "redis-ha")], default=str
    )
    assert "very-secret" not in shown and "p%40ss" not in shown
