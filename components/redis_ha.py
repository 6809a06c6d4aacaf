"""The component: one master, its replicas and its Sentinels in Docker."""

from typing import Any, TypedDict
from urllib.parse import quote

import pulumi
import pulumi_docker as docker

from components.acl import data_node_acl, internal_password, sentinel_acl
from components.data_node import data_node
from components.directives import redis_directives, sentinel_directives
from components.endpoint import endpoint_container
from components.image import redis_image
from components.labels import labels
from components.node_container import Shared
from components.node_files import NodeFiles, node_files, texts_of
from components.rollout import after_joined
from components.sentinel import sentinel
from components.settings import Settings
from components.topology import Kind, Node, Topology


class RedisHaArgs(TypedDict):
    """What the component is given."""

    settings: Settings
    topology: Topology
    base_image: str
    endpoint_image: str | None


class RedisHa(pulumi.ComponentResource):
    """A highly available Redis.

    Declares image, network, volumes and containers. The containers form one chain, replicas
    first, then the bootstrap master, then the Sentinels: one is touched only when the one before
    it has joined.
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
        child = pulumi.ResourceOptions(parent=self)
        built = redis_image(settings, args["base_image"], topology.stack, child)
        self.image = built.repo_digest
        shared = Shared(
            settings=settings,
            topology=topology,
            image=self.image,
            network=self._network(topology, child),
            files=self._files(settings, topology),
        )
        previous: tuple[Node, docker.Container] | None = None
        for node in topology.rollout_order:
            declare = sentinel if node.kind == "sentinel" else data_node
            container = declare(shared, node, self, after_joined(previous, shared.files[node.kind].carrier))
            previous = (node, container)
        if topology.endpoint is not None and args["endpoint_image"] is not None:
            endpoint_container(shared, topology.endpoint, args["endpoint_image"], self, previous)
        self.register_outputs({"image": self.image})

    def _files(self, settings: Settings, topology: Topology) -> dict[Kind, NodeFiles]:
        """One volume for each kind of node: what only Sentinels read must not roll the data nodes."""
        secret, system = settings.password, settings.system_password
        internal = internal_password(secret.get_secret_value(), system.get_secret_value() if system else None)
        texts: dict[Kind, dict[str, str]] = {
            "redis": texts_of(settings, redis_directives(settings), data_node_acl(settings, internal), internal),
            "sentinel": texts_of(settings, sentinel_directives(settings), sentinel_acl(settings, internal), internal),
        }
        return {kind: node_files(topology, kind, files, self.image, self) for kind, files in texts.items()}

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
            }
            for node in topology.data_nodes
        ],
        "sentinels": sentinels,
        "image": cluster.image,
        "password": pulumi.Output.secret(password),
        "url": pulumi.Output.secret(url(password, topology, tls=settings.tls is not None)),
        **_endpoint_outputs(topology),
        **_tls_outputs(settings),
    }


def _endpoint_outputs(topology: Topology) -> dict[str, Any]:
    """Where clients that do not ask the Sentinels connect; nothing without the setting."""
    if topology.endpoint is None:
        return {}
    host = topology.endpoint.address
    return {"endpoint": {"write": f"{host}:{topology.endpoint.write}", "read": f"{host}:{topology.endpoint.read}"}}


def _tls_outputs(settings: Settings) -> dict[str, Any]:
    """What a client of a stack with TLS must know besides; a CA's certificate is no secret."""
    if settings.tls is None:
        return {}
    return {"tls": True, "ca": settings.tls.ca.get_secret_value()}


def url(password: str, topology: Topology, tls: bool = False) -> str:
    """The bootstrap master as a redis:// or rediss:// URL, percent-encoded; after a failover ask a Sentinel."""
    return f"{'rediss' if tls else 'redis'}://:{quote(password, safe='')}@{topology.master.endpoint}/0"
