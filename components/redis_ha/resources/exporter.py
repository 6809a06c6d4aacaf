"""What gives a Prometheus its figures: redis_exporter, and beside it what tells of certificates and of the disk."""

import json
from collections.abc import Callable, Sequence

import pulumi
import pulumi_docker as docker

from redis_ha.image_files import root
from redis_ha.plan import labels
from redis_ha.plan.acl import exporter_password
from redis_ha.plan.exporters import Exporter, nodes_of, url
from redis_ha.plan.topology import Topology
from redis_ha.resources.machines import Machine
from redis_ha.resources.node_container import Shared, published
from redis_ha.resources.node_files import FOLDER, Reader, node_files
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
        health_check=["wget", "-q", "-T", "2", "-O", "/dev/null", f"http://{exporter.from_inside}/health"],
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
        more=[docker.ContainerVolumeArgs(container_path=BACKUPS, volume_name=backups, read_only=True)]
        if backups
        else [],
        tmpfs={"/data": "ro,noexec,nosuid,nodev,size=4k"},
        health_check=[*run, "check", exporter.from_inside],
    )


def _container(
    shared: Shared,
    exporter: Exporter,
    machine: Machine,
    texts: dict[str, Reader],
    *,
    command: Sequence[str],
    health_check: Sequence[str],
    entrypoints: Sequence[str] | None = None,
    tmpfs: dict[str, str] | None = None,
    more: Sequence[docker.ContainerVolumeArgs] = (),
) -> docker.Container:
    identity, name = shared.identity, exporter.name
    files = node_files(shared, name, exporter.host, machine, texts)
    bridge = exporter.fixed_address is not None
    return docker.Container(
        identity.resource(name, exporter.host_name),
        name=exporter.container,
        image=machine.image,
        entrypoints=entrypoints,
        command=command,
        labels=[
            docker.ContainerLabelArgs(label=label, value=value)
            for label, value in {
                **identity.labels(exporter.kind, name),
                labels.TRANSPORT: "tls" if shared.topology.tls else "plain",
            }.items()
        ],
        volumes=[docker.ContainerVolumeArgs(container_path=FOLDER, volume_name=files.volume, read_only=True), *more],
        read_only=True,
        tmpfs=tmpfs,
        networks_advanced=(
            [docker.ContainerNetworksAdvancedArgs(name=shared.network, ipv4_address=exporter.fixed_address)]
            if bridge and shared.network is not None
            else None
        ),
        network_mode=None if bridge else "host",
        ports=shared.given.of(lambda settings: published(settings, [exporter.port])) if bridge else None,
        healthcheck=docker.ContainerHealthcheckArgs(
            tests=["CMD", *health_check], interval="15s", timeout="3s", start_period="10s"
        ),
        restart=shared.given.of(lambda settings: settings.restart),
        memory=MEMORY_MB[name],
        memory_swap=MEMORY_MB[name],
        capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        security_opts=["no-new-privileges:true"],
        log_driver="json-file",
        log_opts={"max-size": "10m", "max-file": "3"},
        stop_timeout=STOP_SECONDS,
        destroy_grace_seconds=STOP_SECONDS,
        opts=pulumi.ResourceOptions(
            parent=shared.parent,
            provider=machine.provider,
            depends_on=shared.rollout.after(exporter, files.carrier),
            delete_before_replace=True,
            replace_on_changes=["healthcheck"],  # the provider would change it in its state only
            hooks=shared.rollout.until_joined(exporter, health_check),
        ),
    )


def _passwords(settings: Settings, topology: Topology, exporter: Exporter) -> str:
    """By these addresses alone: whoever asks the exporter for figures of another does not make it tell a password."""
    system = settings.system_password
    password = exporter_password(settings.password.get_secret_value(), system.get_secret_value() if system else None)
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
