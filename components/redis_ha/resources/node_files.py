"""The files of a kind of container: a node's directives, its users, and what nodes log in and speak TLS with.

The provider copies files into a container that has been created, which Docker refuses where the root file system is
read-only. So they go through a container that never runs into a volume, and the nodes mount that volume, read-only.
A changed file makes another volume: what a running node reads stays as it is until it is rolled.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import pulumi
import pulumi_docker as docker

from redis_ha.docker.aside import aside
from redis_ha.plan import labels
from redis_ha.plan.acl import data_node_acl, derived, internal_password, sentinel_acl
from redis_ha.plan.directives import redis_directives, sentinel_directives
from redis_ha.plan.topology import FOLDER, Kind, Topology
from redis_ha.resources.machines import Machine
from redis_ha.resources.place import labelled
from redis_ha.settings.model import Settings
from redis_ha.settings.notify import webhook

Reader = Callable[[Settings], str]
DIRECTIVES = "directives.conf"
WEBHOOK = "webhook.json"
TLS_FILES = {"ca": "tls-ca.crt", "cert": "tls.crt", "key": "tls.key"}


@dataclass(frozen=True)
class NodeFiles:
    """Where a kind's files are: mount `volume` at FOLDER, after `carrier` has filled it."""

    volume: pulumi.Output[str]
    carrier: pulumi.Resource


def node_files(machine: Machine, kind: str, texts: Mapping[str, Reader]) -> NodeFiles:
    """Declare the volume that holds `texts`, by the names of the files. All but the directives are secrets."""
    place = machine.place
    given, identity, name = place.given, place.identity, f"{place.identity.prefix}-{kind}-files"
    files = given.output(lambda settings: _joined({file: text(settings) for file, text in texts.items()}))
    digest: pulumi.Output[str] = files.apply(lambda content: aside(_digest, content, name))
    # No name of its own: Pulumi adds digits to it, so that a new one can stand beside the old one.
    volume = docker.Volume(
        place.resource(f"{kind}-files"),
        labels=[
            *labelled(docker.VolumeLabelArgs, identity.labels("files")),
            # So slow to make that it tells nothing of what it is made of.
            docker.VolumeLabelArgs(label=labels.FILES, value=pulumi.Output.unsecret(digest)),
        ],
        opts=place.options(name),
    )
    carrier = docker.Container(
        place.resource(f"{kind}-files"),
        name=name,
        image=machine.image,
        entrypoints=["true"],
        start=False,
        must_run=False,
        network_mode="none",
        labels=labelled(docker.ContainerLabelArgs, identity.labels("files")),
        volumes=[docker.ContainerVolumeArgs(container_path=FOLDER, volume_name=volume.name)],
        uploads=[
            docker.ContainerUploadArgs(
                file=f"{FOLDER}/{file}",
                content=given.of(text) if file == DIRECTIVES else pulumi.Output.secret(given.of(text)),
                permissions="0444",
            )
            for file, text in texts.items()
        ],
        # The running nodes need the volume only.
        opts=place.options(f"{kind}-files", delete_before_replace=True),
    )
    return NodeFiles(volume.name, carrier)


def texts_of(topology: Topology, kind: Kind) -> dict[str, Reader]:
    """The files of a kind of node, by name. By those of TLS it knows that it speaks nothing else."""
    directives, acl = {
        "redis": (redis_directives, data_node_acl),
        "sentinel": (sentinel_directives, sentinel_acl),
    }[kind]
    return {
        DIRECTIVES: directives,
        "users.acl": lambda settings: acl(settings, derived(settings, internal_password)),
        "internal": lambda settings: f"{derived(settings, internal_password)}\n",
        **tls_files(topology),
        **({WEBHOOK: partial(_webhook, topology.identity.prefix)} if topology.notify and kind == "sentinel" else {}),
    }


def tls_files(topology: Topology) -> dict[str, Reader]:
    """What speaks TLS: the CA, the nodes' certificate and its key; nothing without TLS."""
    return {file: partial(_pem, name) for name, file in TLS_FILES.items()} if topology.tls else {}


def _webhook(cluster: str, settings: Settings) -> str:
    assert settings.notify is not None  # noqa: S101 - `texts_of` has looked
    return webhook(settings.notify, cluster)


def _pem(name: str, settings: Settings) -> str:
    return str(getattr(settings.tls, name).get_secret_value())


def _joined(texts: Mapping[str, str]) -> str:
    return json.dumps(texts, sort_keys=True)


def _digest(content: str, salt: str) -> str:
    """Slow on purpose (some 40 ms): everyone who may use Docker sees it, and a weak password could be tried with it."""
    return hashlib.scrypt(content.encode(), salt=salt.encode(), n=2**13, r=8, p=1, dklen=16).hex()
