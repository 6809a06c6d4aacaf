"""What the wrapper costs: the master's throughput and latency beside a bare redis-server of the same image.

redis-benchmark runs in a container of the same image with host networking. While one server is measured, the containers
of all others are frozen, so that their health checks and timers cost it nothing. The server of the host is that of the
image, unpacked and started in a chroot: the same binary without any container.
"""

import csv
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from docker.errors import APIError
from docker.models.containers import Container
from redis.exceptions import RedisError

from drills import clients
from drills.bench.options import Options, Part, image_of
from drills.bench.results import Sheet
from drills.cluster import Cluster
from drills.faults.base import all_at_once
from drills.health import wait_healthy
from drills.plain import run
from drills.waiting import until
from redis_ha.outputs import Node

RUNS = 10
CLIENTS = 50
# Command, commands in one pipeline, requests: each takes one to two seconds on a small machine.
TESTS = (("SET", 1, 60_000), ("GET", 1, 60_000), ("SET", 16, 400_000), ("GET", 16, 400_000))


@dataclass(frozen=True)
class Server:
    """A server that is measured, and its containers (none on the host)."""

    name: str
    node: Node
    password: str | None
    containers: Sequence[Container]
    against: str | None = None


def throughput(options: Options, sheet: Sheet) -> None:
    """Each test on each server, in turn."""
    runs = options.runs or RUNS
    alone = {"replicas": 0, "sentinels": 1}
    with ExitStack() as stack:
        options.say("throughput: bringing up the servers")
        ours = stack.enter_context(options.cluster(0, {"network": "host", **alone}))
        bridged = stack.enter_context(options.cluster(1, alone))
        replicated = stack.enter_context(options.cluster(2))
        image, password = image_of(ours), ours.outputs.password
        bare = stack.enter_context(_bare(options, 3, image, password, "host"))
        bare_bridged = stack.enter_context(_bare(options, 4, image, password, "bridge"))
        plain = stack.enter_context(options.running(5, image, password=password))
        servers = [
            _server("bare redis-server, host network", bare),
            _server("ours, host network", ours, "bare redis-server, host network"),
            _server("bare redis-server, bridge", bare_bridged, "bare redis-server, host network"),
            _server("ours, bridge", bridged, "bare redis-server, bridge"),
            _server("plain, 2 replicas, bridge", plain, "bare redis-server, bridge"),
            _server("ours, 2 replicas, bridge", replicated, "plain, 2 replicas, bridge"),
        ]
        if os.geteuid() == 0:
            node = stack.enter_context(_on_host(image, options.port + 2399, password))
            servers.append(Server("redis-server on the host", node, password, [], servers[0].name))
        else:
            sheet.remark("redis-server on the host: not measured, since a chroot needs root")
        generator = stack.enter_context(_generator(options, image))
        measure(options, sheet, servers, generator, runs)
        for cluster in (ours, bridged, replicated, plain):
            wait_healthy(cluster, 60)


def measure(options: Options, sheet: Sheet, servers: Sequence[Server], generator: str, runs: int) -> None:
    """All servers frozen, and one after the other thawed for its turn."""
    for server in servers:
        _freeze(server)
    try:
        for i in range(runs):
            for command, pipeline, requests in TESTS:
                options.say(f"throughput: {command}, {pipeline} in a pipeline ({i + 1}/{runs})")
                # Each is the first in its turn: the one after a change of test would always be at a disadvantage.
                turn = i % len(servers)
                for server in (*servers[turn:], *servers[:turn]):
                    _thaw(server)
                    try:
                        found = benchmark(generator, server, command, pipeline, requests)
                    finally:
                        _freeze(server)
                    _note(sheet, server, f"{command}, pipeline {pipeline}", found)
    finally:
        for server in servers:
            _thaw(server)


def _note(sheet: Sheet, server: Server, test: str, found: dict[str, str]) -> None:
    against = server.against and f"{test}: {server.against}"
    sheet.row(f"{test}: {server.name}", "1/s", against).values.append(float(found["rps"]))
    for share in ("p50", "p99"):
        row = sheet.row(f"{test}: {server.name}, {share}", "us", against and f"{against}, {share}")
        row.values.append(float(found[f"{share}_latency_ms"]) / 1000)


def benchmark(generator: str, server: Server, command: str, pipeline: int, requests: int) -> dict[str, str]:
    """One run of redis-benchmark: what its CSV says."""
    words = ["redis-benchmark", "-h", server.node.host, "-p", str(server.node.port), "-c", str(CLIENTS), "--csv"]
    words += ["-t", command.lower(), "-n", str(requests), "-P", str(pipeline), "-d", "64", "-r", "100000"]
    words += ["-a", server.password] if server.password else []
    return next(csv.DictReader(run(["docker", "exec", generator, *words]).splitlines()))


def _server(name: str, cluster: Cluster, against: str | None = None) -> Server:
    return Server(name, cluster.master(), cluster.outputs.password, cluster.containers(), against)


def _freeze(server: Server) -> None:
    all_at_once(server.containers, _pause)


def _pause(container: Container) -> None:
    """On a machine with too much to do, the kernel may not manage to; what idles unfrozen costs the others little."""
    for _ in range(3):
        with suppress(APIError):
            container.pause()
            return


def _thaw(server: Server) -> None:
    """The data nodes first: a Sentinel that finds nobody would have a failure to see to."""
    nodes = [c for c in server.containers if c.labels["redis-ha.kind"] == "redis"]
    for group in (nodes, [c for c in server.containers if c not in nodes]):
        all_at_once(group, _unpause)
    _answers(server.node, server.password)


def _unpause(container: Container) -> None:
    container.reload()
    if container.status == "paused":
        container.unpause()


def _answers(node: Node, password: str | None) -> None:
    client = clients.direct(node.address, password)

    def asked() -> bool:
        try:
            return bool(client.ping())
        except (RedisError, OSError):
            return False

    until(asked, f"{node.name} to answer", 10)
    client.close()


def _bare(
    options: Options, number: int, image: str, password: str | None, network: Literal["host", "bridge"]
) -> AbstractContextManager[Cluster]:
    """One redis-server in a container, without replicas and Sentinels."""
    alone: dict[str, Any] = {"replicas": 0, "sentinels": 0, "port": options.port + 2398}
    return options.running(number, image, password=password, network=network, **alone)


@contextmanager
def _generator(options: Options, image: str) -> Iterator[str]:
    """A container that redis-benchmark is run in."""
    name = f"redis-ha-{options.name}-generator"
    subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False)
    run(
        [
            "docker",
            "run",
            "-d",
            "--name",
            name,
            "--network=host",
            "--no-healthcheck",
            "--entrypoint=sleep",
            image,
            "86400",
        ]
    )
    try:
        yield name
    finally:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False)


@contextmanager
def _on_host(image: str, port: int, password: str | None) -> Iterator[Node]:
    """The image's redis-server as a process of this machine."""
    with tempfile.TemporaryDirectory(prefix="redis-ha-bench-") as folder:
        root, name = Path(folder), run(["docker", "create", image]).strip()
        try:
            with subprocess.Popen(["docker", "export", name], stdout=subprocess.PIPE) as export:
                subprocess.run(["tar", "-x", "-C", folder], stdin=export.stdout, check=True)
        finally:
            run(["docker", "rm", "-v", name])
        lines = [f"port {port}", "bind 127.0.0.1", "appendonly yes", 'save ""', "dir /data", 'logfile "/data/log"']
        lines += [f'requirepass "{password}"'] if password else []
        (root / "data" / "node.conf").write_text("\n".join(lines) + "\n")
        # Without this machine's environment: it may name a locale that the image does not have.
        path = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin"}
        server = subprocess.Popen(["chroot", folder, "redis-server", "/data/node.conf"], env=path)
        try:
            node = Node("redis-0", "127.0.0.1", port, "")
            _answers(node, password)
            yield node
        finally:
            server.terminate()
            server.wait(30)


THROUGHPUT = Part("throughput", "Throughput and latency of the master", throughput)
