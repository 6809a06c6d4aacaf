"""The settings of a stack as a whole: what fits together, and what follows from several of them."""

from dataclasses import replace
from typing import Self

from pydantic import model_validator

from redis_ha.settings.fields import Fields
from redis_ha.settings.hosts import check_for_swarm, refuse_single_machine_settings
from redis_ha.settings.memory import fitting_max_memory
from redis_ha.settings.profiles import PROFILES, Profile
from redis_ha.settings.types import size_in_bytes

SHAPE = frozenset(
    [
        "replicas",
        "sentinels",
        "hosts",
        "swarm",
        "sentinel_placement",
        "network",
        "subnet",
        "advertise",
        "ports",
        "endpoint",
        "metrics",
        "registry",
        "image_name",
        "retain_data",
        "protect_data",
    ]
)
"""Settings that decide which resources there are, and where. They have to be known when the program runs."""


class Settings(Fields):
    """All settings of one stack, checked against each other."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.quorum is not None and self.quorum > self.sentinels:
            raise ValueError(
                f"quorum: {self.quorum} is more than the {self.sentinels} Sentinels; allowed: 1 to {self.sentinels}"
            )
        if self.durability == "consistent" and self.replicas == 0:
            raise ValueError("durability: 'consistent' needs replicas; allowed: replicas 1 and up")
        if self.previous_password is not None and self.system_password is None:
            raise ValueError(
                "previousPassword: needs systemPassword, since without it nodes log in to each other with what follows "
                "from `password`, and could not during the roll-out; set systemPassword to the old password's text"
            )
        check_for_swarm(self.hosts, self.swarm)
        if self.swarm and self.endpoint:
            raise ValueError("endpoint: cannot be had in a Swarm; allowed: false")
        if self.swarm and self.metrics:
            raise ValueError("metrics: cannot be had in a Swarm; allowed: false")
        if self.swarm and self.backup is not None:
            raise ValueError("backup: cannot be had in a Swarm; allowed: none")
        if self.backup is not None and self.backup.host not in (None, *(host.name for host in self.hosts)):
            raise ValueError(f"backup.host: {self.backup.host!r} is none of `hosts`; allowed: one of their names")
        if self.swarm and len(self.hosts) > 1 and self.registry is None:
            raise ValueError("registry: missing; a Swarm's nodes pull the image from it")
        if self.hosts:
            bridge = self.network if self.network == "bridge" else None
            refuse_single_machine_settings({"network": bridge, "subnet": self.subnet, "advertise": self.advertise})
        limit, own = self.resources.memory, self.max_memory
        if limit and own and size_in_bytes(own) >= size_in_bytes(limit):
            raise ValueError(
                f"maxMemory: {own} leaves no room in the container's {limit}; allowed: less than resources.memory"
            )
        return self

    @property
    def published(self) -> str | None:
        """The host address that a bridge's ports are published at; None: at none."""
        address = self.advertise or self.publish
        return None if address == "none" else address

    @property
    def bridged(self) -> bool:
        """Whether the nodes have a bridge network of their own; otherwise they use the host's."""
        return self.network != "host" and not self.hosts

    @property
    def effective_quorum(self) -> int:
        """The quorum, by default the majority of the Sentinels."""
        return self.quorum if self.quorum is not None else self.sentinels // 2 + 1

    @property
    def timing(self) -> Profile:
        """The profile's times, with those that are set explicitly in their place."""
        own = {"down_after": self.down_after, "failover_timeout": self.failover_timeout}
        return replace(PROFILES[self.profile], **{name: value for name, value in own.items() if value is not None})

    def warnings(self) -> list[str]:
        """What is allowed but most likely not wanted."""
        found = []
        if self.sentinels < 3 or self.sentinels % 2 == 0:
            found.append(
                f"sentinels: {self.sentinels}: an odd number, 3 or more, is what survives the loss of a Sentinel best"
            )
        if self.quorum is not None and self.quorum <= self.sentinels // 2:
            found.append(f"quorum: {self.quorum} of {self.sentinels} is less than a majority")
        if self.timing.down_after < 500:
            found.append(
                f"downAfter: {self.timing.down_after} ms: below 500 one fault was measured to lead to "
                "several failovers, and to lost writes"
            )
        if self.replicas == 0:
            found.append("replicas: 0: nothing can take over from the master")
        if self.max_memory is not None and self.resources.memory is not None:
            fitting = fitting_max_memory(size_in_bytes(self.resources.memory))
            if size_in_bytes(self.max_memory) > fitting:
                found.append(
                    f"maxMemory: {self.max_memory}: more than the {fitting // 1024**2}mb beside which buffers and "
                    f"copies fit into the container's {self.resources.memory}: a full node may be ended for its memory"
                )
        return found
