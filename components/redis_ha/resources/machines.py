"""The Docker daemons of a stack as the program declares them: each host's provider, and the images there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from redis_ha.docker.clients import endpoint
from redis_ha.plan.topology import Topology
from redis_ha.resources.image import backup_image, endpoint_image, exporter_image, redis_image, registry_password
from redis_ha.settings.given import Given
from redis_ha.settings.hosts import Host


@dataclass(frozen=True)
class Machine:
    """Where a node's resources are made, and what image its container takes."""

    provider: docker.Provider | None
    image: pulumi.Output[str]


class Machines:
    """One for each host; on one machine, one without a provider."""

    def __init__(self, given: Given, topology: Topology, parent: pulumi.Resource) -> None:
        self._given, self._topology, self._parent = given, topology, parent
        self._providers = {host: self._provider(host) for host in topology.hosts}
        hosts = [node.host for node in (*topology.data_nodes, *topology.sentinels)]
        hosts += [topology.backup.host] if topology.backup else []
        self._images = {
            host: redis_image(given, topology.identity, host, self._providers[host], parent)
            for host in self._builders(hosts)
        }
        self._endpoint_images = {
            host: endpoint_image(given, topology.identity, host, self._providers[host], parent)
            for host in self._builders(one.host for one in topology.endpoints)
        }
        self._exporter_images = {
            host: exporter_image(given, topology.identity, host, self._providers[host], parent)
            for host in self._builders(one.host for one in topology.exporters)
        }
        self.image = next(iter(self._images.values()))
        """The bootstrap master's; on other hosts the same content, there with an id of its own unless pushed."""

    def at(self, host: Host | None) -> Machine:
        return Machine(self._providers[host], self._images.get(host, self.image))

    def endpoint_at(self, host: Host | None) -> Machine:
        """With the endpoint's image."""
        return self._with(self._endpoint_images, host)

    def exporter_at(self, host: Host | None) -> Machine:
        """With the redis_exporter's image."""
        return self._with(self._exporter_images, host)

    def backup_at(self, host: Host | None) -> Machine:
        """With the backup's image."""
        of = self.at(host)
        given, identity = self._given, self._topology.identity
        return Machine(of.provider, backup_image(given, identity, host, of.provider, self._parent, of.image))

    def _with(self, images: Mapping[Host | None, pulumi.Output[str]], host: Host | None) -> Machine:
        return Machine(self._providers[host], images.get(host, next(iter(images.values()))))

    def _builders(self, hosts: Iterable[Host | None]) -> list[Host | None]:
        """Those that build an image: all that need it, or with a registry the first of them alone."""
        found = list(dict.fromkeys(hosts))
        return found[:1] if self._given.now.registry else found

    def _provider(self, host: Host | None) -> docker.Provider | None:
        if host is None:
            return None
        at, given, identity = endpoint(host), self._given, self._topology.identity
        registry = given.now.registry
        login = docker.ProviderRegistryAuthArgs(
            address=registry.partition("/")[0] if registry else "",
            username=given.of(lambda settings: settings.registry_user),
            password=registry_password(given),
        )
        return docker.Provider(
            identity.resource("docker", host.name),
            host=at.url,
            registry_auth=[login] if registry and given.has("registry_user") else None,
            ca_material=_secret(at.ca),
            cert_material=_secret(at.cert),
            key_material=_secret(at.key),
            opts=pulumi.ResourceOptions(
                parent=self._parent,
                aliases=[pulumi.Alias(name=old) for old in identity.former("docker", host.name)],
            ),
        )


def _secret(text: str | None) -> pulumi.Output[str] | None:
    return None if text is None else pulumi.Output.secret(text)
