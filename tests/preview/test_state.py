"""What the engine keeps of a stack, all of it read: no secret of a provider, a registry or a container is in it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.engine_command import EngineCommand
from tests.preview.conftest import PROJECT
from tests.preview.registry import registry

SECRETS = {
    "password": "fromreal",
    "registry": "of-the-registry",
    "key": "-----BEGIN PRIVATE KEY-----\nof-the-provider\n-----END PRIVATE KEY-----\n",
}
PROGRAM = """
import pulumi
import pulumi_docker as docker

config = pulumi.Config()
password, login, key = (config.require_secret(name) for name in ("password", "registry", "key"))
address = config.require("address")
near = docker.Provider("near", host=config.require("host"), ca_material=key, cert_material=key, key_material=key,
    registry_auth=[docker.ProviderRegistryAuthArgs(address=address, username="user", password=login)])
opts = pulumi.ResourceOptions(provider=near)
image = docker.Image("image", image_name=f"{address}/embedded-preview:1",
    build=docker.DockerBuildArgs(context="app", dockerfile="app/Dockerfile"),
    registry=docker.RegistryArgs(server=address, username="user", password=login), opts=opts)
volume = docker.Volume("data", name="embedded-preview", opts=opts,
    labels=[docker.VolumeLabelArgs(label="mark", value="for-all-to-see")])
docker.Container("node", name="embedded-preview", image=image.image_name, start=False,
    volumes=[docker.ContainerVolumeArgs(container_path="/data", volume_name=volume.name)],
    uploads=[docker.ContainerUploadArgs(file="/secret", content=password)], opts=opts)
pulumi.export("password", password)
pulumi.export("key", key)
pulumi.export("url", pulumi.Output.concat("redis://:", password, "@here"))
"""
LABEL = f"pulumi.embedded.stack={PROJECT}/test"


@pytest.fixture
def stack(engine: EngineCommand, tmp_path: Path) -> Iterator[EngineCommand]:
    (engine.folder / "__main__.py").write_text(PROGRAM)
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    with registry("user", SECRETS["registry"]) as server:
        engine("config", "set", "address", server.address)
        engine("config", "set", "host", host)
        for name, text in SECRETS.items():
            assert engine("config", "set", "--secret", "--", name, text).returncode == 0
        up = engine("up", "--yes", "--skip-preview")
        assert up.returncode == 0, up.stdout + up.stderr
        assert not list(_places(up.stdout + up.stderr))
        yield engine
        gone = engine("destroy", "--yes", "--skip-preview")
        assert gone.returncode == 0, gone.stdout + gone.stderr


def _places(text: str) -> Iterator[str]:
    """The secrets that are in a text: plain, as JSON has them, in base64 at any place of a group of three bytes."""
    for name, secret in SECRETS.items():
        forms = [secret, json.dumps(secret)[1:-1], json.dumps(json.dumps(secret)[1:-1])[1:-1]]
        for shift in range(3):
            whole = base64.b64encode(b"-" * shift + secret.strip().encode()).decode()
            forms.append(whole[(shift * 8 + 5) // 6 : len(whole) // 4 * 4 - 4])
        if any(form in text for form in forms):
            yield name


def test_a_search_finds_what_is_there() -> None:
    for name, secret in SECRETS.items():
        for text in (
            secret,
            json.dumps({"a": json.dumps([secret])}),
            base64.b64encode(b"xy" + secret.encode()).decode(),
        ):
            assert list(_places(f"... {text} ...")) == [name]


def test_no_secret_is_in_the_state(stack: EngineCommand) -> None:
    api: Any = docker.from_env().api
    mine: dict[str, str | list[str] | bool] = {"label": LABEL}
    held = [api.inspect_container(one["Id"]) for one in api.containers(all=True, filters=mine)]
    held += [api.inspect_image(one["Id"]) for one in api.images(filters=mine)]
    held += [entry for one in api.images(filters=mine) for entry in api.history(one["Id"])]
    # Also those of the engine's notes, which have a label of their own.
    held += [one for one in api.volumes()["Volumes"] if "embedded" in json.dumps(one)]
    texts = {f"Docker's {i}": json.dumps(one) for i, one in enumerate(held)}
    for path in stack.folder.parent.rglob("*"):
        if path.is_file() and "app" not in path.parts:
            texts[str(path)] = path.read_text(errors="replace")
    for words in (("stack", "output"), ("stack", "output", "--json"), ("config",), ("refresh", "--yes")):
        texts[" ".join(words)] = stack(*words).stdout
    stack("config", "set", "--secret", "password", "another")
    texts["preview"] = stack("preview", "--diff").stdout
    whole = "\n".join(texts.values())
    for seen in ("for-all-to-see", "pulumi.embedded.notes", "[secret"):
        assert seen in whole, "what is searched is not what the engine keeps"
    found = {where: names for where, text in texts.items() if (names := list(_places(text)))}
    assert not found
