"""The Docker daemons of a stack as the program declares them: each host's provider, and the image there."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from redis_ha.docker.clients import endpoint
from redis_ha.docker.host import Base
from redis_ha.plan.topology import Topology, on_host
from redis_ha.resources.image import redis_image
from redis_ha.settings.hosts import Host
from redis_ha.settings.model import Settings


@dataclass(frozen=True)
class Machine:
    """Where a node's resources are made, and what image its container takes."""

    provider: docker.Provider | None
    image: pulumi.Output[str]


def image_hosts(settings: Settings, topology: Topology) -> list[Host | None]:
    """The hosts that build the image: all that have nodes, or with a registry the bootstrap master's alone.

    In a Swarm it is the manager that is reached as a single machine is: None.
    """
    if settings.swarm:
        return [None]
    builders = [node.host for node in (*topology.data_nodes, *topology.sentinels)]
    return builders[:1] if settings.registry else list(dict.fromkeys(builders))


class Machines:
    """One for each host; on one machine, one without a provider."""

    def __init__(
        self,
        settings: Settings,
        topology: Topology,
        bases: Mapping[Host | None, Base],
        parent: pulumi.Resource,
    ) -> None:
        self._providers = {host: _provider(settings, host, parent) for host in topology.hosts}
        self._images: dict[Host | None, pulumi.Output[str]] = {}
        for host in image_hosts(settings, topology):
            opts = pulumi.ResourceOptions(parent=parent, provider=self._providers[host])
            self._images[host] = redis_image(settings, bases[host], topology.stack, host, opts).repo_digest
        self.image = next(iter(self._images.values()))
        """The bootstrap master's; on other hosts the same content, there with an id of its own unless pushed."""

    def at(self, host: Host | None) -> Machine:
        return Machine(self._providers[host], self._images.get(host, self.image))


def _provider(settings: Settings, host: Host | None, parent: pulumi.Resource) -> docker.Provider | None:
    if host is None:
        return None
    at = endpoint(host)
    password = settings.registry_password
    login = docker.ProviderRegistryAuthArgs(
        address=settings.registry.partition("/")[0] if settings.registry else "",
        username=settings.registry_user,
        password=pulumi.Output.secret(password.get_secret_value()) if password else None,
    )
    return docker.Provider(
        on_host("docker", host),
        host=at.url,
        registry_auth=[login] if settings.registry and settings.registry_user else None,
        ca_material=_secret(at.ca),
        cert_material=_secret(at.cert),
        key_material=_secret(at.key),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _secret(text: str | None) -> pulumi.Output[str] | None:
    return None if text is None else pulumi.Output.secret(text)
