"""An image that goes to a registry."""

from __future__ import annotations

import json

import docker

from tests.engine_command import EngineCommand
from tests.preview.registry import registry

PROGRAM = """
import pulumi
import pulumi_docker as docker

address = pulumi.Config().require("address")
image = docker.Image("image", image_name=f"{address}/embedded-preview:1",
    build=docker.DockerBuildArgs(context="app", dockerfile="app/Dockerfile"),
    registry=docker.RegistryArgs(server=address, username="user", password=pulumi.Config().require_secret("password")))
pulumi.export("image", image.repo_digest)
"""


def test_an_image_is_pushed_once_and_known_by_its_digest(engine: EngineCommand) -> None:
    (engine.folder / "__main__.py").write_text(PROGRAM)
    with registry("user", "fromreal") as server:
        engine("config", "set", "address", server.address)
        up = engine("up", "--yes", "--skip-preview")
        assert up.returncode == 0, up.stdout + up.stderr
        digest = server.manifests["/v2/embedded-preview/manifests/1"]
        assert engine("stack", "output", "image").stdout.strip() == f"{server.address}/embedded-preview@{digest}"
        assert engine("preview", "--expect-no-changes").returncode == 0
        inspected = docker.from_env().images.get(f"{server.address}/embedded-preview:1").attrs
        assert "fromreal" not in json.dumps(inspected)
        assert '"registry":{"server":' in inspected["Config"]["Labels"]["pulumi.embedded.applied"]


def test_a_refused_push_is_one_message(engine: EngineCommand) -> None:
    (engine.folder / "__main__.py").write_text(PROGRAM)
    with registry("user", "another") as server:
        engine("config", "set", "address", server.address)
        up = engine("up", "--yes", "--skip-preview")
        assert up.returncode == 1
        assert "pushing image" in up.stdout
        assert "See the registry's address and credentials" in up.stdout
        assert "update" in engine("preview").stdout
