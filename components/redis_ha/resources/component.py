"""The component: one master, its replicas and its Sentinels in Docker."""

from collections.abc import Mapping
from typing import Any, TypedDict
from urllib.parse import quote

import pulumi
import pulumi_docker as docker

from redis_ha.docker.host import Base
from redis_ha.plan.acl import data_node_acl, internal_password, sentinel_acl
from redis_ha.plan.directives import redis_directives, sentinel_directives
from redis_ha.plan.labels import labels
from redis_ha.plan.topology import Kind, Topology
from redis_ha.resources.data_node import data_node
from redis_ha.resources.endpoint import endpoint_container
from redis_ha.resources.machines import Machines
from redis_ha.resources.node_container import Shared
from redis_ha.resources.node_files import NodeFiles, node_files, texts_of
from redis_ha.resources.rollout import Rollout
from redis_ha.resources.sentinel import sentinel
from redis_ha.resources.swarm import swarm_services
from redis_ha.settings.hosts import Host
from redis_ha.settings.model import Settings


class RedisHaArgs(TypedDict):
    """What the component is given."""

    settings: Settings
    topology: Topology
    bases: Mapping[Host | None, Base]
    endpoint_images: Mapping[Host | None, str]


class RedisHa(pulumi.ComponentResource):
    """A highly available Redis.

    Declares image, network, volumes and containers; in a Swarm, services (swarm.py).
    The containers form one chain, replicas first, then the bootstrap master, then the Sentinels:
    one is touched only when the one before it has joined. Where there was nothing before, all of a kind start together.
    """

    image: pulumi.Output[str]
    """What the containers run, by digest or id."""

    def __init__(
        self,
        name: str,
        args: RedisHaArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("redis-ha:index:RedisHa", name, None, opts)
        settings, topology = args["settings"], args["topology"]
        if settings.swarm:
            self.image = swarm_services(settings, topology, args["bases"][None], self._texts(settings), self)
        else:
            self.image = self._containers(args)
        self.register_outputs({"image": self.image})

    def _containers(self, args: RedisHaArgs) -> pulumi.Output[str]:
        """The nodes as containers, on one machine or several; the image that they run."""
        settings, topology = args["settings"], args["topology"]
        child = pulumi.ResourceOptions(parent=self)
        machines = Machines(settings, topology, args["bases"], self)
        shared = Shared(
            settings=settings,
            topology=topology,
            machines=machines,
            rollout=Rollout(topology),
            network=self._network(topology, child),
            files=self._files(settings, topology, machines),
        )
        for node in topology.rollout_order:
            declare = sentinel if node.kind == "sentinel" else data_node
            files = shared.files[node.kind, node.host]
            shared.rollout.add(node, declare(shared, node, self, shared.rollout.after(node, files.carrier)))
        for endpoint in topology.endpoints:
            image = args["endpoint_images"][endpoint.host]
            shared.rollout.add(endpoint, endpoint_container(shared, endpoint, image, self))
        return machines.image

    def _files(
        self, settings: Settings, topology: Topology, machines: Machines
    ) -> dict[tuple[Kind, Host | None], NodeFiles]:
        """One volume for each kind of node on a host: what only Sentinels read must not roll the data nodes."""
        texts = self._texts(settings)
        nodes = (*topology.data_nodes, *topology.sentinels)
        return {
            (kind, host): node_files(topology, kind, host, texts[kind], machines.at(host), self)
            for kind, host in dict.fromkeys((node.kind, node.host) for node in nodes)
        }

    @staticmethod
    def _texts(settings: Settings) -> dict[Kind, dict[str, str]]:
        """The files of each kind of node, by name."""
        secret, system = settings.password, settings.system_password
        internal = internal_password(secret.get_secret_value(), system.get_secret_value() if system else None)
        return {
            "redis": texts_of(settings, redis_directives(settings), data_node_acl(settings, internal), internal),
            "sentinel": texts_of(settings, sentinel_directives(settings), sentinel_acl(settings, internal), internal),
        }

    @staticmethod
    def _network(topology: Topology, opts: pulumi.ResourceOptions) -> pulumi.Output[str] | None:
        if topology.subnet is None:
            return None
        network = docker.Network(
            "network",
            name=f"{topology.project}-{topology.stack}",
            driver="bridge",
            ipam_configs=[docker.NetworkIpamConfigArgs(subnet=str(topology.subnet), gateway=str(topology.subnet[1]))],
            labels=[
                docker.NetworkLabelArgs(label=label, value=value)
                for label, value in labels(topology.stack, "network").items()
            ],
            opts=opts,
        )
        return network.name


def outputs(settings: Settings, topology: Topology, cluster: RedisHa) -> dict[str, Any]:
    """The stack's outputs: whatever a client or a drill needs."""
    password = settings.password.get_secret_value()
    sentinels = [node.endpoint for node in topology.sentinels]
    return {
        "master_name": settings.master_name,
        "nodes": [
            {
                "name": node.name,
                "host": node.address,
                "port": node.port,
                "container": node.container,
                **({"host_name": node.host.name} if node.host else {}),
            }
            for node in topology.data_nodes
        ],
        "sentinels": sentinels,
        "image": cluster.image,
        "password": pulumi.Output.secret(password),
        "url": pulumi.Output.secret(url(password, topology, tls=settings.tls is not None)),
        **_endpoint_outputs(topology),
        **_tls_outputs(settings),
        **_host_outputs(settings, topology),
    }


def _endpoint_outputs(topology: Topology) -> dict[str, Any]:
    """Where clients that do not ask the Sentinels connect; nothing without the setting. With hosts each has one."""
    found = [{"write": f"{one.address}:{one.write}", "read": f"{one.address}:{one.read}"} for one in topology.endpoints]
    if not found:
        return {}
    return {"endpoint": found[0], **({"endpoints": found} if topology.hosts != (None,) else {})}


def _tls_outputs(settings: Settings) -> dict[str, Any]:
    """What a client of a stack with TLS must know besides; a CA's certificate is no secret."""
    if settings.tls is None:
        return {}
    found = {"tls": True, "ca": settings.tls.ca.get_secret_value()}
    pair = {"client_cert": settings.tls.client_cert, "client_key": settings.tls.client_key}
    return found | {name: pulumi.Output.secret(text.get_secret_value()) for name, text in pair.items() if text}


def _host_outputs(settings: Settings, topology: Topology) -> dict[str, Any]:
    """Which Docker holds what, where there is more than one; no TLS material. A Swarm's need not be known."""
    if not settings.hosts or not all(host.docker for host in settings.hosts):
        return {}
    return {
        "hosts": {host.name: {"docker": host.docker, "address": host.address} for host in settings.hosts},
        "sentinel_hosts": [node.host.name for node in topology.sentinels if node.host],
    }


def url(password: str, topology: Topology, tls: bool = False) -> str:
    """The bootstrap master as a redis:// or rediss:// URL, percent-encoded; after a failover ask a Sentinel."""
    return f"{'rediss' if tls else 'redis'}://:{quote(password, safe='')}@{topology.master.endpoint}/0"
