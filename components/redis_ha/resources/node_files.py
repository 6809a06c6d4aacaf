"""The files of a kind of container: a node's directives, its users, and what nodes log in and speak TLS with.

The provider copies files into a container that has been created, which Docker refuses where the root file system is
read-only. So they go through a container that never runs into a volume, and the nodes mount that volume, read-only.
A changed file makes another volume: what a running node reads stays as it is until it is rolled.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from redis_ha.plan import labels
from redis_ha.plan.topology import Topology, on_host
from redis_ha.resources.machines import Machine
from redis_ha.settings.hosts import Host
from redis_ha.settings.model import Settings

FOLDER = "/etc/redis-ha/node"  # only the image's Redis user may enter it
TLS_FILES = {"ca": "tls-ca.crt", "cert": "tls.crt", "key": "tls.key"}


@dataclass(frozen=True)
class NodeFiles:
    """Where a kind's files are: mount `volume` at FOLDER, after `carrier` has filled it."""

    volume: pulumi.Output[str]
    carrier: pulumi.Resource


def node_files(
    topology: Topology,
    kind: str,
    host: Host | None,
    texts: Mapping[str, str],
    machine: Machine,
    parent: pulumi.Resource,
) -> NodeFiles:
    """Declare the volume that holds `texts`, by file name. All but the directives are secrets."""
    name = f"{topology.project}-{topology.stack}-{kind}-files"
    # No name of its own: Pulumi adds digits to it, so that a new one can stand beside the old one.
    volume = docker.Volume(
        on_host(name, host),
        labels=[
            docker.VolumeLabelArgs(label=label, value=value)
            for label, value in {
                **labels.labels(topology.stack, "files"),
                labels.FILES: _digest(texts, name),
            }.items()
        ],
        opts=pulumi.ResourceOptions(parent=parent, provider=machine.provider),
    )
    carrier = docker.Container(
        on_host(f"{kind}-files", host),
        name=name,
        image=machine.image,
        entrypoints=["true"],
        start=False,
        must_run=False,
        network_mode="none",
        labels=[
            docker.ContainerLabelArgs(label=label, value=value)
            for label, value in labels.labels(topology.stack, "files").items()
        ],
        volumes=[docker.ContainerVolumeArgs(container_path=FOLDER, volume_name=volume.name)],
        uploads=[
            docker.ContainerUploadArgs(
                file=f"{FOLDER}/{file}",
                content=text if file == "directives.conf" else pulumi.Output.secret(text),
                permissions="0444",
            )
            for file, text in texts.items()
        ],
        # The running nodes need the volume only.
        opts=pulumi.ResourceOptions(parent=parent, provider=machine.provider, delete_before_replace=True),
    )
    return NodeFiles(volume.name, carrier)


def texts_of(settings: Settings, directives: str, acl: str, internal: str) -> dict[str, str]:
    """The files of a kind of node, by name. By those of TLS its scripts know that it speaks nothing else."""
    certificates = {
        file: getattr(settings.tls, name).get_secret_value()
        for name, file in TLS_FILES.items()
        if settings.tls is not None
    }
    return {"directives.conf": directives, "users.acl": acl, "internal": f"{internal}\n", **certificates}


def _digest(texts: Mapping[str, str], salt: str) -> str:
    """Slow on purpose (some 40 ms): everyone who may use Docker sees it, and a weak password could be tried with it."""
    content = json.dumps(texts, sort_keys=True).encode()
    return hashlib.scrypt(content, salt=salt.encode(), n=2**13, r=8, p=1, dklen=16).hex()
