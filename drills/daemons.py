"""The Docker daemons that a cluster's containers are on: one for each of its hosts, or that of the environment."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import docker
from docker.context import ContextAPI
from docker.errors import DockerException
from docker.models.containers import Container
from docker.tls import TLSConfig
from requests.exceptions import RequestException

from drills.errors import DrillError
from redis_ha.docker.reach import local_url
from redis_ha.outputs import Host

ANSWER_SECONDS = 2  # within which a host's Docker answers, or counts as not reachable
ACTION_SECONDS = 120


class Daemon:
    """The Docker of one host; without a host that of the environment."""

    def __init__(self, host: Host | None = None) -> None:
        self.host = host

    @cached_property
    def _local(self) -> docker.DockerClient:
        return docker.from_env(timeout=ACTION_SECONDS)

    def client(self) -> docker.DockerClient:
        """A connection. Raises DrillError when the daemon does not answer.

        To a host a new one each time: one from before a power loss or a cut would hang.
        """
        try:
            if self.host is None:
                self._local.ping()
                return self._local
            url, tls = _endpoint(self.host.docker)
            if url.startswith("ssh://"):
                url = local_url(url, ANSWER_SECONDS)
            client = docker.DockerClient(base_url=url, tls=tls, timeout=ANSWER_SECONDS, version="auto")
            client.ping()
            client.api.timeout = ACTION_SECONDS
        except (DockerException, RequestException, OSError) as error:
            where = f"of host {self.host.name} " if self.host else ""
            raise DrillError(f"Docker {where}cannot be reached: {error}") from None
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


def _endpoint(text: str) -> tuple[str, TLSConfig | bool]:
    """The URL of a host's Docker and its TLS, a context resolved. Raises DockerException when there is none."""
    if "://" in text:
        return (text, False)
    context = ContextAPI.get_context(text.removeprefix("context:"))
    if context is None or not context.Host:
        raise DockerException(f"no Docker context is named {text}")
    return (context.Host, context.TLSConfig or False)
