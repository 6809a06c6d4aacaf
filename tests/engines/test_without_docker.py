"""A preview of the whole program where no Docker and no host is reached, as in a pull request's runner."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drills.target.stack import Stack
from tests.deploy.support import ENGINES, NAME, left_over, place

STACK = f"{NAME}-unseen"
NOBODY = "tcp://127.0.0.1:1"
NOT_LOOKED = "This preview has not looked at what is there"
SETTINGS: dict[str, Any] = {
    **place(3),
    "replicas": 2,
    "sentinels": 1,
    "password": "the-application's",
    "systemPassword": "the-nodes'",
}
HOSTS = [
    {"name": name, "docker": f"tcp://127.0.0.1:{number}", "address": f"10.213.255.{number}"}
    for number, name in enumerate("abc", 2)
]


@pytest.fixture(params=ENGINES)
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """Not deployed."""
    environment = {
        "REDIS_HA_ENGINE": request.param,
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    made = Stack(STACK, environment=environment)
    assert not left_over(STACK)
    made.configure(SETTINGS)
    try:
        yield made
    finally:
        made.destroy()
        made.config_file.unlink()
    assert not left_over(STACK)


def _preview(stack: Stack) -> str:
    unreached = Stack(stack.name, environment={**stack.environment, "DOCKER_HOST": NOBODY})
    said = unreached.run("preview", "--non-interactive")
    assert NOT_LOOKED in said
    return said


def test_a_preview_of_the_whole_program(stack: Stack) -> None:
    """All is new; on Pulumi, which knows by its own state what is there, a change is shown as what it is."""
    assert "Container redis-ha-redis-2 create" in _preview(stack)
    with stack.changed({"hosts": HOSTS, "sentinels": 3, "subnet": None}):
        said = _preview(stack)
        assert "Container redis-ha-sentinel-2.c create" in said
        assert "host b cannot be reached" in said
    if stack.environment["REDIS_HA_ENGINE"] == "pulumi":
        stack.up()
        assert " to " not in _preview(stack).partition("Resources:")[2]
        with stack.changed({"replicas": 1}):
            said = _preview(stack)
        assert "Volume redis-ha-redis-2 delete" in said
        assert "Volume redis-ha-redis-1" not in said
