"""The Docker daemons of a stack as the program declares them: each host's provider, and the images there."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import pulumi
import pulumi_docker as docker

from redis_ha.docker import nobody
from redis_ha.docker.clients import endpoint
from redis_ha.docker.reach import Endpoint
from redis_ha.plan.topology import Topology
from redis_ha.resources.image import backup_image, endpoint_image, exporter_image, redis_image, registry_password
from redis_ha.resources.place import Place
from redis_ha.settings.hosts import Host

_Images = Mapping[Host | None, pulumi.Output[str]]


@dataclass(frozen=True)
class Machine:
    """Where a container is made, and of which image."""

    place: Place
    image: pulumi.Output[str]


class Machines:
    """One for each host; on one machine, one without a provider."""

    def __init__(self, place: Place, topology: Topology, not_seen: Collection[Host | None]) -> None:
        """Declares the providers and the images of all kinds of containers but the backup's.

        `not_seen`: the hosts that this preview has not reached.
        """
        self.place = place
        """The one machine; of several none."""
        self._registry = place.given.now.registry
        self._places = {host: _at(place, host, host in not_seen) if host else place for host in topology.hosts}
        nodes = [node.host for node in (*topology.data_nodes, *topology.sentinels)]
        nodes += [topology.backup.host] if topology.backup else []
        self._images = self._built(redis_image, nodes)
        self._endpoint_images = self._built(endpoint_image, [one.host for one in topology.endpoints])
        self._exporter_images = self._built(exporter_image, [one.host for one in topology.exporters])
        self.image = next(iter(self._images.values()))
        """The bootstrap master's; on other hosts the same content, there with an id of its own unless pushed."""

    def at(self, host: Host | None) -> Machine:
        """With the nodes' image."""
        return self._with(self._images, host)

    def endpoint_at(self, host: Host | None) -> Machine:
        """With the endpoint's image."""
        return self._with(self._endpoint_images, host)

    def exporter_at(self, host: Host | None) -> Machine:
        """With the redis_exporter's image."""
        return self._with(self._exporter_images, host)

    def backup_at(self, host: Host | None) -> Machine:
        """With the backup's image."""
        of = self.at(host)
        return Machine(of.place, backup_image(of.place, of.image))

    def _with(self, images: _Images, host: Host | None) -> Machine:
        return Machine(self._places[host], images.get(host, next(iter(images.values()))))

    def _built(self, declare: Callable[[Place], pulumi.Output[str]], hosts: Iterable[Host | None]) -> _Images:
        """On all hosts that need it, or with a registry on the first of them alone."""
        found = list(dict.fromkeys(hosts))
        return {host: declare(self._places[host]) for host in (found[:1] if self._registry else found)}


def _at(place: Place, host: Host, not_seen: bool) -> Place:
    """The same on `host`, with a provider for it."""
    at, given = Endpoint(nobody.url()) if not_seen else endpoint(host), place.given
    registry = given.now.registry
    login = docker.ProviderRegistryAuthArgs(
        address=registry.partition("/")[0] if registry else "",
        username=given.of(lambda settings: settings.registry_user),
        password=registry_password(given),
    )
    there = replace(place, host=host)
    provider = docker.Provider(
        there.resource("docker"),
        host=at.url,
        registry_auth=[login] if registry and given.has("registry_user") else None,
        ca_material=_secret(at.ca),
        cert_material=_secret(at.cert),
        key_material=_secret(at.key),
        opts=there.options("docker"),
    )
    return replace(there, provider=provider)


def _secret(text: str | None) -> pulumi.Output[str] | None:
    return None if text is None else pulumi.Output.secret(text)
