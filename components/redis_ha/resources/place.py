"""Where resources are declared: whose they are, under what, and at which Docker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pulumi
import pulumi_docker as docker

from redis_ha.docker import nobody
from redis_ha.plan.identity import Identity
from redis_ha.settings.given import Given
from redis_ha.settings.hosts import Host

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """One of the cluster's machines, as the resources on it see it.

    `host` and `provider` are None on one machine and in a Swarm: there it is the Docker of whoever runs the program.
    """

    given: Given
    identity: Identity
    parent: pulumi.Resource
    host: Host | None = None
    provider: pulumi.ProviderResource | None = None

    def resource(self, what: str) -> str:
        """The name of the Pulumi resource that is this cluster's `what` here."""
        return self.identity.resource(what, self.host.name if self.host else None)

    def options(self, former: str | None = None, **more: Any) -> pulumi.ResourceOptions:
        """Those of every resource here, and `more`; `former`: by what name it was there before clusters had one."""
        old = self.identity.former(former, self.host.name if self.host else None) if former else []
        return pulumi.ResourceOptions(
            parent=self.parent, provider=self.provider, aliases=[pulumi.Alias(name=name) for name in old], **more
        )


def unseen(place: Place) -> Place:
    """The same, for a preview that has not reached the only Docker."""
    return replace(place, provider=docker.Provider(place.resource("docker"), host=nobody.url(), opts=place.options()))


def labelled(make: Callable[..., T], labels: Mapping[str, str]) -> list[T]:
    """`labels` as the provider takes them; each type of resource has a class of its own for them."""
    return [make(label=label, value=value) for label, value in labels.items()]
