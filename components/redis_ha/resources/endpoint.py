"""The endpoint: HAProxy and its agent, for clients that do not ask the Sentinels."""

import pulumi_docker as docker

from redis_ha.plan.endpoint_config import endpoint_files
from redis_ha.plan.topology import FOLDER, Endpoint
from redis_ha.resources.container import Check, Shared, container, mounted
from redis_ha.resources.node import SCRATCH
from redis_ha.resources.node_files import node_files

MEMORY_MB = 288  # 4000 connections with full buffers, and the agent
STOP_SECONDS = 5


def endpoint_container(shared: Shared, endpoint: Endpoint) -> docker.Container:
    """Declare `endpoint` on this host, after all nodes; created is one that has a master to send to.

    It knows where further data nodes would be, so scaling them does not touch it, unless it is beyond the next multiple
    of five. Another number of Sentinels replaces it: a gap of about a second for its clients.
    """
    machine = shared.machines.endpoint_at(endpoint.host)
    files = node_files(machine, "endpoint", endpoint_files(shared.given.now, shared.topology, endpoint))
    return container(
        shared,
        endpoint,
        machine,
        after=shared.rollout.after(endpoint, files.carrier),
        stop_seconds=STOP_SECONDS,
        memory=MEMORY_MB,
        ports=[endpoint.write, endpoint.read],
        check=Check(["redis-ha-health"]),
        former="endpoint",
        volumes=[mounted(FOLDER, files.volume, read_only=True)],
        tmpfs=SCRATCH,
    )
