"""The settings of a stack: every key, its type, its default, and what fits together."""

import ipaddress
import zlib
from typing import Annotated, Self

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator

from components.managed_directives import MANAGED_REDIS, MANAGED_SENTINEL
from components.setting_types import (
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
    size_in_bytes,
)

MAX_PER_ROLE = 120  # what the fixed addresses of a /24 leave for each of the two kinds
IMAGE_REFERENCE = r"^[a-z0-9][A-Za-z0-9._/:-]*(@sha256:[0-9a-f]{64})?$"
Count = Annotated[int, Field(ge=0, le=MAX_PER_ROLE - 1)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=128)]


class Settings(SettingModel):
    """All settings of one stack; times are in milliseconds unless the name says otherwise."""

    replicas: Count = Field(2, description="Number of replicas, 0 and up")
    sentinels: Annotated[int, Field(ge=1, le=MAX_PER_ROLE)] = Field(
        3, description="Number of Sentinels, 1 and up; fewer than 3 or an even number is warned of"
    )
    quorum: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Sentinels that must agree that the master is down; default: majority"
    )
    base_image: Annotated[str, StringConstraints(pattern=IMAGE_REFERENCE)] = Field(
        "redis:8-alpine", alias="baseImage", description="Image that ours is built on"
    )
    image_name: Annotated[str, StringConstraints(pattern=IMAGE_REFERENCE)] | None = Field(
        None, alias="imageName", description="Name of our image; default: redis-ha:STACK"
    )
    registry: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/.+)?$")] | None = (
        Field(None, description="Registry to push the image to; default: it stays on the machine")
    )
    registry_user: str | None = Field(
        None, alias="registryUser", description="User name at the registry"
    )
    registry_password: SecretStr | None = Field(
        None, alias="registryPassword", description="Secret. Password at the registry"
    )
    ports: PortsSetting = Field(
        Ports(), description="First port of each role; the next one of a role gets +10"
    )
    network: Network = Field(
        "bridge", description="`bridge` (a subnet of the stack's own) or `host`"
    )
    subnet: Subnet | None = Field(
        None, description="The bridge's /24; default: one of 10.213.0.0/16, by the stack's name"
    )
    advertise: Ipv4 | None = Field(
        None, description="Address of this host that nodes announce instead of their own"
    )
    publish: Publish = Field(
        "127.0.0.1",
        description="Host address that a bridge's ports are published on, or `none`; "
        "with `advertise` set: that address",
    )
    master_name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = Field(
        "mymaster", alias="masterName", description="Name that clients ask the Sentinels for"
    )
    password: Password = Field(
        description="Secret. Password of the application; generated for dev when missing"
    )
    system_password: Password | None = Field(
        None,
        alias="systemPassword",
        description="Secret. What replication, Sentinels and hand-overs log in with; "
        "default: derived from `password`",
    )
    allow_dangerous_commands: bool = Field(
        False,
        alias="allowDangerousCommands",
        description="Let the application use FLUSHALL, FLUSHDB, CONFIG, DEBUG, SHUTDOWN, KEYS",
    )
    down_after: Annotated[int, Field(ge=200, le=600_000)] = Field(
        1000, alias="downAfter", description="Silence after which a node counts as down, ms"
    )
    failover_timeout: Annotated[int, Field(ge=1000, le=3_600_000)] = Field(
        10_000, alias="failoverTimeout", description="Limit of a failover's steps, ms"
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
    append_fsync: Fsync = Field(
        "everysec", alias="appendFsync", description="`always`, `everysec` or `no`"
    )
    max_memory: Size | None = Field(
        None,
        alias="maxMemory",
        description="Redis' own memory limit; default: 60 % of `resources.memory` when set",
    )
    restart: Restart = Field(
        "unless-stopped", description="`no`, `on-failure`, `always` or `unless-stopped`"
    )
    resources: ResourcesSetting = Field(
        Resources(), description="Limits of a data node: `memory` (such as 1g), `cpus`"
    )
    time_zone: TimeZone = Field(
        "UTC", alias="timeZone", description="IANA time zone of the image, as in Asia/Shanghai"
    )
    redis_config: Directives = Field(
        {}, alias="redisConfig", description="Further redis.conf directives, name: value"
    )
    sentinel_config: Directives = Field(
        {}, alias="sentinelConfig", description="Further sentinel.conf directives, name: value"
    )
    retain_data: bool = Field(
        False, alias="retainData", description="Keep the volumes when nodes or stack are removed"
    )

    @field_validator("password", "system_password")
    @classmethod
    def _printable(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not all("!" <= letter <= "~" for letter in value.get_secret_value()):
            raise ValueError("allowed: 1 to 128 printable ASCII characters without blanks")
        return value

    @field_validator("redis_config")
    @classmethod
    def _not_managed_redis(cls, value: dict[str, str]) -> dict[str, str]:
        return _refuse_managed(value, MANAGED_REDIS)

    @field_validator("sentinel_config")
    @classmethod
    def _not_managed_sentinel(cls, value: dict[str, str]) -> dict[str, str]:
        return _refuse_managed(value, MANAGED_SENTINEL)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.quorum is not None and self.quorum > self.sentinels:
            raise ValueError(
                f"quorum: {self.quorum} is more than the {self.sentinels} Sentinels; "
                f"allowed: 1 to {self.sentinels}"
            )
        if self.durability == "consistent" and self.replicas == 0:
            raise ValueError("durability: 'consistent' needs replicas; allowed: replicas 1 and up")
        limit, own = self.resources.memory, self.max_memory
        if limit and own and size_in_bytes(own) >= size_in_bytes(limit):
            raise ValueError(
                f"maxMemory: {own} leaves no room in the container's {limit}; "
                "allowed: less than resources.memory"
            )
        return self

    @property
    def effective_quorum(self) -> int:
        """The quorum, by default the majority of the Sentinels."""
        return self.quorum if self.quorum is not None else self.sentinels // 2 + 1

    def subnet_of(self, stack: str) -> ipaddress.IPv4Network:
        """The bridge's subnet; where none is set, one that the stack's name leads to."""
        if self.subnet is not None:
            return ipaddress.IPv4Network(self.subnet)
        return ipaddress.IPv4Network(f"10.213.{zlib.crc32(stack.encode()) % 256}.0/24")

    def warnings(self) -> list[str]:
        """What is allowed but most likely not wanted."""
        found = []
        if self.sentinels < 3 or self.sentinels % 2 == 0:
            found.append(
                f"sentinels: {self.sentinels}: an odd number, 3 or more, is what survives "
                "the loss of a Sentinel best"
            )
        if self.quorum is not None and self.quorum <= self.sentinels // 2:
            found.append(f"quorum: {self.quorum} of {self.sentinels} is less than a majority")
        if self.down_after < 500:
            found.append(
                f"downAfter: {self.down_after} ms: below 500 one fault was measured to lead to "
                "several failovers, and to lost writes"
            )
        if self.replicas == 0:
            found.append("replicas: 0: nothing can take over from the master")
        return found


def _refuse_managed(directives: dict[str, str], managed: frozenset[str]) -> dict[str, str]:
    taken = sorted(managed & directives.keys())
    if taken:
        raise ValueError(f"{', '.join(taken)} is set by this project; use the settings for it")
    return directives
