"""What is deployed to be interrupted, and whether Docker holds it whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import docker
from docker.models.containers import Container

NAME = "embedded-interrupted"
LABEL = f"pulumi.embedded.stack={NAME}/test"
NODES = 2
PROGRAM = f"""
from pathlib import Path
import pulumi
import pulumi_docker as docker

b = pulumi.Config().require("b")
Path("app/release").write_text(b)

async def joined(args):
    with open("joined.txt", "a") as file:
        print(args.id, file=file)

hook = pulumi.ResourceHookBinding(after_create=[pulumi.ResourceHook("joined", joined)])
image = docker.Image("image", image_name="{NAME}:test", skip_push=True,
    build=docker.DockerBuildArgs(context="app", dockerfile="app/Dockerfile"))
network = docker.Network("net", name="{NAME}",
    ipam_configs=[docker.NetworkIpamConfigArgs(subnet="10.213.250.64/28")])
before = []
for index in range({NODES}):
    files = docker.Volume(f"files{{index}}", labels=[docker.VolumeLabelArgs(label="b", value=b)])
    carrier = docker.Container(f"carrier{{index}}", name=f"{NAME}-carrier{{index}}", image=image.repo_digest,
        start=False, must_run=False, network_mode="none",
        volumes=[docker.ContainerVolumeArgs(container_path="/files", volume_name=files.name)],
        uploads=[docker.ContainerUploadArgs(file="/files/secret", content=pulumi.Config().require_secret("password"))])
    data = docker.Volume(f"data{{index}}", name=f"{NAME}-data{{index}}")
    before = [docker.Container(f"node{{index}}", name=f"{NAME}-node{{index}}", image="redis:8-alpine",
        command=["redis-server", "--appendonly", "yes"], envs=[f"B={{b}}"], destroy_grace_seconds=10,
        networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.name)],
        volumes=[docker.ContainerVolumeArgs(container_path="/data", volume_name=data.name),
            docker.ContainerVolumeArgs(container_path="/files", volume_name=files.name)],
        opts=pulumi.ResourceOptions(depends_on=[carrier, *before], hooks=hook))]
"""


@dataclass
class Stack:
    """What Docker holds of the program above."""

    directory: Path

    @cached_property
    def client(self) -> docker.DockerClient:
        return docker.from_env()

    def set(self, b: int) -> None:
        """What the next run is to deploy: another one is another image, other files and other nodes."""
        file = self.directory / "Pulumi.test.yaml"
        rest = re.sub(rf"^  {NAME}:b: .*\n", "", file.read_text(), flags=re.MULTILINE)
        file.write_text(f'{rest}  {NAME}:b: "{b}"\n')

    def nodes(self) -> list[Container]:
        return [self.client.containers.get(f"{NAME}-node{index}") for index in range(NODES)]

    def write(self, value: int) -> None:
        """Each node acknowledges a write."""
        for node in self.nodes():
            assert _redis(node, "SET", "acknowledged", str(value)) == "OK"

    def has(self, value: int) -> None:
        """No node has lost what it has acknowledged."""
        for node in self.nodes():
            assert _redis(node, "GET", "acknowledged") == str(value)

    def whole(self, b: int) -> None:
        """Everything is there once, as declared, and nothing beside it."""
        held = self.client.containers.list(all=True, filters={"label": LABEL})
        kinds = ("carrier", "node")
        names = sorted(str(one.name) for one in held)
        assert names == [f"{NAME}-{kind}{i}" for kind in kinds for i in range(NODES)], names
        joined = (self.directory / "joined.txt").read_text().split()
        for one in held:
            if "carrier" in str(one.name):
                stream, _ = one.get_archive("/files/secret")
                assert b"fromreal" in b"".join(stream)
            else:
                assert one.status == "running", (one.name, one.status)
                assert f"B={b}" in one.attrs["Config"]["Env"], (one.name, one.attrs["Config"]["Env"])
                assert one.id in joined, one.name
                assert list(one.attrs["NetworkSettings"]["Networks"]) == [NAME], one.name
        volumes = self.client.volumes.list(filters={"label": LABEL})
        assert len(volumes) == 2 * NODES, [volume.name for volume in volumes]
        used = [mount["Name"] for one in held for mount in one.attrs["Mounts"]]
        assert sorted(set(used)) == sorted(str(volume.name) for volume in volumes)
        assert len(self.client.networks.list(filters={"label": LABEL})) == 1
        assert len(self.client.images.list(filters={"label": LABEL})) == 1

    def gone(self) -> None:
        """Nothing is left of it, of the engine's own neither."""
        assert not self.client.containers.list(all=True, filters={"label": LABEL})
        assert not self.client.networks.list(filters={"label": LABEL})
        assert not [one.name for one in self.client.volumes.list() if NAME in str(one.attrs["Labels"])]


def _redis(node: Container, *command: str) -> str:
    """Redis' answer, as soon as it has loaded its data."""
    waited = 'until redis-cli PING | grep -q PONG; do sleep 0.05; done; exec redis-cli "$@"'
    code, output = node.exec_run(["sh", "-c", waited, "sh", *command])
    assert code == 0, output
    assert isinstance(output, bytes)
    return output.decode().strip()
