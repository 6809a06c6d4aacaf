"""The Docker daemons that a cluster's containers are on: one for each of its hosts, or that of the environment."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import docker
from docker.errors import DockerException
from docker.models.containers import Container
from pulumi import RunError
from requests.exceptions import RequestException

from drills.target.errors import DrillError
from redis_ha.docker.clients import connect
from redis_ha.outputs import Host
from redis_ha.settings import hosts

ANSWER_SECONDS = 2  # within which a host's Docker answers, or counts as not reachable
ACTION_SECONDS = 120
FAILURES = (DockerException, RequestException, OSError, RunError)  # to connect, or to answer


class Daemon:
    """The Docker of one host; without a host that of the environment."""

    def __init__(self, host: Host | None = None) -> None:
        self.host = host
        self._within = ANSWER_SECONDS if host else ACTION_SECONDS
        self._kept: docker.DockerClient | None = None

    def client(self) -> docker.DockerClient:
        """A connection that answers: the one there is, or a new one, where that has ended with a power loss or a cut.

        Raises DrillError when the daemon does not answer.
        """
        if self._kept is not None:
            with suppress(*FAILURES):
                return self._answering(self._kept)
            self._kept.close()
            self._kept = None
        try:
            found = connect(hosts.Host(**vars(self.host)), ANSWER_SECONDS) if self.host else connect()
            self._kept = self._answering(found)
        except FAILURES as error:
            where = f"of host {self.host.name} " if self.host else ""
            raise DrillError(f"Docker {where}cannot be reached: {error}") from None
        return self._kept

    def _answering(self, client: docker.DockerClient) -> docker.DockerClient:
        """The same client, once it has answered. Raises one of FAILURES."""
        client.api.timeout = self._within
        client.ping()
        client.api.timeout = ACTION_SECONDS
        return client

    def containers(self, labels: Sequence[str]) -> list[Container]:
        """The containers with these labels ("name=value"), stopped ones too. Raises DrillError."""
        client = self.client()
        try:
            found: list[Container] = client.containers.list(all=True, filters={"label": list(labels)})
        except (DockerException, RequestException) as error:
            raise DrillError(f"Docker cannot be asked for its containers: {error}") from None
        return found

    def events(self, label: str, kinds: Sequence[str], since: float, until: float) -> list[dict[str, Any]]:
        """What happened to the containers with that label between two times (epoch). Raises DrillError."""
        client = self.client()
        filters = {"label": label, "type": "container", "event": list(kinds)}
        try:
            # Docker takes fractions of a second; docker-py passes on what is no datetime, but types whole seconds.
            between: Any = {"since": f"{since:.6f}", "until": f"{until:.6f}"}
            return list(client.api.events(**between, filters=filters, decode=True))
        except (DockerException, RequestException, ValueError) as error:
            raise DrillError(f"Docker cannot be asked for its events: {error}") from None
