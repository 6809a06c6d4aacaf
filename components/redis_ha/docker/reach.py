"""Docker daemons elsewhere, by ssh or with TLS: what the program, the embedded engine and the drills share.

By ssh the daemon's socket is brought here by one ssh for all requests. docker-py's own way starts an ssh for each
connection. Several at a time are more than sshd lets log in at once (MaxStartups), and one that is used again may have
ended.
"""

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

REMOTE_SOCKET = "/var/run/docker.sock"


class SshError(OSError):
    """The machine cannot be reached; the message is ssh's."""


def local_url(url: str, seconds: float) -> str:
    """The unix:// URL of a socket that leads to the daemon at `url` (ssh://[user@]host[:port]).

    It is there until this process ends, however it does: the remote command reads from a pipe that this process holds,
    and ssh ends with it. Raises SshError, at the latest after `seconds`.
    """
    at = urlsplit(url)
    socket = Path(tempfile.mkdtemp(prefix="redis-ha-ssh-")) / "docker.sock"
    options = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={max(1, int(seconds))}", "-o", "ExitOnForwardFailure=yes"]
    port = ["-p", str(at.port)] if at.port else []
    target = f"{at.username}@{at.hostname}" if at.username else str(at.hostname)
    tunnel = subprocess.Popen(
        ["ssh", "-T", *options, *port, "-L", f"{socket}:{REMOTE_SOCKET}", "--", target, "cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the run, which may still have to ask Docker something
    )
    atexit.register(_end, tunnel, socket.parent)
    deadline = time.monotonic() + seconds
    while not socket.exists():
        if tunnel.poll() is not None:
            said = tunnel.stderr.read().strip() if tunnel.stderr else ""
            raise SshError(said or f"ssh ended with {tunnel.returncode}")
        if time.monotonic() > deadline:
            raise SshError(f"no answer within {seconds:g} s")
        time.sleep(0.02)
    return f"unix://{socket}"


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
