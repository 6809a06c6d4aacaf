"""The program's look at the Swarm: whether it is one, and its nodes are those of the settings."""

from collections.abc import Sequence
from typing import Any

import pulumi

from redis_ha.docker.clients import docker_client
from redis_ha.settings.hosts import Host


def check_swarm(hosts: Sequence[Host]) -> None:
    """See that a manager is reached, and that every node of the Swarm is one of `hosts`, and the other way round.

    Raises pulumi.RunError saying what differs, and what to do.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        client = docker_client()
        manages = client.info()["Swarm"]["ControlAvailable"]
        nodes: list[dict[str, Any]] = client.api.nodes() if manages else []
    except (DockerException, RequestException) as error:
        raise pulumi.RunError(f"swarm: Docker cannot be reached: {error}. Is the daemon running?") from None
    if not manages:
        raise pulumi.RunError(
            "swarm: the Docker that is reached manages no Swarm. Run `docker swarm init` there, or name a manager by "
            "DOCKER_HOST or the current Docker context"
        )
    problems = differences(hosts, nodes)
    if problems:
        raise pulumi.RunError("\n".join(problems))


def differences(hosts: Sequence[Host], nodes: Sequence[dict[str, Any]]) -> list[str]:
    """What differs between the setting and the Swarm's nodes, as Docker lists them."""
    names = {node["Description"]["Hostname"] for node in nodes}
    known = {host.name for host in hosts}
    active = {node["Description"]["Hostname"] for node in nodes if node["Spec"]["Availability"] == "active"}
    problems = [
        f"hosts: {host.name}: no node of the Swarm has this hostname; there are {', '.join(sorted(names))}"
        for host in hosts
        if not host.drain and host.name not in names
    ]
    # Swarm would try to replace a node of a lost host there, where it has no place.
    problems += [
        f"hosts: {name} is missing, a node of the Swarm that may get tasks; add it, with drain: true to keep it free"
        for name in sorted(active - known)
    ]
    return problems
