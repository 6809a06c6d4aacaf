"""Waiting until a Swarm service has become what it was declared to be: `up` returns when the cluster is formed.

A task counts as running for Swarm when its health check says that it has joined. Only a manager is asked.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pulumi
import pulumi_docker as docker

from redis_ha.docker.aside import aside
from redis_ha.docker.clients import docker_client
from redis_ha.docker.joining import JOIN_TIMEOUT_SECONDS, LOG_LINES, NotJoinedError

if TYPE_CHECKING:
    from docker.api import APIClient

POLL_SECONDS = 0.25
LOG_SECONDS = 10
EXCLUDED = "node.hostname!="  # a placement constraint
ENDED = ("failed", "rejected", "complete", "shutdown", "orphaned", "remove")


@dataclass(frozen=True)
class Progress:
    """How far a service is: `wanted` tasks of its newest specification, of which `running` have joined."""

    wanted: int
    running: int
    waiting: str
    """What the others are at; empty when there is nothing to wait for."""
    stuck: str = ""
    """Why Swarm has given up; empty as long as it has not."""
    tasks: tuple[str, ...] = ()
    """The ids of those whose log may say more: the last one that ended, one that has not joined."""
    absent: int = 0
    """Nodes without a host that is up."""


def is_there(service: str) -> bool:
    """Whether the Swarm has this service. True in a preview, which asks nothing, and where Docker cannot be asked."""
    from docker.errors import DockerException, NotFound
    from requests.exceptions import RequestException

    if pulumi.runtime.is_dry_run():
        return True
    try:
        docker_client().api.inspect_service(service)  # type: ignore[no-untyped-call]
    except NotFound:
        return False
    except (DockerException, RequestException):
        return True
    return True


def until_joined(service: str, waited_for: Sequence[str]) -> pulumi.ResourceHookBinding:
    """The hook by which `service` counts as created, or changed: when all nodes of those `waited_for` have joined."""

    async def wait(_: pulumi.ResourceHookArgs) -> None:
        for one in waited_for:
            await aside(_wait_until_joined, one)

    hook = pulumi.ResourceHook(f"{service}-joined", wait)
    return pulumi.ResourceHookBinding(after_create=[hook], after_update=[hook])


def after(previous: docker.Service | None, waited_for: Sequence[str]) -> pulumi.Input[Sequence[pulumi.Resource]]:
    """The resources to depend on: the service before, once the nodes of those `waited_for` have joined.

    Where an earlier run stopped at it, it is unchanged now and no hook runs: hence the look at every run.
    """
    if previous is None:
        return []
    if pulumi.runtime.is_dry_run():
        return [previous]

    async def wait() -> Sequence[pulumi.Resource]:
        await previous.id.future()
        for one in waited_for:
            await aside(_wait_until_joined, one)
        return [previous]

    return cast(pulumi.Input[Sequence[pulumi.Resource]], asyncio.ensure_future(wait()))


def _wait_until_joined(name: str) -> None:
    """Raises NotJoinedError when Swarm gives up, or nothing has changed for JOIN_TIMEOUT_SECONDS."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        api = docker_client().api
        last, deadline = -1, 0.0
        while True:
            progress = _progress(api, name)
            if not progress.waiting:
                if progress.absent:
                    pulumi.log.warn(f"service {name}: {progress.absent} of its nodes have no host that is up")
                return
            if progress.running != last:
                last, deadline = progress.running, time.monotonic() + JOIN_TIMEOUT_SECONDS
            if progress.stuck or time.monotonic() > deadline:
                log = _log(api, name, progress.tasks)
                break
            time.sleep(POLL_SECONDS)
    except (DockerException, RequestException) as error:
        raise NotJoinedError(f"service {name} has not joined: {error}") from None
    raise NotJoinedError(
        f"service {name}: {progress.running} of {progress.wanted} nodes have joined. "
        f"{progress.stuck or progress.waiting}. "
        f"The roll-out stops here; the others keep serving. Last log lines:\n{log}"
    )


def _progress(api: "APIClient", name: str) -> Progress:
    service: dict[str, Any] = api.inspect_service(name)  # type: ignore[no-untyped-call]
    tasks: list[dict[str, Any]] = api.tasks(filters={"service": name})  # type: ignore[no-untyped-call]
    return progress_of(service, tasks, usable(service, api.nodes()))


def usable(service: dict[str, Any], nodes: list[dict[str, Any]]) -> dict[str, str]:
    """The names, by id, of the Swarm's nodes that are up and may have tasks of the service."""
    excluded = service["Spec"]["TaskTemplate"].get("Placement", {}).get("Constraints") or []
    return {
        node["ID"]: node["Description"]["Hostname"]
        for node in nodes
        if node["Status"]["State"] == "ready"
        and node["Spec"]["Availability"] == "active"
        and EXCLUDED + node["Description"]["Hostname"] not in excluded
    }


def progress_of(service: dict[str, Any], tasks: list[dict[str, Any]], hosts: dict[str, str]) -> Progress:
    """How far a service is, of what Docker says. `hosts`: the `usable` ones.

    A node of a host that is down is not waited for: Swarm starts it when the host is back.
    """
    current = [task for task in tasks if task["DesiredState"] in ("running", "ready")]
    # Without a place it waits for a host to come back.
    seated = [task for task in current if task.get("NodeID") in hosts]
    new = [task for task in seated if _same(task["Spec"], service["Spec"]["TaskTemplate"])]
    running = [task for task in new if task["Status"]["State"] == "running"]
    replicas: int = service["Spec"]["Mode"]["Replicated"]["Replicas"]
    wanted = min(replicas, len(hosts))
    update = service.get("UpdateStatus") or {}
    if len(running) >= wanted and update.get("State") not in ("updating", "paused"):
        return Progress(wanted, len(running), "", absent=replicas - wanted)
    behind = next((task for task in new if task not in running), None)
    where = hosts[behind["NodeID"]] if behind else ""
    state = behind["Status"].get("Err") or behind["Status"]["State"] if behind else ""
    ended = [task for task in tasks if task["Status"]["State"] in ENDED and task["Status"].get("Err")]
    error = max(ended, key=lambda task: str(task["Status"]["Timestamp"]), default=None)
    last = f"; the last one that ended: {error['Status']['Err']}" if error else ""
    waiting = f"The one on {where} is {state}{last}" if behind else f"Swarm has not started the others{last}"
    paused = f"Swarm says: {update.get('Message')}{last}; to try again: docker service update {service['Spec']['Name']}"
    stuck = paused if update.get("State") == "paused" else ""
    homeless = any("no suitable node" in task["Status"].get("Err", "") for task in current)
    if wanted < replicas and homeless and update.get("State") == "updating":
        stuck = "A host is down, and Swarm's update waits for it: bring it back, or drain it, with fewer replicas"
    return Progress(wanted, len(running), waiting, stuck, tuple(task["ID"] for task in (error, behind) if task))


def _same(task: dict[str, Any], template: dict[str, Any]) -> bool:
    """Whether a task is of the newest specification. Swarm leaves it alone where only its place has changed."""

    def essence(spec: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in spec.items() if key not in ("Placement", "Runtime")}

    return essence(task) == essence(template)


def _log(api: "APIClient", name: str, tasks: Sequence[str]) -> str:
    """The last lines of the first task that has logged any. Docker hands over those of all, each after its id."""
    from requests.exceptions import RequestException

    if not tasks:
        return ""
    api.timeout = LOG_SECONDS  # Docker waits for the logs of hosts that are down, too
    try:
        chunks = api.service_logs(name, details=True, stdout=True, stderr=True, tail=str(LOG_LINES))
    except RequestException:
        return "(Docker does not hand them over)"
    lines = b"".join(chunks).decode(errors="replace").splitlines()
    found = ([line.partition(" ")[2] for line in lines if task in line.partition(" ")[0]] for task in tasks)
    return "\n".join(next(filter(None, found), []))
