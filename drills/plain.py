"""A plain Sentinel cluster, as one makes it by hand: what the stacks are measured against.

Containers straight from an image with redis-server in it, a configuration of a few lines, no entrypoint and no
health check. It has the labels and the outputs of a stack, so that every drill runs against it too.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import docker
from docker.errors import DockerException
from docker.types import IPAMConfig, IPAMPool

from drills.cluster import Cluster
from drills.errors import DrillError
from drills.health import wait_healthy
from drills.outputs import Node, Outputs


@dataclass(frozen=True)
class Plain:
    """What to run. The times are in milliseconds."""

    image: str
    name: str = "plain"
    subnet: str = "10.213.99.0/24"
    replicas: int = 2
    sentinels: int = 3
    port: int = 6379
    sentinel_port: int = 26379
    down_after: int = 1000
    failover_timeout: int = 10000
    password: str | None = None
    # Redis' default lets a first replication wait 5 s for more replicas: bring-up time only, not what is measured.
    diskless_delay: int = 0

    def address(self, last: int) -> str:
        """An address of the subnet by its last octet."""
        return self.subnet.rsplit(".", 1)[0] + f".{last}"

    def outputs(self) -> Outputs:
        """The same outputs as a stack's."""
        nodes = tuple(
            Node(f"redis-{i}", self.address(10 + i), self.port, f"redis-ha-{self.name}-redis-{i}")
            for i in range(self.replicas + 1)
        )
        sentinels = tuple((self.address(130 + j), self.sentinel_port) for j in range(self.sentinels))
        return Outputs(self.name, "mymaster", nodes, sentinels, self.image, self.password)


def avoid_default_route(subnet: str) -> None:
    """Keep a subnet that is not there (yet) from being routed out; needs root, and does nothing without.

    A connection to a removed network then fails at once instead of hanging in the default route.
    """
    with suppress(OSError):
        subprocess.run(
            ["ip", "route", "add", "unreachable", subnet, "metric", "4278198272"], capture_output=True, check=False
        )


@contextmanager
def running(plain: Plain) -> Iterator[Cluster]:
    """The cluster, formed; removed at the end."""
    client = docker.from_env(timeout=120)
    avoid_default_route(plain.subnet)
    remove(plain)
    try:
        _create(client, plain)
        cluster = Cluster(plain.outputs())
        wait_healthy(cluster, 60)
        yield cluster
    except DockerException as error:
        raise DrillError(f"the plain cluster {plain.name} could not be made: {error}") from None
    finally:
        remove(plain)


def _create(client: docker.DockerClient, plain: Plain) -> None:
    labels = {"redis-ha.stack": plain.name}
    ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=plain.subnet)])
    network = client.networks.create(
        f"redis-ha-{plain.name}", driver="bridge", ipam=ipam, labels={**labels, "redis-ha.kind": "network"}
    )
    auth = [f'requirepass "{plain.password}"', f'masterauth "{plain.password}"'] if plain.password else []
    for i in range(plain.replicas + 1):
        lines = [
            f"port {plain.port}",
            "protected-mode no",
            "appendonly yes",
            "dir /data",
            f"repl-diskless-sync-delay {plain.diskless_delay}",
            *([f"replicaof {plain.address(10)} {plain.port}"] if i else []),
            *auth,
        ]
        _start(client, plain, network.name or "", f"redis-{i}", "redis", plain.address(10 + i), "redis-server", lines)
    for j in range(plain.sentinels):
        lines = [
            f"port {plain.sentinel_port}",
            "protected-mode no",
            "dir /data",
            f"sentinel monitor mymaster {plain.address(10)} {plain.port} {plain.sentinels // 2 + 1}",
            f"sentinel down-after-milliseconds mymaster {plain.down_after}",
            f"sentinel failover-timeout mymaster {plain.failover_timeout}",
            *([f"requirepass {plain.password}", f"sentinel auth-pass mymaster {plain.password}"] if auth else []),
        ]
        address = plain.address(130 + j)
        _start(client, plain, network.name or "", f"sentinel-{j}", "sentinel", address, "redis-sentinel", lines)


def _start(
    client: docker.DockerClient,
    plain: Plain,
    network: str,
    node: str,
    kind: str,
    address: str,
    program: str,
    lines: list[str],
) -> None:
    name = f"redis-ha-{plain.name}-{node}"
    # The configuration is written once: a restart keeps what Sentinel and CONFIG REWRITE made of it.
    script = f'[ -f /data/node.conf ] || echo "$CONFIG" > /data/node.conf; exec {program} /data/node.conf'
    labels = {"redis-ha.stack": plain.name, "redis-ha.kind": kind, "redis-ha.node": node}
    client.volumes.create(name, labels=labels)
    container = client.containers.create(
        plain.image,
        entrypoint=["sh", "-c", script],
        user="0",
        # A stack's image has a health check, which is none of a plain cluster's.
        healthcheck={"test": ["NONE"]},
        name=name,
        labels=labels,
        environment={"CONFIG": "\n".join(lines)},
        volumes={name: {"bind": "/data", "mode": "rw"}},
        restart_policy={"Name": "unless-stopped", "MaximumRetryCount": 0},  # type: ignore[arg-type]
        network=network,
        networking_config={network: client.api.create_endpoint_config(ipv4_address=address)},
    )
    container.start()


def remove(plain: Plain) -> None:
    """Remove whatever bears the cluster's label."""
    client = docker.from_env(timeout=120)
    mine: dict[str, str | list[str] | bool] = {"label": f"redis-ha.stack={plain.name}"}
    for container in client.containers.list(all=True, filters=mine):
        container.remove(force=True, v=True)
    for volume in client.volumes.list(filters=mine):
        volume.remove()
    for network in client.networks.list(filters=mine):
        network.remove()
