"""One look at a stack: Docker, the agents' state files, and what nodes and Sentinels answer."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from bootstrap.wrapper import stack_file
from ops.ask import all_at_once
from ops.stack import OpsError, daemons, file_of, identity, outputs
from ops.status import answers, certificates
from ops.status.facts import Backup, Data, Facts, Node, Said, Watch
from redis_ha.docker.clients import CONNECT_SECONDS
from redis_ha.docker.daemon import Container, Daemon, DaemonError
from redis_ha.outputs import Outputs

ANSWER_SECONDS = 2.0
"""For a node."""
DOCKER_SECONDS = 15
"""For all that Docker is asked at one host: each look at a state file starts a process there."""
STATE = ("/run/redis-ha/state.json", "/proc/uptime")
"""Of a line each."""
NOT_RUNNING = ("created", "exited", "dead", "paused")
"""Docker's words for what cannot answer: it is not waited for."""
BACKUP_STATE = ("/data/state.json",)
LINGERING = 'cat "$@"; code=$?; sleep 0.1; exit $code'
"""Docker may lose what a command of a few milliseconds has said, on a busy machine: then one that takes longer."""
KINDS = ("redis", "sentinel", "endpoint", "backup")
BESIDE = ("endpoint", "backup")


class Lookout:
    """Looks at a stack again and again; how it is reached is found out once."""

    def __init__(self, stack: str) -> None:
        """Raises OpsError when it cannot be found out where its Docker is."""
        self.stack = stack
        self._daemons = daemons(stack, CONNECT_SECONDS)
        self._outputs: Outputs | None = None
        self._no_outputs: str | None = None
        self._named: set[str] = set()
        self._backs_up = "backup" in stack_file.settings(stack_file.load(file_of(stack)))

    def look(self) -> Facts:
        """What is there now."""
        answered = all_at_once({daemon: partial(self._containers, daemon) for daemon in self._daemons}, DOCKER_SECONDS)
        silent = {
            daemon.host.name if daemon.host else "": str(answer)
            for daemon, answer in answered.items()
            if isinstance(answer, Exception)
        }
        found = {daemon: one for daemon, one in answered.items() if not isinstance(one, Exception)}
        there = [one for each in found.values() for one in each]
        self._read_outputs({one.node for one in there})
        swarm = any(one.machine for one in there)
        declared = list(self._declared())
        nodes = declared if swarm else [*declared, *_strangers(declared, found)]
        if self._backs_up and not any(node.kind == "backup" for node in nodes):
            nodes.append(Node("backup", "backup", None))  # it is to be there: the outputs say nothing of it
        nodes = [_with_container(node, found) for node in nodes]
        nodes = self._with_states(nodes)
        certs = certificates.of(self._outputs, nodes, ANSWER_SECONDS) if self._outputs else ()
        return Facts(self.stack, tuple(self._with_answers(nodes)), certs, silent, self._no_outputs, swarm)

    def _containers(self, daemon: Daemon) -> list[Container]:
        of = identity(self.stack)
        return daemon.tasks(of) or [one for one in daemon.containers(of) if one.kind in KINDS]

    def _read_outputs(self, named: set[str]) -> None:
        """Again when other nodes are there than before: they follow from what is deployed. Else the last ones hold."""
        if named == self._named and self._outputs is not None:
            return
        self._named = named
        try:
            self._outputs, self._no_outputs = outputs(self.stack), None
        except OpsError as error:
            self._no_outputs = None if self._outputs else str(error)

    def _declared(self) -> Iterable[Node]:
        if self._outputs is None:
            return
        for node in self._outputs.nodes:
            yield Node(node.name, "redis", node.address, node.host_name)
        hosts: list[str | None] = [*self._outputs.sentinel_hosts] or [None] * len(self._outputs.sentinels)
        for number, (address, host) in enumerate(zip(self._outputs.sentinels, hosts, strict=True)):
            yield Node(f"sentinel-{number}", "sentinel", address, host)
        if self._outputs.write and not self._outputs.hosts:
            yield Node("endpoint", "endpoint", self._outputs.write)

    def _with_states(self, nodes: list[Node]) -> list[Node]:
        by_host = {daemon.host.name if daemon.host else None: daemon for daemon in self._daemons}
        questions: dict[str, Callable[[], Said | Backup | None]] = {
            node.name: partial(_backup if node.kind == "backup" else _state, by_host[node.host], node.container)
            for node in nodes
            if node.container and node.container.status == "running" and not node.container.machine
            if node.host in by_host and node.kind != "endpoint"
        }
        said = all_at_once(questions, DOCKER_SECONDS)
        found = {name: one for name, one in said.items() if isinstance(one, Said)}
        backups = {name: one for name, one in said.items() if isinstance(one, Backup)}
        return [replace(node, said=found.get(node.name), backup=backups.get(node.name)) for node in nodes]

    def _with_answers(self, nodes: list[Node]) -> list[Node]:
        if self._outputs is None:
            return nodes
        questions: dict[str, Callable[[], Data | Watch]] = {}
        for node in nodes:
            ended = node.container is not None and node.container.status in NOT_RUNNING
            if node.address is not None and node.kind not in BESIDE and not ended:
                ask = answers.data if node.kind == "redis" else answers.watch
                questions[node.name] = partial(ask, node.address, self._outputs, ANSWER_SECONDS)
        found = all_at_once(questions, 3 * ANSWER_SECONDS)
        return [_with_answer(node, found.get(node.name)) for node in nodes]


def _strangers(declared: list[Node], found: dict[Daemon, list[Container]]) -> Iterable[Node]:
    """Containers that are not among the outputs: endpoints, and nodes of an `up` that has not got to its end."""
    known = {node.name for node in declared}
    for daemon, there in found.items():
        host = daemon.host.name if daemon.host else None
        yield from (Node(one.node, one.kind, None, host) for one in there if one.node not in known)


def _with_container(node: Node, found: dict[Daemon, list[Container]]) -> Node:
    for daemon, there in found.items():
        for one in there:
            here = daemon.host is None or node.host in (None, daemon.host.name)
            if one.machine is not None:  # a task: known by the host that it runs on
                here, one_is = node.host == one.machine, one.kind == node.kind
            else:
                one_is = one.node == node.name
            if here and one_is:
                return replace(node, container=one)
    return node


def _lines(daemon: Daemon, container: Container, *files: str) -> list[str] | None:
    """The line of each of these files in a container; None where they cannot be read. Raises DaemonError."""
    lingering = ("sh", "-c", LINGERING, "sh", *files)
    for command in (("cat", *files), lingering, lingering):
        code, text = daemon.run(container.name, *command)
        lines = text.splitlines()
        if code == 0 and len(lines) >= len(files):
            return lines
    return None


def _state(daemon: Daemon, container: Container) -> Said | None:
    """What its agent says; None where it has not said anything. Raises DaemonError."""
    lines = _lines(daemon, container, *STATE)
    if lines is None:
        return None
    try:
        told: dict[str, Any] = json.loads(lines[0])
        return Said(
            role=str(told.get("role", "unknown")),
            joined=bool(told["joined"]),
            why=str(told["why"]),
            age=float(lines[1].split()[0]) - float(told["at"]),
            master=told.get("master"),
            epoch=told.get("epoch"),
            paused=tuple(told.get("paused", ())),
            storing=told.get("storing") is not False,
            missing=tuple(told.get("missing", ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DaemonError(f"{container.name}: its state file cannot be read: {error!r}") from None


def _backup(daemon: Daemon, container: Container) -> Backup | None:
    """What its last attempts have come to; None where it has not said anything. Raises DaemonError."""
    lines = _lines(daemon, container, *BACKUP_STATE)
    if lines is None:
        return None
    try:
        told: dict[str, Any] = json.loads(lines[0])
        age = time.time() - float(told["at"]) if "at" in told else None
        return Backup(age, float(told["every"]), int(told.get("keys", 0)), str(told.get("id", "")), told.get("why"))
    except (KeyError, TypeError, ValueError) as error:
        raise DaemonError(f"{container.name}: its state cannot be read: {error!r}") from None


def _with_answer(node: Node, answer: Data | Watch | Exception | None) -> Node:
    if isinstance(answer, Data):
        return replace(node, data=answer)
    if isinstance(answer, Watch):
        return replace(node, watch=answer)
    return node if answer is None else replace(node, silence=" ".join(str(answer).split()))
