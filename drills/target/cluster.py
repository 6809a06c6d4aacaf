"""A deployed cluster as it is right now: its containers (by label), roles (by asking) and health."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import docker
from docker.models.containers import Container
from redis.exceptions import RedisError, ResponseError

from drills.target import clients
from drills.target.daemons import Daemon
from drills.target.errors import DrillError
from drills.target.waiting import until
from redis_ha.outputs import Address, Node, Outputs
from redis_ha.plan import labels
from redis_ha.plan.identity import OWN, Identity


@dataclass(frozen=True)
class Role:
    """What a data node says of itself. `master` and `linked` are of a replica only."""

    name: str
    offset: int
    master: Address | None = None
    linked: bool = False

    def __str__(self) -> str:
        if self.master is None:
            return self.name
        link = "linked" if self.linked else "not linked"
        return f"{self.name} of {self.master[0]}:{self.master[1]}, {link}"


class Cluster:
    """One stack's nodes and Sentinels. Never remembers who is master: it asks."""

    def __init__(self, outputs: Outputs) -> None:
        self.outputs = outputs
        self._probes: dict[Address, Any] = {}

    @cached_property
    def daemons(self) -> tuple[Daemon, ...]:
        """The Docker daemons that its containers are on."""
        return tuple(Daemon(host) for host in self.outputs.hosts) or (Daemon(),)

    @property
    def docker(self) -> docker.DockerClient:
        """The Docker of the first host, or of the environment. Raises DrillError when it does not answer."""
        return self.daemons[0].client()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The data nodes."""
        return self.outputs.nodes

    @cached_property
    def _prefix(self) -> str:
        """What the names of its containers begin with, but for the last hyphen; in a Swarm those of its services."""
        first = self.nodes[0]
        return first.container.removesuffix(f"-{first.name}" if first.container.endswith(first.name) else "-redis")

    def owns(self, found: Mapping[str, str], container: str) -> bool:
        """Whether a container of these labels and that name is this cluster's: others may have a stack of the name."""
        if labels.PROJECT not in found:
            return container.startswith(f"{self._prefix}-")
        return Identity(found[labels.PROJECT], found[labels.STACK], found.get(labels.NAME, OWN)).prefix == self._prefix

    @cached_property
    def sentinels(self) -> tuple[Node, ...]:
        """The Sentinels. They are known by their numbers: a Docker that does not answer cannot be asked for them."""
        hosts = self.outputs.sentinel_hosts or (None,) * len(self.outputs.sentinels)
        return tuple(
            Node(f"sentinel-{i}", *address, f"{self._prefix}-sentinel-{i}", host)
            for i, (address, host) in enumerate(zip(self.outputs.sentinels, hosts, strict=True))
        )

    def containers(self, kind: str | None = None) -> list[Container]:
        """The stack's containers, stopped ones too; `kind` is redis or sentinel.

        Those of a host that does not answer are left out; without any answer DrillError is raised.
        """
        found = self._listed(kind)
        answers = [answer for answer in found if not isinstance(answer, DrillError)]
        if not answers and isinstance(found[0], DrillError):
            raise found[0]
        return [container for answer in answers for container in answer]

    def unreachable(self) -> list[str]:
        """The hosts whose Docker does not answer."""
        found = zip(self.daemons, self._listed(), strict=True)
        return [daemon.host.name for daemon, answer in found if daemon.host and isinstance(answer, DrillError)]

    def _listed(self, kind: str | None = None, machine: str | None = None) -> list[list[Container] | DrillError]:
        """What each daemon has (or that of one host), or why it has not answered; all are asked at the same time."""
        asked = [daemon for daemon in self.daemons if machine in (None, daemon.host and daemon.host.name)]
        kinds = (kind,) if kind else ("redis", "sentinel")

        def ask(daemon: Daemon) -> list[Container] | DrillError:
            try:
                found = daemon.containers([f"{labels.STACK}={self.outputs.stack}"])
            except DrillError as error:
                return error
            return [c for c in found if c.labels.get(labels.KIND) in kinds and self.owns(c.labels, str(c.name))]

        with ThreadPoolExecutor(len(asked)) as pool:
            return list(pool.map(ask, asked))

    def container(self, node: Node | str) -> Container:
        """The container of a node, or of the "endpoint", by label.

        Raises DrillError when there is none, or its host does not answer.
        """
        name = node if isinstance(node, str) else node.name
        machine = self.machine(name)
        for answer in self._listed("endpoint" if name == "endpoint" else None, machine):
            if isinstance(answer, DrillError):
                raise answer
            for found in answer:
                if found.labels.get("redis-ha.node") == name:
                    return found
        where = f" on host {machine}" if machine else ""
        raise DrillError(f"stack {self.outputs.stack} has no container of node {name}{where}")

    def machine(self, name: str) -> str | None:
        """The host that a node or Sentinel is on; None on one machine."""
        if not self.outputs.hosts:
            return None
        return next((n.host_name for n in (*self.nodes, *self.sentinels) if n.name == name), None)

    def probe(self, node: Node) -> Any:
        """A client of that one node, for questions; fails within half a second."""
        if node.address not in self._probes:
            self._probes[node.address] = clients.direct(node.address, self.outputs.password, 0.5, self.outputs.tls)
        return self._probes[node.address]

    def client(self, node: Node) -> Any:
        """A client of that one node, for what must be answered, on a busy machine too."""
        return clients.direct(node.address, self.outputs.password, tls=self.outputs.tls)

    def fail_over(self) -> None:
        """Ask a Sentinel for a failover although the master is well.

        Again, where it has no replica to promote: of one that has just started it knows the priority by its next INFO.
        """
        outputs, sentinel = self.outputs, self.sentinels[0]
        user = "operator" if outputs.operator_password else None
        password = outputs.operator_password or outputs.password
        client = clients.direct(sentinel.address, password, tls=outputs.tls, username=user)

        def taken() -> bool:
            try:
                client.execute_command("SENTINEL", "FAILOVER", outputs.master_name)
            except ResponseError as error:
                if "NOGOODSLAVE" not in str(error):
                    raise
                return False
            return True

        until(taken, "a replica that a Sentinel may promote")

    def role(self, node: Node) -> Role | None:
        """What the node says it is; None when it does not answer."""
        try:
            answer = self.probe(node).execute_command("ROLE")
        except (RedisError, OSError):
            return None
        if answer[0] == "master":
            return Role("master", int(answer[1]))
        return Role("replica", int(answer[4]), (str(answer[1]), int(answer[2])), answer[3] == "connected")

    def roles(self) -> dict[Node, Role | None]:
        """The roles of all data nodes, asked at the same time."""
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            return dict(zip(self.nodes, pool.map(self.role, self.nodes), strict=True))

    def by_address(self, address: Address) -> Node | None:
        """The data node that announces this address, if one does."""
        return next((n for n in self.nodes if n.address == address), None)

    def announced(self, sentinel: Node) -> Address | None:
        """The master's address as one Sentinel tells it to clients; None when the Sentinel does not answer."""
        try:
            answer = self.probe(sentinel).execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", self.outputs.master_name)
        except (RedisError, OSError):
            return None
        return (str(answer[0]), int(answer[1])) if answer else None

    def master(self, timeout: float = 10.0) -> Node:
        """The one master: the node that the Sentinels announce and that says so itself. Raises WaitTimeoutError."""
        return until(self._agreed_master, "a master on which the Sentinels and the node agree", timeout)

    def _agreed_master(self) -> Node | None:
        for sentinel in self.sentinels:
            address = self.announced(sentinel)
            node = self.by_address(address) if address else None
            if node is not None:
                role = self.role(node)
                if role is not None and role.name == "master":
                    return node
        # Without any Sentinel the nodes alone know.
        masters = [n for n, role in self.roles().items() if role is not None and role.name == "master"]
        return masters[0] if len(masters) == 1 else None

    def replicas(self) -> list[Node]:
        """The data nodes that are not the master."""
        master = self.master()
        return [n for n in self.nodes if n != master]
