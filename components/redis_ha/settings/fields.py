"""The settings of a stack: every key, its type, its default and what it is."""

import re
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints, field_validator

from redis_ha.settings.backup import BackupSetting
from redis_ha.settings.hosts import HostsSetting, SentinelPlacement
from redis_ha.settings.managed_directives import MANAGED_REDIS, MANAGED_SENTINEL
from redis_ha.settings.notify import NotifySetting
from redis_ha.settings.profiles import PROFILES, ProfileName
from redis_ha.settings.tls import TlsSetting
from redis_ha.settings.types import (
    Directives,
    Durability,
    Fsync,
    Ipv4,
    Network,
    Ports,
    PortsSetting,
    Publish,
    Resources,
    ResourcesSetting,
    Restart,
    SettingModel,
    Size,
    Subnet,
    TimeZone,
    Users,
)

OLDEST_REDIS = 7
MAX_PER_ROLE = 120  # what the fixed addresses of a /24 leave for each of the two kinds
IMAGE_REFERENCE = r"^[a-z0-9][A-Za-z0-9._/:-]*(@sha256:[0-9a-f]{64})?$"
ImageReference = Annotated[str, StringConstraints(pattern=IMAGE_REFERENCE)]
Count = Annotated[int, Field(ge=0, le=MAX_PER_ROLE - 1)]
LONGEST_PASSWORD = 128
ALLOWED_PASSWORD = f"allowed: 1 to {LONGEST_PASSWORD} printable ASCII characters without blanks"
Password = Annotated[SecretStr, Field(min_length=1, max_length=LONGEST_PASSWORD)]


def _of_profiles(name: str) -> str:
    return ", ".join(str(getattr(profile, name)) for profile in PROFILES.values())


class Fields(SettingModel):
    """All settings of one stack, each on its own; times are in milliseconds unless the name says otherwise."""

    replicas: Count = Field(2, description="Number of replicas, 0 and up")
    sentinels: Annotated[int, Field(ge=1, le=MAX_PER_ROLE)] = Field(
        3, description="Number of Sentinels, 1 and up; fewer than 3 or an even number is warned of"
    )
    quorum: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Sentinels that must agree that the master is down; default: majority"
    )
    base_image: ImageReference = Field(
        "redis:8-alpine",
        alias="baseImage",
        description="Image that ours is built on: an official one of Redis or Valkey",
    )
    endpoint: bool = Field(
        False, description="A write and a read endpoint (HAProxy) for clients that do not ask the Sentinels"
    )
    endpoint_image: ImageReference = Field(
        "haproxy:3.0-alpine", alias="endpointImage", description="Image of the endpoint"
    )
    metrics: bool = Field(
        False,
        description="Figures of all nodes for a Prometheus, on each host (redis_exporter, and what it cannot tell)",
    )
    exporter_image: ImageReference = Field(
        "oliver006/redis_exporter:v1.69.0-alpine", alias="exporterImage", description="Image of the redis_exporter"
    )
    backup: BackupSetting | None = Field(
        None,
        description="Snapshots by schedule (docs/operate.md). `password`: encrypts them; `repository`: `volume`, a "
        "folder, s3:... ; `every`: 1d; `keep`: how many; `environment`: what restic needs",
    )
    restic_image: ImageReference = Field(
        "restic/restic:0.18.0", alias="resticImage", description="Image that the backup has restic from"
    )
    notify: NotifySetting | None = Field(
        None,
        description="Secret. A webhook that is told of failovers and more: `url`, `format`: `json`, `slack` or "
        "`alertmanager`, `events` (docs/operate.md)",
    )
    image_name: ImageReference | None = Field(
        None,
        alias="imageName",
        description="Name of our image; default: by the names of project and cluster, such as redis-ha:STACK",
    )
    registry: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/.+)?$")] | None = Field(
        None, description="Registry to push the image to; default: it stays on the machine"
    )
    registry_user: str | None = Field(None, alias="registryUser", description="User name at the registry")
    registry_password: SecretStr | None = Field(
        None, alias="registryPassword", description="Secret. Password at the registry"
    )
    ports: PortsSetting = Field(Ports(), description="First port of each role; the next one of a role gets +10")
    hosts: HostsSetting = Field(
        [],
        description="Several Docker hosts: list of `name`, `docker`, `address` and more (docs/hosts.md); "
        "default: the one that the docker command uses",
    )
    swarm: bool = Field(
        False, description="The nodes as services of the Docker Swarm that `hosts` are the nodes of (docs/swarm.md)"
    )
    sentinel_placement: SentinelPlacement = Field(
        "hard",
        alias="sentinelPlacement",
        description="With `hosts`: `hard`: no two Sentinels on a host; `soft`: where there are too few hosts",
    )
    network: Network | None = Field(
        None,
        description="`bridge` (a subnet of the stack's own) or `host`; default: `bridge`, with `hosts` always `host`",
    )
    subnet: Subnet | None = Field(
        None, description="The bridge's /24; default: one by the names of project, stack and cluster"
    )
    advertise: Ipv4 | None = Field(None, description="Address of this host that nodes announce instead of their own")
    publish: Publish = Field(
        "127.0.0.1",
        description="Host address that a bridge's ports are published on, or `none`; "
        "with `advertise` set: that address",
    )
    master_name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = Field(
        "mymaster",
        alias="masterName",
        description="Name that clients ask the Sentinels for; stays while the cluster is up",
    )
    password: Password = Field(description="Secret. Password of the application; made for dev when missing")
    previous_password: Password | None = Field(
        None,
        alias="previousPassword",
        description="Secret. Still accepted beside `password`, for a rotation without downtime",
    )
    system_password: Password | None = Field(
        None,
        alias="systemPassword",
        description="Secret. What replication, Sentinels and hand-overs log in with; "
        "made for dev when missing, else derived from `password`",
    )
    other_system_password: Password | None = Field(
        None,
        alias="otherSystemPassword",
        description="Secret. Accepted beside `systemPassword`, for changing that without downtime",
    )
    users: Users = Field(
        {},
        description="Further users of the data nodes, by name: `password` (secret) and `rules` (Redis ACL)",
    )
    allow_dangerous_commands: bool = Field(
        False,
        alias="allowDangerousCommands",
        description="Let the application use FLUSHALL, FLUSHDB, FUNCTION FLUSH, SWAPDB, MONITOR, SHUTDOWN, KEYS",
    )
    tls: TlsSetting | None = Field(
        None,
        description="Secret. `ca`, `cert`, `key`: PEM texts; plain connections are off then. `clientAuth`: `none`, "
        "`optional` or `required`. `clientCert`, `clientKey`: for the clients, as outputs",
    )
    profile: ProfileName = Field(
        "balanced",
        description="How quickly silence is taken for a failure: `fast`, `balanced` or `patient`; "
        "the two settings below go before it",
    )
    down_after: Annotated[int, Field(ge=200, le=600_000)] | None = Field(
        None,
        alias="downAfter",
        description="Silence after which a node counts as down, ms; default by `profile`: "
        + _of_profiles("down_after"),
    )
    failover_timeout: Annotated[int, Field(ge=1000, le=3_600_000)] | None = Field(
        None,
        alias="failoverTimeout",
        description="Limit of a failover's steps, ms; default by `profile`: " + _of_profiles("failover_timeout"),
    )
    parallel_syncs: Annotated[int, Field(ge=1)] = Field(
        1, alias="parallelSyncs", description="Replicas that follow a new master at the same time"
    )
    durability: Durability = Field(
        "available",
        description="`available`: one living instance is enough; `consistent`: a master without "
        "a replica stops taking writes",
    )
    append_only: bool = Field(True, alias="appendOnly", description="Append-only file on")
    append_fsync: Fsync = Field("everysec", alias="appendFsync", description="`always`, `everysec` or `no`")
    max_memory: Size | None = Field(
        None,
        alias="maxMemory",
        description="Redis' own memory limit; default: up to 60 % of `resources.memory`: a third of 128m, half of 1g",
    )
    restart: Restart = Field("unless-stopped", description="`no`, `on-failure`, `always` or `unless-stopped`")
    resources: ResourcesSetting = Field(
        Resources(),
        description="Limits: `memory` (such as 1g) and `cpus` of a data node, `sentinelMemory` of a Sentinel",
    )
    time_zone: TimeZone = Field("UTC", alias="timeZone", description="IANA time zone of the image, as in Asia/Shanghai")
    redis_config: Directives = Field({}, alias="redisConfig", description="Further redis.conf directives, name: value")
    sentinel_config: Directives = Field(
        {}, alias="sentinelConfig", description="Further sentinel.conf directives, name: value"
    )
    retain_data: bool = Field(False, alias="retainData", description="Keep the volumes when nodes or stack are removed")
    protect_data: bool = Field(
        False,
        alias="protectData",
        description="Refuse what would remove a data node's volume, until this is off again and `up` has run",
    )

    @field_validator("password", "previous_password", "system_password", "other_system_password")
    @classmethod
    def _printable(cls, value: SecretStr | None) -> SecretStr | None:
        if value and (why := not_a_password(value.get_secret_value())):
            raise ValueError(why)
        return value

    @field_validator("base_image")
    @classmethod
    def _new_enough(cls, value: str) -> str:
        """By the tag of an official image; of others the version is not known."""
        found = re.search(r"(?:^|/)redis:(\d+)", value)
        if found and int(found[1]) < OLDEST_REDIS:
            raise ValueError(f"allowed: Redis {OLDEST_REDIS}.0 and up, by which Sentinel can be told its periods")
        return value

    @field_validator("redis_config")
    @classmethod
    def _not_managed_redis(cls, value: dict[str, str]) -> dict[str, str]:
        if not re.fullmatch(r"[1-9][0-9]{0,8}", value.get("databases", "16")):  # the backup reads it
            raise ValueError("databases: allowed: a whole number, 1 and up")
        return _refuse_managed(value, MANAGED_REDIS)

    @field_validator("sentinel_config")
    @classmethod
    def _not_managed_sentinel(cls, value: dict[str, str]) -> dict[str, str]:
        return _refuse_managed(value, MANAGED_SENTINEL)


def not_a_password(text: str) -> str:
    """Why a text is none that Redis, its configuration and a URL take alike; empty where it is one."""
    printable = all("!" <= letter <= "~" for letter in text)
    return "" if printable and 1 <= len(text) <= LONGEST_PASSWORD else ALLOWED_PASSWORD


def _refuse_managed(directives: dict[str, str], managed: frozenset[str]) -> dict[str, str]:
    taken = sorted(managed & directives.keys())
    if taken:
        raise ValueError(f"{', '.join(taken)} is set by this project; use the settings for it")
    return directives
