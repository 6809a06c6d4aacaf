"""The component: one master, its replicas and its Sentinels in Docker."""

from collections.abc import Callable
from typing import Any, Optional

import pulumi
import pulumi_docker as docker

from redis_ha.docker.looks import look, refuse_other_dockers
from redis_ha.plan.acl import derived, operator_password
from redis_ha.plan.exporters import MetricsTarget, targets
from redis_ha.plan.identity import BESIDE, Identity
from redis_ha.plan.layout import TopologyError, plan, strangers_range
from redis_ha.plan.topology import Topology
from redis_ha.resources import outputs
from redis_ha.resources.backup import backup_container, backup_volume
from redis_ha.resources.container import Shared
from redis_ha.resources.endpoint import endpoint_container
from redis_ha.resources.exporter import exporter_container
from redis_ha.resources.machines import Machines
from redis_ha.resources.node import node_container
from redis_ha.resources.node_files import node_files, texts_of
from redis_ha.resources.outputs import EndpointOutput, HostOutput, NodeOutput
from redis_ha.resources.place import Place, labelled, unseen
from redis_ha.resources.ports import claim_ports
from redis_ha.resources.rollout import Rollout
from redis_ha.resources.swarm import swarm_services
from redis_ha.settings.arguments import RedisHaArgs
from redis_ha.settings.given import Given
from redis_ha.settings.model import Settings
from redis_ha.settings.types import NotYetError


class RedisHa(pulumi.ComponentResource):
    """A highly available Redis: one master, replicas and Sentinels, as containers on one machine or several."""

    master_name: pulumi.Output[str]
    """What clients ask the Sentinels for."""
    nodes: pulumi.Output[list[NodeOutput]]
    """The data nodes, the first master first."""
    sentinels: pulumi.Output[list[str]]
    """Where the Sentinels are: host:port."""
    sentinel_url: pulumi.Output[str]
    """The Sentinels, the master's name and the password as one URL, for the recipes of clients/; secret."""
    url: pulumi.Output[str]
    """The first master as a redis:// or rediss:// URL; after a failover a Sentinel knows the master. A secret."""
    password: pulumi.Output[str]
    """The application's. A secret."""
    operator_password: pulumi.Output[str]
    """What an operator logs in to the Sentinels with, as `operator`, for SENTINEL FAILOVER. A secret."""
    endpoint: pulumi.Output[Optional[EndpointOutput]]  # noqa: UP045 - the component host knows no other way
    """Where clients connect that do not ask the Sentinels, with the argument `endpoint`."""
    image: pulumi.Output[str]
    """What the nodes run, by digest or id."""
    metrics: pulumi.Output[Optional[list[MetricsTarget]]]  # noqa: UP045
    """What a Prometheus scrapes, with the argument `metrics`: as JSON a file for its file_sd_configs."""
    tls: pulumi.Output[bool]
    """Whether connections are by TLS only."""
    ca: pulumi.Output[Optional[str]]  # noqa: UP045
    """What clients trust then, in PEM."""
    client_cert: pulumi.Output[Optional[str]]  # noqa: UP045
    """A certificate for clients, where one was given. A secret."""
    client_key: pulumi.Output[Optional[str]]  # noqa: UP045
    """Its key. A secret."""
    endpoints: pulumi.Output[Optional[list[EndpointOutput]]]  # noqa: UP045
    """All of them, where there are several hosts."""
    hosts: pulumi.Output[Optional[dict[str, HostOutput]]]  # noqa: UP045
    """The hosts by name, where there are several."""
    sentinel_hosts: pulumi.Output[Optional[list[str]]]  # noqa: UP045
    """The hosts of `sentinels`, in their order."""

    def __init__(self, name: str, args: RedisHaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises pulumi.RunError with all that is wrong with the arguments, each by its name."""
        try:
            identity = Identity(pulumi.get_project(), pulumi.get_stack(), name)
        except ValueError as error:
            raise pulumi.RunError(f"RedisHa: {error}") from None
        if name.endswith(BESIDE):
            allowed = f"no {', '.join(BESIDE)} at its end: so are the parts of other clusters called"
            raise pulumi.RunError(f"RedisHa: name: {name!r}: allowed: {allowed}")
        former = [pulumi.Alias(name=old) for old in identity.former(identity.stack)]
        merged = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=former))
        super().__init__("redis-ha:index:RedisHa", name, None, merged)
        refuse_other_dockers(self)
        given = Given(name, args)
        try:
            self._declare(given, identity)
        except TopologyError as error:
            raise pulumi.RunError(f"RedisHa {name!r}: {error}") from None
        except NotYetError as error:
            raise pulumi.RunError(
                f"RedisHa {name!r}: {error}; allowed: a plain value, since it decides which resources there are"
            ) from None
        self.register_outputs(self.outputs)

    @property
    def outputs(self) -> dict[str, pulumi.Output[Any]]:
        """All outputs by name, without those that do not apply."""
        return {name: getattr(self, name) for name in RedisHa.__annotations__ if name not in self._none}

    def _declare(self, given: Given, identity: Identity) -> None:
        topology = plan(given.now, identity)
        _check(given, topology)
        given.of(lambda settings: claim_ports(identity.name, settings, topology))
        not_seen = look(given, topology)
        place = Place(given, identity, self)
        if None in not_seen:
            place = unseen(place)
        if given.now.swarm:
            self.image = swarm_services(place, topology)
        else:
            self.image = self._containers(topology, Machines(place, topology, not_seen))
        self._tell(given, topology)

    def _containers(self, topology: Topology, machines: Machines) -> pulumi.Output[str]:
        """The nodes as containers, on one machine or several; the image that they run.

        They form one chain, replicas first, then the bootstrap master, then the Sentinels: one is touched only when the
        one before it has joined. Where there was nothing before, all of a kind start together.
        """
        rollout = Rollout(topology)
        network = self._network(machines.place, topology)
        shared = Shared(machines.place.given, topology, machines, rollout, network)
        for node in topology.rollout_order:
            if (node.kind, node.host) not in shared.files:
                # One volume for each kind of node on a host: what only Sentinels read must not roll the data nodes.
                shared.files[node.kind, node.host] = node_files(
                    shared.machines.at(node.host), node.kind, texts_of(topology, node.kind)
                )
        for node in topology.rollout_order:
            shared.rollout.add(node, node_container(shared, node))
        for endpoint in topology.endpoints:
            shared.rollout.add(endpoint, endpoint_container(shared, endpoint))
        volume = backup_volume(shared, topology.backup) if topology.backup else None
        for exporter in topology.exporters:
            here = volume.name if volume and topology.backup and topology.backup.host == exporter.host else None
            shared.rollout.add(exporter, exporter_container(shared, exporter, here))
        if topology.backup and volume:
            shared.rollout.add(topology.backup, backup_container(shared, topology.backup, volume))
        return shared.machines.image

    def _network(self, place: Place, topology: Topology) -> pulumi.Output[str] | None:
        if topology.subnet is None:
            return None
        subnet = topology.subnet
        network = docker.Network(
            place.resource("network"),
            name=place.identity.prefix,
            driver="bridge",
            ipam_configs=[
                docker.NetworkIpamConfigArgs(
                    subnet=str(subnet), gateway=str(subnet[1]), ip_range=strangers_range(subnet)
                )
            ],
            labels=labelled(docker.NetworkLabelArgs, place.identity.labels("network")),
            # By what it was first called and labelled it stays, as all addresses on it do; and one that was made before
            # there was a range for strangers is not replaced for having none: that would take all nodes down.
            opts=place.options("network", ignore_changes=["name", "labels", "ipamConfigs[0].ipRange"]),
        )
        return network.name

    def _tell(self, given: Given, topology: Topology) -> None:
        """Sets the outputs but for the image."""

        def secret(read: Callable[[Settings], str | None]) -> pulumi.Output[Any]:
            return pulumi.Output.secret(given.of(read))

        def plain(value: object) -> pulumi.Output[Any]:
            return pulumi.Output.from_input(value)

        found = [outputs.of_endpoint(one) for one in topology.endpoints]
        several = topology.hosts != (None,)
        hosts = outputs.of_hosts(given.now)
        self.master_name = given.output(lambda settings: settings.master_name)
        self.nodes = plain(outputs.nodes(topology))
        self.sentinels = plain([node.endpoint for node in topology.sentinels])
        self.password = secret(lambda settings: settings.password.get_secret_value())
        self.operator_password = secret(lambda settings: derived(settings, operator_password))
        self.url = secret(lambda settings: outputs.url(settings, topology))
        self.sentinel_url = secret(lambda settings: outputs.sentinel_url(settings, topology))
        self.endpoint = plain(found[0] if found else None)
        self.endpoints = plain(found if several and found else None)
        self.metrics = plain(targets(topology) or None)
        self.tls = plain(topology.tls)
        self.ca = given.output(lambda settings: settings.tls.ca.get_secret_value() if settings.tls else None)
        self.client_cert = secret(lambda settings: _text(settings, "client_cert"))
        self.client_key = secret(lambda settings: _text(settings, "client_key"))
        self.hosts = plain(hosts)
        self.sentinel_hosts = plain([node.host.name for node in topology.sentinels if node.host] if hosts else None)
        client = _has_client_certificate(given)
        self._none = {
            name
            for name, applies in {
                "endpoint": found,
                "endpoints": found and several,
                "metrics": topology.exporters,
                "tls": topology.tls,
                "ca": topology.tls,
                "client_cert": client,
                "client_key": client,
                "hosts": hosts,
                "sentinel_hosts": hosts,
            }.items()
            if not applies
        }


def _text(settings: Settings, name: str) -> str | None:
    found = getattr(settings.tls, name) if settings.tls else None
    return found.get_secret_value() if found else None


def _has_client_certificate(given: Given) -> bool:
    try:
        return given.now.tls is not None and given.now.tls.client_cert is not None
    except NotYetError:
        return True


def _check(given: Given, topology: Topology) -> None:
    """Warns of what is allowed but most likely not wanted, and refuses certificates that do not fit."""

    def warn(warnings: list[str]) -> None:
        for warning in warnings:
            pulumi.log.warn(warning)

    def check(settings: Settings) -> None:
        if settings.tls is not None:
            from redis_ha.tls.certificates import check_certificates  # reading certificates takes a slow package

            check_certificates(settings.tls, topology.addresses)

    given.output(Settings.warnings).apply(warn)
    given.of(check)
