"""What the wrapper costs: the master's throughput and latency beside a bare redis-server of the same image.

redis-benchmark runs in a container of the same image with host networking. While one server is measured, the containers
of all others are frozen, so that their health checks and timers cost it nothing.
"""

import csv
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from docker.errors import APIError
from docker.models.containers import Container

from drills.bench.options import Options, Part, image_of
from drills.bench.results import Sheet
from drills.faults.base import all_at_once, revive
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.plain import run
from drills.target.waiting import until

RUNS = 10
CLIENTS = 50
# Command, commands in one pipeline, requests: each takes one to two seconds on a small machine.
TESTS = (("SET", 1, 60_000), ("GET", 1, 60_000), ("SET", 16, 400_000), ("GET", 16, 400_000))


@dataclass(frozen=True)
class Server:
    """A server that is measured: the first node of a cluster."""

    name: str
    cluster: Cluster
    against: str | None = None

    @cached_property
    def containers(self) -> Sequence[Container]:
        """All of its cluster."""
        return self.cluster.containers()


def throughput(options: Options, sheet: Sheet) -> None:
    """Each test on each server, in turn."""
    alone = {"replicas": 0, "sentinels": 1}
    with ExitStack() as stack:
        options.say("throughput: bringing up the servers")
        ours = stack.enter_context(options.cluster(0, {"network": "host", **alone}))
        bridged = stack.enter_context(options.cluster(1, alone))
        replicated = stack.enter_context(options.cluster(2))
        image, password = image_of(ours), ours.outputs.password
        one: dict[str, Any] = {"replicas": 0, "sentinels": 0, "password": password}
        bare = stack.enter_context(options.running(3, image, network="host", port=options.port + 2398, **one))
        bare_bridged = stack.enter_context(options.running(4, image, **one))
        plain = stack.enter_context(options.running(5, image, password=password))
        servers = [
            Server("bare redis-server, host network", bare),
            Server("ours, host network", ours, "bare redis-server, host network"),
            Server("bare redis-server, bridge", bare_bridged, "bare redis-server, host network"),
            Server("ours, bridge", bridged, "bare redis-server, bridge"),
            Server("plain, 2 replicas, bridge", plain, "bare redis-server, bridge"),
            Server("ours, 2 replicas, bridge", replicated, "plain, 2 replicas, bridge"),
        ]
        measure(options, sheet, servers, image, options.runs or RUNS)
        for cluster in (ours, bridged, replicated, plain):
            wait_healthy(cluster, 60)


def measure(options: Options, sheet: Sheet, servers: Sequence[Server], image: str, runs: int) -> None:
    """All servers frozen, and one after the other thawed for its turn; `image` has redis-benchmark."""
    for server in servers:
        all_at_once(server.containers, _pause)
    try:
        for i in range(runs):
            for command, pipeline, requests in TESTS:
                options.say(f"throughput: {command}, {pipeline} in a pipeline ({i + 1}/{runs})")
                # Each is the first in its turn: the one after a change of test would always be at a disadvantage.
                turn = i % len(servers)
                for server in (*servers[turn:], *servers[:turn]):
                    _thaw(server)
                    try:
                        found = benchmark(image, server, command, pipeline, requests)
                    finally:
                        all_at_once(server.containers, _pause)
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


def benchmark(image: str, server: Server, command: str, pipeline: int, requests: int) -> dict[str, str]:
    """One run of redis-benchmark: what its CSV says."""
    node, password = server.cluster.nodes[0], server.cluster.outputs.password
    words = f"docker run --rm --network=host --no-healthcheck --entrypoint=redis-benchmark {image}"
    words += f" -h {node.host} -p {node.port} -c {CLIENTS} --csv -d 64 -r 100000"
    words += f" -t {command.lower()} -n {requests} -P {pipeline}"
    login = ["-a", password] if password else []
    return next(csv.DictReader(run([*words.split(), *login]).splitlines()))


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
        all_at_once(group, revive)
    node = server.cluster.nodes[0]
    until(lambda: server.cluster.role(node), f"{server.name} to answer", 10)


THROUGHPUT = Part("throughput", "Throughput and latency of the master", throughput)
