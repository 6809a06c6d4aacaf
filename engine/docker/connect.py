"""The connection to Docker, and its errors in words that help."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError, Unreachable
from redis_ha.docker.reach import local_url, private_file

if TYPE_CHECKING:
    from docker.api import APIClient

DEFAULT_SOCKET = "/var/run/docker.sock"
REQUEST_TIMEOUT = 120
"""Seconds one API call may take without a byte coming back."""
CONNECT_TIMEOUT = 5
"""Seconds until a provider's daemon must have answered for the first time."""


def _default() -> dict[str, Any]:
    """The daemon to use: DOCKER_HOST, else the Docker CLI's current context with its TLS, else the first socket."""
    from docker.context import ContextAPI
    from docker.utils import kwargs_from_env

    if os.environ.get("DOCKER_HOST"):
        given: dict[str, Any] = dict(kwargs_from_env())
        return given
    name = os.environ.get("DOCKER_CONTEXT")
    try:
        context = ContextAPI.get_context(name) if name else ContextAPI.get_current_context()
    except Exception as error:
        raise EngineError(f"Docker context '{name}' is not readable: {error}") from error
    if context is None:
        raise EngineError(f"Docker context '{name}' is not there; choose one with `docker context use`")
    if context.name != "default":
        return {"base_url": context.Host, "tls": context.TLSConfig or False}
    sockets = (DEFAULT_SOCKET, Path.home() / ".docker/run/docker.sock", Path.home() / ".docker/desktop/docker.sock")
    found = next((socket for socket in sockets if Path(socket).exists()), DEFAULT_SOCKET)
    return {"base_url": f"unix://{found}"}


def connect(host: str | None = None) -> APIClient:
    """A client whose daemon has answered; EngineError naming the daemon when it does not."""
    from docker.api import APIClient

    arguments = {"base_url": host} if host else _default()
    where = str(arguments["base_url"])
    with explained(f"connecting to Docker at {where}", where):
        if where.startswith("ssh://"):
            arguments = {"base_url": local_url(where, CONNECT_TIMEOUT)}
        return APIClient(version="auto", timeout=REQUEST_TIMEOUT, **arguments)


def connect_to(inputs: Mapping[str, Any]) -> APIClient:
    """A client for a provider's inputs, whose daemon has answered; EngineError naming it when it does not."""
    from docker.api import APIClient
    from docker.tls import TLSConfig

    arguments: dict[str, Any] = {"base_url": str(inputs["host"])} if inputs.get("host") else _default()
    where = str(arguments["base_url"])
    given = [name for name in ("ca", "cert", "key") if inputs.get(f"{name}Material")]
    if given:
        if len(given) < 3:
            raise EngineError(
                f"provider for {where}: of caMaterial, certMaterial and keyMaterial only "
                f"{' and '.join(f'{name}Material' for name in given)} is set; it takes all three, or none"
            )
        cert, key, ca = (private_file(str(inputs[f"{name}Material"])) for name in ("cert", "key", "ca"))
        for bundle in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            os.environ.pop(bundle, None)  # requests would believe it instead of the provider's own CA
        arguments["tls"] = TLSConfig(client_cert=(cert, key), ca_cert=ca, verify=True)

    def client() -> APIClient:
        if where.startswith("ssh://"):
            arguments["base_url"] = local_url(where, CONNECT_TIMEOUT)
        return APIClient(version="auto", timeout=CONNECT_TIMEOUT, **arguments)

    with explained(f"connecting to Docker at {where}", where):
        made = _in_time(client)
    made.timeout = REQUEST_TIMEOUT
    return made


def _in_time(connect: Callable[[], APIClient]) -> APIClient:
    """An ssh to a machine that is off may take minutes to give up; it is not waited for."""
    found: list[APIClient | Exception] = []

    def run() -> None:
        try:
            found.append(connect())
        except Exception as error:  # noqa: BLE001 (passed on)
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(2 * CONNECT_TIMEOUT)
    if not found:
        raise TimeoutError("timed out")
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


def logins(inputs: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """A provider's `registry_auth` by the registry's address, as docker-py takes it."""
    given: Any = inputs.get("registryAuth") or []
    found = json.loads(given) if isinstance(given, str) else given
    return {
        str(one["address"]): {"username": str(one.get("username", "")), "password": str(one.get("password", ""))}
        for one in found
    }


@contextmanager
def explained(doing: str, where: str = "") -> Iterator[None]:
    """Turns what docker-py raises into an EngineError that begins with what was being done."""
    import requests.exceptions
    import urllib3.exceptions
    from docker.errors import APIError, DockerException

    try:
        yield
    except APIError as error:
        raise EngineError(f"{doing}: {_api_message(error)}") from error
    except (
        requests.exceptions.RequestException,
        urllib3.exceptions.HTTPError,
        DockerException,
        ConnectionError,
    ) as error:
        raise Unreachable(f"{doing}: {_connection_message(error, where)}") from error
    except OSError as error:
        raise EngineError(f"{doing}: {error}") from error


def _connection_message(error: BaseException, where: str) -> str:
    text = str(error)
    place = f" at {where}" if where else ""
    if "Permission denied" in text:
        return f"no permission to use the Docker daemon{place}. Run as root or as a member of the group `docker`."
    if isinstance(error, TimeoutError) or "timed out" in text.lower():
        return f"the Docker daemon{place} did not answer in time. See whether it is overloaded, then run `up` again."
    if (
        "No such file" in text
        or "refused" in text
        or "Name or service" in text
        or "Aborted" in text
        or "aborted" in text
    ):
        return (
            f"cannot reach the Docker daemon{place}. Is it running? Start it (e.g. `systemctl start docker`) or set "
            "DOCKER_HOST, then run the same command again: it carries on from what is there."
        )
    return f"the Docker daemon{place} failed to answer ({text})."


def _api_message(error: Any) -> str:
    text = str(error.explanation or error)
    advice = ""
    if "port is already allocated" in text or "address already in use" in text:
        port = re.search(r"(?:Bind for |listen tcp4? )(\S+?):? (?:failed|bind)", text)
        at = f"{port.group(1)} " if port else ""
        advice = f"port {at}is taken by another container or program: stop that, or choose other ports."
    elif "is already in use by container" in text:
        name = re.search(r'container name "/?([^"]+)"', text)
        advice = (
            f"a container named '{name.group(1) if name else '?'}' is there that this stack does not manage: "
            "remove or rename it."
        )
    elif "Pool overlaps" in text:
        advice = (
            "the subnet overlaps with that of another Docker network: remove that network, or choose another subnet."
        )
    elif "no space left on device" in text:
        advice = "the disk is full: make room (e.g. `docker system prune`), then run `up` again."
    elif "No such image" in text or "manifest unknown" in text or "pull access denied" in text:
        advice = "the image is neither here nor can it be pulled: see its name, and the registry."
    elif "Address already in use" in text:
        advice = "another container on that network has this address: remove it, or choose another address."
    return f"{text.strip()}" + (f"\n    {advice}" if advice else "")


def is_missing(error: EngineError) -> bool:
    """Whether an explained failure was Docker saying that the thing is not there (any more)."""
    from docker.errors import NotFound

    return isinstance(error.__cause__, NotFound)
