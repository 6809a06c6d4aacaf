"""A plain Sentinel cluster, as one makes it by hand: what the stacks are measured against.

Containers straight from an image with redis-server in it, a configuration of a few lines, no entrypoint and no
health check. It has the labels and the outputs of a stack, so that every drill runs against it too.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

import docker
from docker.errors import NotFound

from drills.target.cluster import Cluster
from drills.target.errors import DrillError
from drills.target.health import wait_healthy
from redis_ha.outputs import Node, Outputs

Kind = Literal["redis", "sentinel"]
# The configuration is written once: a restart keeps what Sentinel and CONFIG REWRITE made of it.
SCRIPT = '[ -f /data/node.conf ] || echo "$CONFIG" > /data/node.conf; exec redis-{program} /data/node.conf'
# The first port of a kind, and the last part of the first address.
FIRST: dict[Kind, tuple[int, int]] = {"redis": (6379, 10), "sentinel": (26379, 130)}


@dataclass(frozen=True)
class Plain:
    """What to run. The times are in milliseconds. On the host's network `port` is that of the data nodes."""

    image: str
    name: str = "plain"
    subnet: str = "10.213.99.0/24"
    replicas: int = 2
    sentinels: int = 3
    down_after: int = 1000
    failover_timeout: int = 10000
    password: str | None = None
    network: Literal["bridge", "host"] = "bridge"
    port: int | None = None

    @property
    def network_name(self) -> str:
        """The Docker network that the containers are in."""
        return "host" if self.network == "host" else f"redis-ha-{self.name}"

    def nodes(self, kind: Kind) -> tuple[Node, ...]:
        """The data nodes (`redis`) or the Sentinels (`sentinel`)."""
        count = self.replicas + 1 if kind == "redis" else self.sentinels
        return tuple(self._node(kind, i) for i in range(count))

    def _node(self, kind: Kind, i: int) -> Node:
        port, last = FIRST[kind]
        name = f"{kind}-{i}"
        container = f"redis-ha-{self.name}-{name}"
        if self.network == "host":  # there they share an address, and need ports of their own
            return Node(name, "127.0.0.1", (self.port or port) + 10 * i, container)
        return Node(name, f"{self.subnet.rpartition('.')[0]}.{last + i}", port, container)

    def outputs(self) -> Outputs:
        """The same outputs as a stack's."""
        sentinels = tuple(s.address for s in self.nodes("sentinel"))
        return Outputs(self.name, "mymaster", self.nodes("redis"), sentinels, self.image, self.password)

    def commands(self) -> Iterator[list[str]]:
        """As it is started by hand, in this order."""
        if self.network == "bridge":
            labels = self._labels("network")
            yield ["docker", "network", "create", f"--subnet={self.subnet}", *labels, self.network_name]
        for kind in FIRST:
            for node in self.nodes(kind):
                yield self._run(kind, node)

    def _run(self, kind: Kind, node: Node) -> list[str]:
        program, lines = ("server", self._redis(node)) if kind == "redis" else ("sentinel", self._sentinel())
        config = "\n".join([f"port {node.port}", "protected-mode no", "dir /data", *lines])
        return [
            *("docker", "run", "--detach", f"--name={node.container}", f"--network={self.network_name}"),
            *([f"--ip={node.host}"] if self.network == "bridge" else []),
            *(*self._labels(kind), f"--label=redis-ha.node={node.name}"),
            *("--restart=unless-stopped", "--user=0", f"--volume={node.container}:/data"),
            # A stack's image has a health check, which is none of a plain cluster's.
            *("--no-healthcheck", f"--env=CONFIG={config}", "--entrypoint=sh"),
            *(self.image, "-c", SCRIPT.format(program=program)),
        ]

    def _labels(self, kind: str) -> list[str]:
        return [f"--label=redis-ha.stack={self.name}", f"--label=redis-ha.kind={kind}"]

    def _redis(self, node: Node) -> list[str]:
        master = self.nodes("redis")[0]
        following = [f"replicaof {master.host} {master.port}"] if node != master else []
        auth = [f'requirepass "{self.password}"', f'masterauth "{self.password}"'] if self.password else []
        # Redis' default lets a first replication wait 5 s for more replicas: bring-up time only, not what is measured.
        return ["appendonly yes", 'save ""', "repl-diskless-sync-delay 0", *following, *auth]

    def _sentinel(self) -> list[str]:
        master = self.nodes("redis")[0]
        auth = [f"requirepass {self.password}", f"sentinel auth-pass mymaster {self.password}"] if self.password else []
        return [
            f"sentinel monitor mymaster {master.host} {master.port} {self.sentinels // 2 + 1}",
            f"sentinel down-after-milliseconds mymaster {self.down_after}",
            f"sentinel failover-timeout mymaster {self.failover_timeout}",
            *auth,
        ]


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
    for command in plain.commands():
        run(command)


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
    for kind in FIRST:
        for node in plain.nodes(kind):
            with suppress(NotFound):
                client.volumes.get(node.container).remove()
    for network in client.networks.list(filters=mine):
        network.remove()
