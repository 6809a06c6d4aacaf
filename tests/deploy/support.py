"""What several deploy tests do."""

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import docker
from docker.models.containers import Container
from docker.models.networks import Network
from docker.models.volumes import Volume

from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack
from drills.target.waiting import until
from drills.watch.load import Failure, Load
from drills.watch.routes import ThroughSentinel
from redis_ha.outputs import Node, Outputs

ENGINES = [os.environ["REDIS_HA_ENGINE"]] if os.environ.get("REDIS_HA_ENGINE") else ["embedded"]
# The real engine too, wherever there is one.
if not os.environ.get("REDIS_HA_ENGINE") and shutil.which("pulumi"):
    ENGINES.append("pulumi")
# Where the tests' own stacks lie: those of each pytest worker (gw0, gw1 ...) apart from the others'.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
NAME = os.environ.get("REDIS_HA_TEST_STACK", "selftest") + ("" if _WORKER == "0" else _WORKER)
_FIRST_SUBNET = 251 - 8 * int(_WORKER)
_FIRST_PORT = 26379 + 200 * int(_WORKER)

_OFFSETS = {"master": 0, "replica": 1, "sentinel": 2, "write": -1, "read": -2, "metrics": -3, "figures": -4}


def place(number: int = 0) -> dict[str, object]:
    """The settings that say where a stack lies: ports and subnet, of the first stack or a further one (1 to 3)."""
    first = _FIRST_PORT + 1000 * number
    return {
        "ports": {name: first + offset for name, offset in _OFFSETS.items()},
        "subnet": f"10.213.{_FIRST_SUBNET + number}.0/24",
    }


def outputs_of(stack: Stack) -> Outputs:
    """A stack's outputs, asked for once as long as its file stays as it is: they follow from it."""
    return _outputs(stack, stack.config_file.read_bytes())


@functools.cache
def _outputs(stack: Stack, _: bytes) -> Outputs:
    return stack.outputs()


def left_over(stack: str) -> list[str]:
    """The names of all containers, networks and volumes that bear a stack's label."""
    return [str(found.attrs.get("Name")) for found in _of(stack)]


def clear(stack: str) -> None:
    """Removes what a run that was cut off has left of a stack: its containers, its volumes, its networks."""
    for found in _of(stack):
        if isinstance(found, Container):
            found.remove(force=True)
        else:
            found.remove()


def _of(stack: str) -> list[Container | Volume | Network]:
    client = docker.from_env(timeout=120)
    mine: dict[str, str | list[str] | bool] = {"label": f"redis-ha.stack={stack}"}
    return [
        *client.containers.list(all=True, filters=mine),
        *client.volumes.list(filters=mine),
        *client.networks.list(filters=mine),
    ]


def certify(stack: Stack) -> dict[str, str]:
    """What `make certs` does; returns the setting, with its private keys."""
    command = [sys.executable, "-m", "redis_ha.tls.dev_certificates", "--stack", stack.name]
    subprocess.run(command, cwd=stack.project_dir, env={**os.environ, **stack.environment}, check=True)
    found: dict[str, str] = json.loads(stack.run("config", "get", "redis-ha:tls"))
    return found


@contextmanager
def consistent(cluster: Cluster, stack: Stack) -> Iterator[None]:
    """The stack with `durability: consistent`, and whole again afterwards, without."""
    try:
        with stack.changed({"durability": "consistent"}):
            stack.up()
            wait_healthy(cluster)
            yield
    finally:
        stack.up()
    wait_healthy(cluster)


@contextmanager
def writing(cluster: Cluster, clients: int = 3, rate: float = 100.0) -> Iterator[Load]:
    """Clients that write by the recommended recipe."""
    with Load(lambda: ThroughSentinel(cluster.outputs), clients, rate) as load:
        yield load


def nothing_lost(cluster: Cluster, *loads: Load) -> None:
    """Every acknowledged write is there."""
    for load in loads:
        assert load.acknowledged > 0
        lost = load.lost(cluster)
        assert not lost, _summary("lost acknowledged writes", lost, load)


def no_errors(load: Load) -> None:
    """No client's code has seen an error."""
    assert not load.failures, _summary("errors", load.failures, load)


def _summary(what: str, found: list[Failure], load: Load) -> str:
    kinds = sorted({f"{f.kind}: {f.text}" for f in found})[:5]
    return f"{len(found)} {what} of {load.acknowledged} writes, such as {kinds}"


def longest(load: Load, since: float) -> float:
    """The longest time that a client could not write, in seconds."""
    return max(load.outages(since))


def same_data(cluster: Cluster, timeout: float = 20.0) -> None:
    """All data nodes hold the same data and are at the same offset; only without clients that write."""

    def offsets() -> set[int]:
        return {role.offset if role else -1 for role in cluster.roles().values()}

    until(lambda: len(offsets()) == 1, "all nodes at one offset", timeout, because=lambda: str(offsets()))
    sizes = {n.name: int(cluster.client(n).dbsize()) for n in cluster.nodes}
    assert len(set(sizes.values())) == 1, f"different numbers of keys: {sizes}"


def started_at(cluster: Cluster, kind: str) -> dict[str, tuple[str, str]]:
    """Container id and start time by node name: the same as long as nothing was restarted or replaced."""
    return {
        c.labels["redis-ha.node"]: (str(c.id), str(c.attrs["State"]["StartedAt"])) for c in cluster.containers(kind)
    }


def fill(cluster: Cluster, keys: int = 1000) -> dict[str, str]:
    """Some data of known content."""
    content = {f"data:{i}": f"value {i}" for i in range(keys)}
    master = cluster.client(cluster.master())
    master.mset(content)
    assert int(master.execute_command("WAIT", len(cluster.nodes) - 1, 5000)) == len(cluster.nodes) - 1
    return content


def holds(cluster: Cluster, node: Node, content: dict[str, str]) -> bool:
    """Whether a node has all of the content."""
    return list(cluster.client(node).mget(list(content))) == list(content.values())
