"""A plain Sentinel cluster, as one makes it by hand: what the stacks are measured against.

Containers straight from an image with redis-server in it, a configuration of a few lines, no entrypoint and no
health check. It has the labels and the outputs of a stack, so that every drill runs against it too.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import docker
from docker.errors import NotFound

from drills.cluster import Cluster
from drills.errors import DrillError
from drills.health import wait_healthy
from redis_ha.outputs import Node, Outputs

# The configuration is written once: a restart keeps what Sentinel and CONFIG REWRITE made of it.
SCRIPT = '[ -f /data/node.conf ] || echo "$CONFIG" > /data/node.conf; exec {program} /data/node.conf'


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
    network: Literal["bridge", "host"] = "bridge"
    publish: bool = False

    @property
    def network_name(self) -> str:
        """The Docker network that the containers are in."""
        return "host" if self.network == "host" else f"redis-ha-{self.name}"

    def nodes(self, kind: str) -> tuple[Node, ...]:
        """The data nodes (`redis`) or the Sentinels (`sentinel`)."""
        count = self.replicas + 1 if kind == "redis" else self.sentinels
        first_port, first_address = (self.port, 10) if kind == "redis" else (self.sentinel_port, 130)
        # Where they share an address, they need ports of their own.
        step = 10 if self.publish or self.network == "host" else 0
        return tuple(
            Node(
                f"{kind}-{i}",
                self._address(first_address + i),
                first_port + step * i,
                f"redis-ha-{self.name}-{kind}-{i}",
            )
            for i in range(count)
        )

    def outputs(self) -> Outputs:
        """The same outputs as a stack's."""
        sentinels = tuple(s.address for s in self.nodes("sentinel"))
        return Outputs(self.name, "mymaster", self.nodes("redis"), sentinels, self.image, self.password)

    def services(self) -> Iterator["Service"]:
        """All containers, in the order in which they are started."""
        for node in self.nodes("redis"):
            yield Service(self, node, "redis", "redis-server", self._redis_lines(node))
        for node in self.nodes("sentinel"):
            yield Service(self, node, "sentinel", "redis-sentinel", self._sentinel_lines(node))

    def compose(self) -> dict[str, Any]:
        """The same as a docker compose file."""
        name = self.network_name
        return {
            "version": "3.8",
            "services": {s.node.name: s.compose() for s in self.services()},
            "volumes": {s.node.container: {"name": s.node.container, "labels": s.labels()} for s in self.services()},
            "networks": {name: {"name": name, "labels": self._labels(), "ipam": {"config": [{"subnet": self.subnet}]}}},
        }

    def network_command(self) -> list[str]:
        """`docker network create`; nothing to do on the host's."""
        labels = [f"--label={key}={value}" for key, value in self._labels().items()]
        return ["docker", "network", "create", f"--subnet={self.subnet}", *labels, self.network_name]

    def _labels(self) -> dict[str, str]:
        return {"redis-ha.stack": self.name, "redis-ha.kind": "network"}

    def _address(self, last: int) -> str:
        return "127.0.0.1" if self.network == "host" else self.subnet.rsplit(".", 1)[0] + f".{last}"

    def _redis_lines(self, node: Node) -> list[str]:
        master = self.nodes("redis")[0]
        auth = [f'requirepass "{self.password}"', f'masterauth "{self.password}"'] if self.password else []
        return [
            f"port {node.port}",
            "protected-mode no",
            "appendonly yes",
            'save ""',
            "dir /data",
            f"repl-diskless-sync-delay {self.diskless_delay}",
            *([f"replicaof {master.host} {master.port}"] if node != master else []),
            *auth,
        ]

    def _sentinel_lines(self, node: Node) -> list[str]:
        master = self.nodes("redis")[0]
        auth = [f"requirepass {self.password}", f"sentinel auth-pass mymaster {self.password}"] if self.password else []
        return [
            f"port {node.port}",
            "protected-mode no",
            "dir /data",
            f"sentinel monitor mymaster {master.host} {master.port} {self.sentinels // 2 + 1}",
            f"sentinel down-after-milliseconds mymaster {self.down_after}",
            f"sentinel failover-timeout mymaster {self.failover_timeout}",
            *auth,
        ]


@dataclass(frozen=True)
class Service:
    """One container of a plain cluster."""

    plain: Plain
    node: Node
    kind: str
    program: str
    lines: list[str]

    def labels(self) -> dict[str, str]:
        """Those of a stack's containers."""
        return {"redis-ha.stack": self.plain.name, "redis-ha.kind": self.kind, "redis-ha.node": self.node.name}

    def run_command(self) -> list[str]:
        """As it is started by hand: `docker run`."""
        plain, node = self.plain, self.node
        where = ["--network=host"]
        if plain.network == "bridge":
            where = [f"--network={plain.network_name}", f"--ip={node.host}"]
            where += [f"--publish=127.0.0.1:{node.port}:{node.port}"] * plain.publish
        return [
            *("docker", "run", "--detach", f"--name={node.container}", *where),
            *(f"--label={key}={value}" for key, value in self.labels().items()),
            *("--restart=unless-stopped", "--user=0", f"--volume={node.container}:/data"),
            # A stack's image has a health check, which is none of a plain cluster's.
            *("--no-healthcheck", f"--env=CONFIG={self._config()}", "--entrypoint=sh"),
            *(plain.image, "-c", SCRIPT.format(program=self.program)),
        ]

    def compose(self) -> dict[str, Any]:
        """As a service of a docker compose file, where a $ is written twice."""
        script = SCRIPT.format(program=self.program).replace("$", "$$")
        made: dict[str, Any] = {
            "image": self.plain.image,
            "container_name": self.node.container,
            "labels": self.labels(),
            "restart": "unless-stopped",
            "user": "0",
            "healthcheck": {"disable": True},
            "environment": {"CONFIG": self._config()},
            "entrypoint": ["sh", "-c", script],
            "volumes": [f"{self.node.container}:/data"],
            "networks": {self.plain.network_name: {"ipv4_address": self.node.host}},
        }
        if self.plain.publish:
            made["ports"] = [f"127.0.0.1:{self.node.port}:{self.node.port}"]
        return made

    def _config(self) -> str:
        return "\n".join(self.lines)


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
    """The cluster, formed; removed at the end. Raises DrillError."""
    avoid_default_route(plain.subnet)
    remove(plain)
    try:
        start(plain)
        cluster = Cluster(plain.outputs())
        wait_healthy(cluster, 60)
        yield cluster
    finally:
        remove(plain)


def start(plain: Plain) -> None:
    """Network and containers, one command after the other. Raises DrillError."""
    if plain.network == "bridge":
        run(plain.network_command())
    for service in plain.services():
        run(service.run_command())


def run(command: list[str]) -> str:
    """Run a command to its end; its standard output. Raises DrillError with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        raise DrillError(f"`{' '.join(command[:3])} ...` ended with exit code {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def remove(plain: Plain) -> None:
    """Remove whatever bears the cluster's label, and the volumes that `docker run` has made for it."""
    client = docker.from_env(timeout=120)
    mine: dict[str, str | list[str] | bool] = {"label": f"redis-ha.stack={plain.name}"}
    for container in client.containers.list(all=True, filters=mine):
        container.remove(force=True, v=True)
    for service in plain.services():
        with suppress(NotFound):
            client.volumes.get(service.node.container).remove()
    for network in client.networks.list(filters=mine):
        network.remove()
