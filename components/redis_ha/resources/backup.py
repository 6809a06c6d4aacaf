"""What takes snapshots of a stack: one container, after all others."""

import hashlib
import json

import pulumi_docker as docker

from redis_ha.plan.acl import backup_password, derived, restore_password
from redis_ha.plan.topology import FOLDER, Backup, Topology
from redis_ha.resources.container import Check, Shared, container, megabytes, mounted
from redis_ha.resources.node_files import Reader, node_files, tls_files
from redis_ha.resources.place import labelled
from redis_ha.settings.backup import VOLUME, seconds
from redis_ha.settings.backup import Backup as BackupSettings
from redis_ha.settings.model import Settings

DATA = "/data"
MOUNTED = "/backups"
OWN_MB = 512  # restic, beside a server that has loaded the data
STOP_SECONDS = 10
# Nodes of the same machine go first where there is not enough for all; another container has 1024.
CPU_SHARES = 2


def backup_volume(shared: Shared, backup: Backup) -> docker.Volume:
    """Its scratch space, what it remembers, and by default the repository: it stays, also after a `destroy`."""
    place = shared.machines.at(backup.host).place
    return docker.Volume(
        place.resource("backup"),
        name=backup.container,
        labels=labelled(docker.VolumeLabelArgs, place.identity.labels("backup", "backup")),
        opts=place.options(retain_on_delete=True, ignore_changes=["name", "labels"]),
    )


def backup_container(shared: Shared, backup: Backup, volume: docker.Volume) -> docker.Container:
    """Declare `backup`, with its volume. It knows the nodes, so scaling replaces it."""
    given, topology = shared.given, shared.topology
    machine = shared.machines.backup_at(backup.host)
    texts: dict[str, Reader] = {
        "backup.json": lambda settings: _told(settings, topology),
        "restic-password": lambda settings: f"{_of(settings).password.get_secret_value()}\n",
        **tls_files(topology),
    }
    files = node_files(machine, "backup", texts)
    volumes = [mounted(FOLDER, files.volume, read_only=True), mounted(DATA, volume.name)]
    repository = _of(given.now).repository
    if repository.startswith("/"):
        volumes.append(docker.ContainerVolumeArgs(container_path=MOUNTED, host_path=repository))
    return container(
        shared,
        backup,
        machine,
        after=shared.rollout.after(backup, files.carrier),
        stop_seconds=STOP_SECONDS,
        # By it restic tells whose lock one is: another stack's on this host, or one that its own has left behind.
        hostname=f"backup-{hashlib.sha256(topology.identity.key.encode()).hexdigest()[:12]}",
        memory=given.of(_memory),
        cpu_shares=CPU_SHARES,
        check=Check(["redis-ha-backup", "health"], interval="1m0s", timeout="5s"),
        command=["serve"],
        volumes=volumes,
    )


def _of(settings: Settings) -> BackupSettings:
    assert settings.backup is not None  # noqa: S101 - there is no container without
    return settings.backup


def _told(settings: Settings, topology: Topology) -> str:
    """The container's configuration: backup/given.py reads it."""
    setting = _of(settings)
    repository = f"{DATA}/repository" if setting.repository == VOLUME else setting.repository
    told = {
        "stack": topology.identity.key,
        "nodes": [[node.name, node.address, node.port] for node in topology.data_nodes],
        "repository": MOUNTED if repository == setting.repository and repository.startswith("/") else repository,
        "databases": int(settings.redis_config.get("databases", "16")),
        "every": seconds(setting.every),
        "keep": setting.keep,
        "environment": {name: value.get_secret_value() for name, value in setting.environment.items()},
        "logins": {"backup": derived(settings, backup_password), "restore": derived(settings, restore_password)},
    }
    return json.dumps(told, indent=1) + "\n"


def _memory(settings: Settings) -> int | None:
    """The container's limit, in MB: a node's, and what restic needs."""
    limit = megabytes(settings.resources.memory)
    return limit + OWN_MB if limit else None
