"""Runs that are interrupted or killed at ever later moments: the next `up` is whole, and its preview clean."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator

import docker
import pytest

from tests.preview.conftest import Engine, _project

NAME = "embedded-interrupted"
POINTS = int(os.environ.get("ENGINE_POINTS", "10"))
"""Moments for each of three signals: ENGINE_POINTS=10 are the 30 points of a command."""
PROGRAM = f"""
import pulumi
import pulumi_docker as docker

c = pulumi.Config()
network = docker.Network("net", name="{NAME}",
    ipam_configs=[docker.NetworkIpamConfigArgs(subnet="10.213.250.64/28")])
before = []
for index in range(3):
    files = docker.Volume(f"files{{index}}", labels=[docker.VolumeLabelArgs(label="b", value=c.require("b"))])
    carrier = docker.Container(f"carrier{{index}}", name=f"{NAME}-carrier{{index}}", image="embedded-preview-base:1",
        entrypoints=["x"], start=False, must_run=False, network_mode="none",
        volumes=[docker.ContainerVolumeArgs(container_path="/files", volume_name=files.name)],
        uploads=[docker.ContainerUploadArgs(file="/files/secret", content=c.require_secret("password"))])
    data = docker.Volume(f"data{{index}}", name=f"{NAME}-data{{index}}")
    before = [docker.Container(f"node{{index}}", name=f"{NAME}-node{{index}}", image="embedded-preview-base:1",
        entrypoints=["x"], start=False, envs=[f"B={{c.require('b')}}"],
        networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.name)],
        volumes=[docker.ContainerVolumeArgs(container_path="/data", volume_name=data.name),
            docker.ContainerVolumeArgs(container_path="/files", volume_name=files.name)],
        opts=pulumi.ResourceOptions(depends_on=[carrier, *before]))]
"""


@pytest.fixture(scope="module")
def stack(base_image: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = _project(tmp_path_factory.mktemp("interrupted"))
    (engine.directory / "__main__.py").write_text(PROGRAM)
    yield engine
    gone = engine("destroy", "--yes", "--skip-preview")
    assert gone.returncode == 0, gone.stdout + gone.stderr


def _cut(engine: Engine, command: str, number: int, after: float) -> int:
    """The exit code of a command that gets a signal `after` so many seconds."""
    arguments = [sys.executable, "-m", "engine", command, "--yes", "--skip-preview"]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(arguments, cwd=engine.directory, env=engine.environment, stdout=quiet, stderr=quiet)
    try:
        return process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
        return process.wait(60)


def _seconds(engine: Engine, command: str) -> float:
    began = time.monotonic()
    done = engine(command, "--yes", "--skip-preview")
    assert done.returncode == 0, done.stdout + done.stderr
    return time.monotonic() - began


def _files_of(client: docker.DockerClient) -> None:
    """Every carrier and every node is there once, under its name, and each carrier has its file."""
    held = client.containers.list(all=True, filters={"name": NAME})
    kinds = ("carrier", "node")
    assert sorted(str(one.name) for one in held) == [f"{NAME}-{kind}{index}" for kind in kinds for index in range(3)]
    for one in held:
        if "carrier" in str(one.name):
            stream, _ = one.get_archive("/files/secret")
            assert b"fromreal" in b"".join(stream)


def _mark(client: docker.DockerClient) -> None:
    """What an application has written into the volumes: copied in through the containers that never run."""
    for index in range(3):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("written"), io.BytesIO())
        client.containers.get(f"{NAME}-node{index}").put_archive("/data", buffer.getvalue())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda one: one.name)
@pytest.mark.parametrize("kind", ["first", "change", "destroy"])
def test_the_next_up_is_whole(stack: Engine, kind: str, number: signal.Signals) -> None:
    client = docker.from_env()
    stack("config", "set", "b", "0")
    _seconds(stack, "up")
    whole = _seconds(stack, "destroy") if kind == "destroy" else 0.0
    if kind == "first":
        _seconds(stack, "destroy")
    if kind in ("first", "destroy"):
        whole = max(whole, _seconds(stack, "up"))
    if kind == "change":
        stack("config", "set", "b", "1")
        whole = _seconds(stack, "up")
        _mark(client)
    codes = []
    for point in range(POINTS):
        if kind == "first":
            _seconds(stack, "destroy")
        if kind == "change":
            stack("config", "set", "b", str(point + 2))
        word = "destroy" if kind == "destroy" else "up"
        codes.append(_cut(stack, word, number, whole * (point + 1) / (POINTS + 1)))
        assert codes[-1] in (0, 130, -number), codes
        _seconds(stack, "up")
        clean = stack("preview", "--expect-no-changes")
        assert clean.returncode == 0, clean.stdout
        _files_of(client)
        if kind == "change":
            for index in range(3):
                client.containers.get(f"{NAME}-node{index}").get_archive("/data/written")
    assert any(code != 0 for code in codes), "no run was cut off"
