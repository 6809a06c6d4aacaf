"""How Docker daemons are reached: what the program, the embedded engine, the drills and the tools share.

By ssh the daemon's socket is brought here by one ssh for all requests. docker-py's own way starts an ssh for each
connection. Several at a time are more than sshd lets log in at once (MaxStartups), and one that is used again may have
ended.
"""

import atexit
import functools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from docker.api import APIClient

REMOTE_SOCKET = "/var/run/docker.sock"
PROBE_SECONDS, PROBES = 15, 4
"""A connection that a network has cut off in silence is known to have ended after that many unanswered probes."""

SOCKETS = (Path(REMOTE_SOCKET), Path.home() / ".docker/run/docker.sock", Path.home() / ".docker/desktop/docker.sock")


@dataclass(frozen=True)
class Endpoint:
    """Where a Docker daemon is; `ca`, `cert` and `key` are PEM texts, or None without TLS."""

    url: str
    ca: str | None = None
    cert: str | None = None
    key: str | None = None


class NoContextError(LookupError):
    """The Docker context that is asked for is not there, or not readable."""


def here() -> dict[str, Any]:
    """How docker-py reaches the Docker that the docker command would use, by what it takes: `base_url`, and `tls`.

    DOCKER_HOST, else the current context (or DOCKER_CONTEXT) with its TLS, else the first socket.
    Raises NoContextError.
    """
    from docker.context import ContextAPI
    from docker.utils import kwargs_from_env

    if os.environ.get("DOCKER_HOST"):
        given: dict[str, Any] = dict(kwargs_from_env())
        return given
    name = os.environ.get("DOCKER_CONTEXT")
    try:
        context = ContextAPI.get_context(name) if name else ContextAPI.get_current_context()
    except Exception as error:
        raise NoContextError(f"Docker context '{name}' is not readable: {error}") from error
    if context is None:
        raise NoContextError(f"Docker context '{name}' is not there; choose one with `docker context use`")
    if context.name != "default":
        return {"base_url": context.Host, "tls": context.TLSConfig or False}
    found = next((socket for socket in SOCKETS if socket.exists()), SOCKETS[0])
    return {"base_url": f"unix://{found}"}


def there(at: Endpoint) -> dict[str, Any]:
    """How docker-py reaches the daemon at an address of its own."""
    from docker.tls import TLSConfig

    if at.ca is None:
        return {"base_url": at.url}
    for bundle in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        os.environ.pop(bundle, None)  # requests would believe it instead of this daemon's own CA
    cert, key, ca = (private_file(text or "") for text in (at.cert, at.key, at.ca))
    return {"base_url": at.url, "tls": TLSConfig(client_cert=(cert, key), ca_cert=ca, verify=True)}


def brought_here(given: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The same, with a daemon behind ssh brought to a socket here. Raises SshError."""
    if not str(given["base_url"]).startswith("ssh://"):
        return given
    return {"base_url": local_url(str(given["base_url"]), seconds)}


def notice_silence(client: "APIClient") -> None:
    """Has the kernel probe the client's connections: an answer may take hours, and its network may be cut meanwhile."""
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection

    options = [*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, value in (("TCP_KEEPIDLE", PROBE_SECONDS), ("TCP_KEEPINTVL", PROBE_SECONDS), ("TCP_KEEPCNT", PROBES)):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    for adapter in client.adapters.values():
        if isinstance(adapter, HTTPAdapter):
            adapter.poolmanager.connection_pool_kw["socket_options"] = options


class SshError(OSError):
    """The machine cannot be reached; the message is ssh's."""


def local_url(url: str, seconds: float) -> str:
    """The unix:// URL of a socket that leads to the daemon at `url` (ssh://[user@]host[:port]).

    It is there until this process ends, however it does: the remote command reads from a pipe that this process holds,
    and ssh ends with it. Raises SshError, at the latest after `seconds`.
    """
    at = urlsplit(url)
    local = Path(tempfile.mkdtemp(prefix="redis-ha-ssh-")) / "docker.sock"
    settings = {
        "BatchMode": "yes",
        "ConnectTimeout": max(1, int(seconds)),
        "ExitOnForwardFailure": "yes",
        "ServerAliveInterval": PROBE_SECONDS,
        "ServerAliveCountMax": PROBES,
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    port = ["-p", str(at.port)] if at.port else []
    target = f"{at.username}@{at.hostname}" if at.username else str(at.hostname)
    tunnel = subprocess.Popen(
        ["ssh", "-T", *options, *port, "-L", f"{local}:{REMOTE_SOCKET}", "--", target, "cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the run, which may still have to ask Docker something
    )
    atexit.register(_end, tunnel, local.parent)
    deadline = time.monotonic() + seconds
    while not local.exists():
        if tunnel.poll() is not None:
            said = tunnel.stderr.read().strip() if tunnel.stderr else ""
            raise SshError(said or f"ssh ended with {tunnel.returncode}")
        if time.monotonic() > deadline:
            raise SshError(f"no answer within {seconds:g} s")
        time.sleep(0.02)
    return f"unix://{local}"


def _end(tunnel: "subprocess.Popen[str]", folder: Path) -> None:
    tunnel.terminate()
    tunnel.wait()
    shutil.rmtree(folder, ignore_errors=True)


def private_file(text: str) -> str:
    """The path of a file of this process's own: docker-py takes certificates from files only.

    On Linux it lies in no folder, so nothing is left of it when this process is killed.
    """
    if hasattr(os, "memfd_create"):
        memory = os.memfd_create("private", os.MFD_CLOEXEC)
        os.write(memory, text.encode())
        return f"/proc/self/fd/{memory}"
    with tempfile.NamedTemporaryFile("w", dir=_folder(), delete=False) as file:
        file.write(text)
    return file.name


@functools.cache
def _folder() -> str:
    folder = tempfile.mkdtemp(prefix="redis-ha-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
