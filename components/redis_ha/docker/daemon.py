"""What a running stack's Docker can be asked for from outside the program, each question with a limit of time."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from redis_ha.docker.clients import connect, reason
from redis_ha.plan import labels
from redis_ha.plan.identity import Identity
from redis_ha.settings.hosts import Host

if TYPE_CHECKING:
    import docker

T = TypeVar("T")
END_SECONDS = 2.0
"""Between the end of a command's output and Docker's knowing that it has ended."""


class DaemonError(Exception):
    """A daemon has not answered, or has refused; the message is its reason in one line."""


@dataclass(frozen=True)
class Container:
    """A container of a stack, or a task of a Swarm's service."""

    node: str
    """The node's name: of a task that of its service, since all its tasks are alike."""
    kind: str
    name: str
    status: str
    """Docker's word: running, exited, paused, restarting; of a task Swarm's."""
    health: str | None = None
    """Docker's own word, where the container has a health check."""
    machine: str | None = None
    """The hostname that a task runs on."""


class Daemon:
    """The Docker of one host, or that of the environment. Connected when it is needed, anew after a failure."""

    def __init__(self, host: Host | None, within: int) -> None:
        """`within`: seconds for each question."""
        self.host = host
        self._within = within
        self._client: docker.DockerClient | None = None

    def containers(self, of: Identity) -> list[Container]:
        """All containers of a cluster, stopped ones too. Raises DaemonError."""
        filters: dict[str, str | list[str] | bool] = {"label": [f"{labels.STACK}={of.stack}", labels.KIND]}
        found = self._ask(lambda api: api.containers(all=True, filters=filters))
        return [_container(one) for one in found if of.owns(one["Labels"], one["Names"][0])]

    def tasks(self, of: Identity) -> list[Container]:
        """The tasks that should run of a cluster's services; none where this is no manager. Raises DaemonError."""
        if not (self._ask(lambda api: api.info()).get("Swarm") or {}).get("ControlAvailable"):
            return []
        filters = {"label": f"{labels.STACK}={of.stack}"}
        listed = [(one["ID"], one["Spec"]) for one in self._ask(lambda api: api.services(filters=filters))]
        services = {service: spec for service, spec in listed if of.owns(spec["Labels"], spec["Name"])}
        if not services:
            return []
        machines = {one["ID"]: one["Description"]["Hostname"] for one in self._ask(lambda api: api.nodes())}
        wanted = {"service": list(services), "desired-state": "running"}
        return [
            Container(
                node=services[task["ServiceID"]]["Name"],
                kind=services[task["ServiceID"]]["Labels"][labels.KIND],
                name=services[task["ServiceID"]]["Name"],
                status=task["Status"]["State"],
                machine=machines.get(task.get("NodeID", "")),
            )
            for task in self._ask(lambda api: api.tasks(filters=wanted))
        ]

    def run(self, container: str, *command: str) -> tuple[int, str]:
        """The exit code and the output of a command in a container. Raises DaemonError."""

        def answer(api: Any) -> tuple[int, str]:
            made = api.exec_create(container, list(command))
            output = api.exec_start(made["Id"])
            return _exit_code(api, made["Id"]), output.decode(errors="replace")

        return self._ask(answer)

    def follow(
        self, container: str, *command: str, environment: Mapping[str, str] | None = None
    ) -> Iterator[str | int]:
        """The output of a command in a container as it comes, and then its exit code. Raises DaemonError.

        Other than the command's words its environment is neither in Docker's events nor in the list of processes.
        """
        made = self._ask(lambda api: api.exec_create(container, list(command), environment=dict(environment or {})))
        stream = self._ask(lambda api: api.exec_start(made["Id"], stream=True))
        while piece := self._ask(lambda _: next(stream, b"")):
            yield piece.decode(errors="replace")
        yield self._ask(lambda api: _exit_code(api, made["Id"]))

    def read(self, container: str, *command: str) -> Iterator[bytes]:
        """What a command in a container writes, as it comes; what it complains of is left out. Raises DaemonError."""
        made = self._ask(lambda api: api.exec_create(container, list(command), stderr=False))
        stream = self._ask(lambda api: api.exec_start(made["Id"], stream=True))
        while piece := self._ask(lambda _: next(stream, b"")):
            yield piece

    def put(self, container: str, folder: str, archive: BinaryIO) -> None:
        """Unpack a tar archive into a volume of a container. Raises DaemonError."""
        self._ask(lambda api: api.put_archive(container, folder, archive))

    def remove_image(self, name: str) -> None:
        """It may be gone already. Raises DaemonError, such as when a container uses it."""

        def remove(api: Any) -> None:
            from docker.errors import ImageNotFound

            with suppress(ImageNotFound):
                api.remove_image(name)

        self._ask(remove)

    def any_container(self, label: str) -> bool:
        """Whether there is one with a label `name=value`, stopped or not. Raises DaemonError."""
        return bool(self._ask(lambda api: api.containers(all=True, filters={"label": label})))

    def remove_volumes(self, label: str) -> None:
        """Those with a label `name=value`. Raises DaemonError, such as when a container uses one."""

        def remove(api: Any) -> None:
            for volume in api.volumes(filters={"label": label})["Volumes"] or []:
                api.remove_volume(volume["Name"])

        self._ask(remove)

    def registry_digest(self, image: str) -> str:
        """What its registry has under this name now, as the daemon is told. Raises DaemonError."""
        return self._ask(lambda api: str(api.inspect_distribution(image)["Descriptor"]["digest"]))

    def _ask(self, question: Callable[[Any], T]) -> T:
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        try:
            if self._client is None:
                self._client = connect(self.host)
                self._client.api.timeout = self._within
            return question(self._client.api)
        except APIError as error:
            raise DaemonError(error.explanation or str(error)) from None
        except (DockerException, RequestException, OSError) as error:
            self._client = None
            raise DaemonError(reason(error)) from None


def _exit_code(api: Any, command: str) -> int:
    """Of a command whose output has ended. Raises DaemonError where it has not: the connection to it has ended."""
    deadline = time.monotonic() + END_SECONDS
    while (code := api.exec_inspect(command)["ExitCode"]) is None:
        if time.monotonic() > deadline:
            raise DaemonError("the connection to the command has ended, and the command goes on in its container")
        time.sleep(0.05)
    return int(code)


def _container(one: dict[str, Any]) -> Container:
    words = str(one.get("Status", ""))  # such as "Up 3 minutes (healthy)"
    health = words.rpartition("(")[2].rstrip(")") if words.endswith(")") and one["State"] == "running" else None
    kind = one["Labels"][labels.KIND]
    return Container(
        node=one["Labels"].get(labels.NODE, kind),
        kind=kind,
        name=one["Names"][0].removeprefix("/"),
        status=one["State"],
        health=None if health is None else health.removeprefix("health: "),
    )
