"""What gives a Prometheus its figures: redis_exporter, and beside it what tells of certificates and of the disk."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pulumi
import pulumi_docker as docker

from redis_ha.image_files import root
from redis_ha.plan.acl import derived, exporter_password
from redis_ha.plan.exporters import nodes_of, url
from redis_ha.plan.topology import FOLDER, Exporter, Topology
from redis_ha.resources.container import Check, Shared, container, mounted
from redis_ha.resources.machines import Machine
from redis_ha.resources.node_files import Reader, node_files
from redis_ha.settings.model import Settings

USER = "exporter"
PASSWORDS, CA, CLIENT = "passwords.json", "ca.pem", "client.pem"
FIGURES = "figures.py"
SCRIPT = f"configs/exporter/{FIGURES}"
BACKUPS = "/backups"
MEMORY_MB = {"exporter": 128, "figures": 96}
STOP_SECONDS = 2
# A node that hangs is said to be down before a Prometheus has given up asking: the exporter tries twice.
PATIENCE = "2s"


def exporter_container(
    shared: Shared, exporter: Exporter, backups: pulumi.Output[str] | None = None
) -> docker.Container:
    """Declare `exporter`, after all nodes. It knows the nodes of its host, so scaling replaces it.

    `backups` is the volume of what takes them on this host.
    """
    return _redis_exporter(shared, exporter) if exporter.name == "exporter" else _figures(shared, exporter, backups)


def _redis_exporter(shared: Shared, exporter: Exporter) -> docker.Container:
    topology = shared.topology
    texts = {PASSWORDS: lambda settings: _passwords(settings, topology, exporter), **_tls_files(shared)}
    words = [
        "-redis.addr=",  # none but those that it is asked for
        f"-redis.user={USER}",
        f"-redis.password-file={FOLDER}/{PASSWORDS}",
        f"-web.listen-address={exporter.listens}",
        f"-connection-timeout={PATIENCE}",
        "-config-command=-",  # see plan/acl.py
    ]
    if topology.tls:
        words.append(f"-tls-ca-cert-file={FOLDER}/{CA}")
    if CLIENT in texts:
        words += [f"-tls-client-cert-file={FOLDER}/{CLIENT}", f"-tls-client-key-file={FOLDER}/{CLIENT}"]
    return _container(
        shared,
        exporter,
        shared.machines.exporter_at(exporter.host),
        texts,
        command=words,
        check=["wget", "-q", "-T", "2", "-O", "/dev/null", f"http://{exporter.from_inside}/health"],
    )


def _figures(shared: Shared, exporter: Exporter, backups: pulumi.Output[str] | None) -> docker.Container:
    script = (root() / SCRIPT).read_text()
    words = ["serve", exporter.listens, FOLDER, *([f"backup={BACKUPS}/state.json"] if backups is not None else [])]
    words += [f"{node.name}={node.endpoint}" for node in nodes_of(shared.topology, exporter)]
    run = ["python3", "-I", "-S", f"{FOLDER}/{FIGURES}"]
    return _container(
        shared,
        exporter,
        shared.machines.at(exporter.host),
        {FIGURES: lambda _: script, **_tls_files(shared)},
        command=words,
        entrypoints=run,
        # Or Docker would make a volume: the nodes' image asks for one.
        more=[mounted(BACKUPS, backups, read_only=True)] if backups else [],
        tmpfs={"/data": "ro,noexec,nosuid,nodev,size=4k"},
        check=[*run, "check", exporter.from_inside],
    )


def _container(
    shared: Shared,
    exporter: Exporter,
    machine: Machine,
    texts: dict[str, Reader],
    *,
    check: Sequence[str],
    more: Sequence[docker.ContainerVolumeArgs] = (),
    **own: Any,
) -> docker.Container:
    files = node_files(machine, exporter.name, texts)
    return container(
        shared,
        exporter,
        machine,
        after=shared.rollout.after(exporter, files.carrier),
        stop_seconds=STOP_SECONDS,
        memory=MEMORY_MB[exporter.name],
        ports=[exporter.port],
        check=Check(check),
        volumes=[mounted(FOLDER, files.volume, read_only=True), *more],
        **own,
    )


def _passwords(settings: Settings, topology: Topology, exporter: Exporter) -> str:
    """By these addresses alone: whoever asks the exporter for figures of another does not make it tell a password."""
    password = derived(settings, exporter_password)
    found = {}
    for node in nodes_of(topology, exporter):
        scheme, address = url(node, topology.tls).split("://")
        found[f"{scheme}://{USER}@{address}"] = password
    return json.dumps(found, indent=1) + "\n"


def _tls_files(shared: Shared) -> dict[str, Reader]:
    """What is trusted and, where nodes ask for a certificate, the nodes' own with its key."""

    def ca(settings: Settings) -> str:
        return settings.tls.ca.get_secret_value() if settings.tls else ""

    def own(settings: Settings) -> str:
        return settings.tls.cert.get_secret_value() + settings.tls.key.get_secret_value() if settings.tls else ""

    found: dict[str, Callable[[Settings], str]] = {}
    tls = shared.given.now.tls
    if shared.topology.tls:
        found[CA] = ca
    if tls is not None and tls.client_auth == "required":
        found[CLIENT] = own
    return found
