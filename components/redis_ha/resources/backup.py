"""What takes snapshots of a stack: one container, after all others."""

import json
from functools import partial

import pulumi
import pulumi_docker as docker

from redis_ha.plan import labels
from redis_ha.plan.acl import backup_password, restore_password
from redis_ha.plan.topology import Backup, Topology
from redis_ha.resources.node_container import Shared
from redis_ha.resources.node_files import FOLDER, TLS_FILES, Reader, node_files
from redis_ha.settings.backup import VOLUME, seconds
from redis_ha.settings.backup import Backup as BackupSettings
from redis_ha.settings.model import Settings
from redis_ha.settings.types import size_in_bytes

DATA = "/data"
MOUNTED = "/backups"
OWN_MB = 512  # restic, beside a server that has loaded the data
STOP_SECONDS = 10


def backup_volume(shared: Shared, backup: Backup) -> docker.Volume:
    """Its scratch space, what it remembers, and by default the repository: it stays, also after a `destroy`."""
    identity = shared.identity
    return docker.Volume(
        identity.resource("backup", backup.host_name),
        name=backup.container,
        labels=[
            docker.VolumeLabelArgs(label=label, value=value)
            for label, value in identity.labels("backup", "backup").items()
        ],
        opts=pulumi.ResourceOptions(
            parent=shared.parent,
            provider=shared.machines.at(backup.host).provider,
            retain_on_delete=True,
            ignore_changes=["name", "labels"],
        ),
    )


def backup_container(shared: Shared, backup: Backup, volume: docker.Volume) -> docker.Container:
    """Declare `backup`, with its volume. It knows the nodes, so scaling replaces it."""
    given, topology, identity = shared.given, shared.topology, shared.identity
    machine = shared.machines.backup_at(backup.host)
    texts: dict[str, Reader] = {
        "backup.json": lambda settings: _told(settings, topology),
        "restic-password": lambda settings: f"{_of(settings).password.get_secret_value()}\n",
        **({file: partial(_pem, name) for name, file in TLS_FILES.items()} if topology.tls else {}),
    }
    files = node_files(shared, "backup", backup.host, machine, texts)
    volumes = [
        docker.ContainerVolumeArgs(container_path=FOLDER, volume_name=files.volume, read_only=True),
        docker.ContainerVolumeArgs(container_path=DATA, volume_name=volume.name),
    ]
    repository = _of(given.now).repository
    if repository.startswith("/"):
        volumes.append(docker.ContainerVolumeArgs(container_path=MOUNTED, host_path=repository))
    bridge = backup.fixed_address is not None
    memory = given.of(_memory)
    health_check = ["redis-ha-backup", "health"]
    return docker.Container(
        identity.resource("backup", backup.host_name),
        name=backup.container,
        image=machine.image,
        command=["serve"],
        labels=[
            docker.ContainerLabelArgs(label=label, value=value)
            for label, value in {
                **identity.labels("backup", "backup"),
                labels.TRANSPORT: "tls" if topology.tls else "plain",
            }.items()
        ],
        volumes=volumes,
        read_only=True,
        networks_advanced=(
            [docker.ContainerNetworksAdvancedArgs(name=shared.network, ipv4_address=backup.fixed_address)]
            if bridge and shared.network is not None
            else None
        ),
        network_mode=None if bridge else "host",
        healthcheck=docker.ContainerHealthcheckArgs(
            tests=["CMD", *health_check], interval="1m0s", timeout="5s", start_period="10s"
        ),
        restart=given.of(lambda settings: settings.restart),
        memory=memory,
        memory_swap=memory,
        capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        security_opts=["no-new-privileges:true"],
        log_driver="json-file",
        log_opts={"max-size": "10m", "max-file": "3"},
        stop_timeout=STOP_SECONDS,
        destroy_grace_seconds=STOP_SECONDS,
        opts=pulumi.ResourceOptions(
            parent=shared.parent,
            provider=machine.provider,
            depends_on=shared.rollout.after(backup, files.carrier),
            delete_before_replace=True,
            replace_on_changes=["healthcheck"],  # the provider would change it in its state only
            hooks=shared.rollout.until_joined(backup, health_check),
        ),
    )


def _of(settings: Settings) -> BackupSettings:
    assert settings.backup is not None  # noqa: S101 - there is no container without
    return settings.backup


def _told(settings: Settings, topology: Topology) -> str:
    """The container's configuration: redis_ha_backup/given.py reads it."""
    setting, own = _of(settings), settings.system_password
    passwords = (settings.password.get_secret_value(), own.get_secret_value() if own else None)
    repository = f"{DATA}/repository" if setting.repository == VOLUME else setting.repository
    told = {
        "stack": topology.identity.key,
        "nodes": [[node.name, node.address, node.port] for node in topology.data_nodes],
        "repository": MOUNTED if repository == setting.repository and repository.startswith("/") else repository,
        "databases": int(settings.redis_config.get("databases", "16")),
        "every": seconds(setting.every),
        "keep": setting.keep,
        "environment": {name: value.get_secret_value() for name, value in setting.environment.items()},
        "logins": {"backup": backup_password(*passwords), "restore": restore_password(*passwords)},
    }
    return json.dumps(told, indent=1) + "\n"


def _pem(name: str, settings: Settings) -> str:
    return str(getattr(settings.tls, name).get_secret_value())


def _memory(settings: Settings) -> int | None:
    """The container's limit, in MB: a node's, and what restic needs."""
    limit = settings.resources.memory
    return size_in_bytes(limit) // 1024**2 + OWN_MB if limit else None
