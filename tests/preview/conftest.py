"""A project of its own, deployed by the embedded engine on the real Docker and taken away again."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container
from docker.models.images import Image
from docker.models.networks import Network
from docker.models.volumes import Volume

from tests.engine_command import EngineCommand

BASE = "embedded-preview-base:1"
PROJECT = "embedded-preview"
PROGRAM = """
import pulumi
import pulumi_docker as docker

config = pulumi.Config()
image = docker.Image("image", image_name="embedded-preview:test", skip_push=True,
    build=docker.DockerBuildArgs(context="app", dockerfile="app/Dockerfile"))
network = docker.Network("net", name="embedded-preview",
    ipam_configs=[docker.NetworkIpamConfigArgs(subnet=config.require("subnet"))])
volume = docker.Volume("data", name="embedded-preview")
node = docker.Container("node", name="embedded-preview", image=image.repo_digest, start=False,
    restart=config.require("restart"), envs=["A=1", f"B={config.require('b')}"],
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.name)],
    volumes=[docker.ContainerVolumeArgs(container_path="/data", volume_name=volume.name)],
    uploads=[docker.ContainerUploadArgs(file="/secret", content=config.require_secret("password"))])
pulumi.export("b", config.require("b"))
pulumi.export("image", image.repo_digest)
pulumi.export("password", config.require_secret("password"))
"""
SETTINGS = """
name: embedded-preview
runtime: python
config:
  subnet: {default: 10.213.250.0/28}
  restart: {default: "no"}
  b: {default: "1"}
  password: {secret: true}
"""
# Written by Pulumi 3.259 with the passphrase "test".
STACK = """
encryptionsalt: v1:bJTpx8oWcjA=:v1:NiDXuEiFLF8Irc8Y:irQHWE3SItky12EtcJMQGRGfLb6FEQ==
config:
  embedded-preview:password:
    secure: v1:+FjEGKEY3YJkJSin:3Y+EtJkFIHkUdOgQIvoQ6wWBvbjYah4+
"""


@pytest.fixture(scope="session")
def base_image() -> Iterator[None]:
    """An image of one small file, so that nothing is pulled."""
    client = docker.from_env()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("empty"), io.BytesIO())
    client.api.import_image_from_data(
        buffer.getvalue(), repository=BASE.split(":", maxsplit=1)[0], tag=BASE.split(":")[1]
    )
    yield
    client.images.remove(BASE, force=True)


def write(directory: Path) -> None:
    """The project's files, as they were where a test has changed them."""
    (directory / "app").mkdir(parents=True, exist_ok=True)
    (directory / "app" / "Dockerfile").write_text(f'FROM {BASE}\nCOPY run /run\nCMD ["/run"]\n')
    (directory / "app" / "run").write_text("1")
    (directory / "Pulumi.yaml").write_text(SETTINGS)
    (directory / "__main__.py").write_text(PROGRAM)
    (directory / "Pulumi.test.yaml").write_text(STACK)


def held() -> list[Container | Volume | Network | Image]:
    """All that Docker holds of the stack."""
    client = docker.from_env()
    mine: dict[str, str | list[str] | bool] = {"label": f"pulumi.embedded.stack={PROJECT}/test"}
    return [
        *client.containers.list(all=True, filters=mine),
        *client.volumes.list(filters=mine),
        *client.networks.list(filters=mine),
        *client.images.list(filters=mine),
    ]


def _project(parent: Path) -> EngineCommand:
    """A stack `test` with a password, nothing deployed."""
    directory = parent / "project"
    write(directory)
    engine = EngineCommand(directory, parent / "state")
    engine.environment["PULUMI_STACK"] = "test"
    return engine


def _destroy(engine: EngineCommand) -> None:
    gone = engine("destroy", "--yes", "--skip-preview")
    assert gone.returncode == 0, gone.stdout + gone.stderr


@pytest.fixture(scope="session")
def idle(tmp_path_factory: pytest.TempPathFactory) -> EngineCommand:
    """A project for commands that fail."""
    return _project(tmp_path_factory.mktemp("idle"))


@pytest.fixture
def engine(base_image: None, tmp_path: Path) -> Iterator[EngineCommand]:
    """A project of its own, cleaned up after."""
    engine = _project(tmp_path)
    yield engine
    _destroy(engine)


@pytest.fixture(scope="module")
def shared(base_image: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineCommand]:
    """The project of all tests of a file: see `deployed` and `undeployed`. Not beside an `engine`: it has its names."""
    engine = _project(tmp_path_factory.mktemp("shared"))
    yield engine
    _destroy(engine)


@pytest.fixture
def deployed(shared: EngineCommand) -> EngineCommand:
    """Up, with the files that it was brought up with. The test deploys no change, or takes it all away."""
    write(shared.folder)
    if not held():
        up = shared("up", "--yes", "--skip-preview")
        assert up.returncode == 0, up.stdout + up.stderr
        assert "+ 5 created" in up.stdout
    return shared


@pytest.fixture
def undeployed(shared: EngineCommand) -> EngineCommand:
    """Nothing of it is there."""
    write(shared.folder)
    if held():
        _destroy(shared)
    return shared
