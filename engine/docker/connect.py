"""The connection to Docker, and its errors in words that help."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from engine.errors import EngineError, Unreachable
from redis_ha.docker.reach import Endpoint, NoContextError, brought_here, here, notice_silence, there

if TYPE_CHECKING:
    from docker.api import APIClient

Client: TypeAlias = "APIClient"

REQUEST_TIMEOUT = 120
"""Seconds one API call may take without a byte coming back."""
CONNECT_TIMEOUT = 5
"""Seconds until a provider's daemon must have answered for the first time."""


def connect(inputs: Mapping[str, Any] | None = None) -> Client:
    """A client of a provider's Docker, or of the one that the docker command would use.

    EngineError naming it when it does not answer.
    """
    # As a whole before any part of it: its parts import one another, and another thread may be at it too.
    from docker.api import APIClient

    try:
        given = _reached(inputs or {})
    except NoContextError as error:
        raise EngineError(str(error)) from error
    where = str(given["base_url"])
    with explained(f"connecting to Docker at {where}", where):
        within = REQUEST_TIMEOUT if inputs is None else CONNECT_TIMEOUT
        made = APIClient(version="auto", timeout=within, **brought_here(given, CONNECT_TIMEOUT))
    made.timeout = REQUEST_TIMEOUT
    notice_silence(made)
    return made


def _reached(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Without a host it is the Docker that the docker command would use: a provider may be a login at registries."""
    url = str(inputs.get("host") or "")
    texts = {name: str(inputs[f"{name}Material"]) for name in ("ca", "cert", "key") if inputs.get(f"{name}Material")}
    if len(texts) not in (0, 3):
        raise EngineError(
            f"provider for {url or 'the default Docker'}: of caMaterial, certMaterial and keyMaterial only "
            f"{' and '.join(f'{name}Material' for name in texts)} is set; it takes all three, or none"
        )
    if not url and not texts:
        return here()
    return there(Endpoint(url or str(here()["base_url"]), **texts))


def logins(inputs: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """A provider's `registry_auth` by the registry's address, as docker-py takes it."""
    return {
        str(one["address"]): {"username": str(one.get("username", "")), "password": str(one.get("password", ""))}
        for one in json.loads(inputs.get("registryAuth") or "[]")
    }


@contextmanager
def explained(doing: str, where: str = "") -> Iterator[None]:
    """Turns what docker-py raises into an EngineError that begins with what was being done."""
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except APIError as error:
        raise EngineError(f"{doing}: {_api_message(error)}") from error
    except (RequestException, HTTPError, DockerException, ConnectionError) as error:
        raise Unreachable(f"{doing}: {_connection_message(error, where)}") from error
    except OSError as error:
        raise EngineError(f"{doing}: {error}") from error


def _connection_message(error: BaseException, where: str) -> str:
    text, place = str(error), f" at {where}" if where else ""
    if "Permission denied" in text:
        return f"no permission to use the Docker daemon{place}. Run as root or as a member of the group `docker`."
    if isinstance(error, TimeoutError) or "timed out" in text.lower():
        return f"the Docker daemon{place} did not answer in time. See whether it is overloaded, then run `up` again."
    if any(word in text.lower() for word in ("no such file", "refused", "name or service", "aborted")):
        return (
            f"cannot reach the Docker daemon{place}. Is it running? Start it (e.g. `systemctl start docker`) or set "
            "DOCKER_HOST, then run the same command again: it carries on from what is there."
        )
    return f"the Docker daemon{place} failed to answer ({text})."


_PORT = r"(?:(?:Bind for |listen tcp4? )(\S+?):? .*)?(?:port is already allocated|address already in use)"
_NAME = r'container name "/?([^"]+)" is already in use by container'
_ADVICE = {
    _PORT: "{} is taken by another container or program: stop that, or choose other ports.",
    _NAME: "a container named '{}' is there that this stack does not manage: remove or rename it.",
    "Pool overlaps": "another Docker network has a part of that subnet: remove it, or choose another subnet.",
    "no space left on device": "the disk is full: make room (e.g. `docker system prune`), then run `up` again.",
    "No such image|manifest unknown|pull access denied": "it is neither here nor pulled: see its name and registry.",
    "Address already in use": "another container on that network has this address: remove it, or choose another one.",
}


def _api_message(error: Any) -> str:
    text = str(error.explanation or error).strip()
    for pattern, advice in _ADVICE.items():
        if found := re.search(pattern, text):
            return f"{text}\n    {advice.format(*(one or 'the port' for one in found.groups()))}"
    return text


@contextmanager
def unless_gone(doing: str) -> Iterator[None]:
    """As `explained`; that a thing is not there (any more) ends the block, and is no error."""
    from docker.errors import NotFound

    with explained(doing), suppress(NotFound):
        yield
