"""The program's own connections to Docker: one for each host, or the one that the docker command would use."""

import functools
import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from redis_ha.docker.reach import Endpoint, NoContextError, brought_here, here, notice_silence, there
from redis_ha.settings.hosts import Host

if TYPE_CHECKING:
    import docker

EXCLUDE_VARIABLE = "REDIS_HA_EXCLUDE"
"""Names of hosts that this run leaves out: Pulumi does not tell the program what `--exclude` has."""
CONNECT_SECONDS = 5
REQUEST_SECONDS = 60
# They would overrule what each host's own provider is told.
OVERRULING = ("DOCKER_CONTEXT", "DOCKER_CERT_PATH")


def endpoint(host: Host) -> Endpoint:
    """How `host` is reached, a context resolved: Pulumi's provider does not build images by contexts.

    Raises pulumi.RunError when there is no such context.
    """
    if host.context is None:
        texts = (text.get_secret_value().strip() + "\n" if text else None for text in (host.ca, host.cert, host.key))
        return Endpoint(host.docker, *texts)
    from docker.context import ContextAPI

    context = ContextAPI.get_context(host.context)
    if context is None or not context.Host:
        raise pulumi.RunError(
            f"hosts: {host.name}: docker: no Docker context is named {host.context!r} (docker-py finds them only "
            "where there is a ~/.docker/config.json, be it just {})"
        )
    tls = context.TLSConfig
    if not tls or not tls.cert or not tls.ca_cert:
        return Endpoint(context.Host)
    return Endpoint(context.Host, *(Path(file).read_text() for file in (tls.ca_cert, *tls.cert)))


@functools.cache
def docker_client(host: Host | None = None) -> "docker.DockerClient":
    """As `connect`, once for all of this process."""
    return connect(host)


def connect(host: Host | None = None, within: int = CONNECT_SECONDS) -> "docker.DockerClient":
    """A client of the host's daemon; without a host of the one that the docker command would use.

    `within`: seconds until a host, or what is reached by ssh, must have answered.
    Raises docker.errors.DockerException when it cannot be reached.
    """
    import docker
    from docker.errors import DockerException

    try:
        given = here() if host is None else there(endpoint(host))
        reached = brought_here(given, within)
    except (OSError, NoContextError) as error:
        raise DockerException(str(error)) from None
    client = docker.DockerClient(**reached, timeout=within if host or reached != given else REQUEST_SECONDS)
    client.api.timeout = REQUEST_SECONDS
    notice_silence(client.api)
    return client


def left_out() -> frozenset[str]:
    """The names of the hosts that this run leaves out."""
    return frozenset(re.findall(r"[^\s,]+", os.environ.get(EXCLUDE_VARIABLE, "")))


def check_hosts(hosts: Iterable[Host | None]) -> frozenset[Host | None]:
    """See that every host answers that is neither left out nor drained; those that do not.

    Raises pulumi.RunError naming them, how they were tried, and what to do; in a preview, which changes
    nothing, it is a warning.
    """
    known = [host for host in hosts if host is not None]
    out = left_out()
    if not known:
        return frozenset()
    for variable in OVERRULING:
        if os.environ.get(variable):
            raise pulumi.RunError(f"{variable} is set, and would overrule the `docker` of each of `hosts`: unset it")
    unknown = sorted(out - {host.name for host in known})
    if unknown:
        raise pulumi.RunError(f"EXCLUDE: no host is named {', '.join(unknown)}; there are {_names(known)}")
    asked = [host for host in known if host.name not in out]
    with ThreadPoolExecutor(len(known)) as pool:
        found = dict(zip(asked, pool.map(why_unreachable, asked), strict=True))
    for host in asked:
        if host.drain and found[host]:
            pulumi.log.warn(f"host {host.name} is drained and cannot be reached: {found[host]}")
    silent = frozenset(host for host in asked if found[host])
    dead = [host for host in asked if found[host] and not host.drain]
    if dead:
        lines = "\n".join(f"host {host.name} cannot be reached at {host.docker}: {found[host]}" for host in dead)
        if pulumi.runtime.is_dry_run():
            pulumi.log.warn(f"{lines}\nThis preview has not looked at what is there; `up` will")
            return silent
        names = _names(dead).replace(" ", "")
        globs = " ".join(f"--exclude '**.{host.name}'" for host in dead)
        raise pulumi.RunError(
            f"{lines}\nTo go on without: EXCLUDE={names} for make, or {globs} for ./pulumiw "
            f"(for another pulumi set {EXCLUDE_VARIABLE}={names} too). Nothing has been changed"
        )
    return silent


def why_unreachable(host: Host | None) -> str:
    """Empty when the host's daemon answers, else the reason in one line."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        docker_client(host).ping()
    except (DockerException, RequestException, OSError) as error:
        return reason(error)
    return ""


def reason(error: Exception) -> str:
    """Why a daemon has not been reached, in one line: of the layers of docker-py's exceptions the innermost."""
    text = " ".join(str(error).split())
    if "timed out" in text:
        return f"no answer in {CONNECT_SECONDS} s"
    found = re.findall(r"\[Errno -?\d+\] ([^\"')]+)|, '?([A-Z][a-z]+ [a-z ]+)'?\)", text)
    return next((one or other for one, other in found), text)


def _names(hosts: Iterable[Host]) -> str:
    return ", ".join(host.name for host in hosts)
