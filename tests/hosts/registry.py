"""A registry in the rig's network: Debian's docker-registry, on this machine's address there."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.hosts.system import RigError

PORT = 5000
START_SECONDS = 20.0
CONFIG = """version: 0.1
log: {{level: info, accesslog: {{disabled: false}}}}
storage: {{filesystem: {{rootdirectory: {directory}/data}}}}
http: {{addr: "{address}"}}
"""
# A user of the tests, and the line that `htpasswd -nbB` makes of both.
USER, PASSWORD = "tester", "of-the-tests"
HTPASSWD = f"{USER}:$2b$05$i2ZsWsXQo2YHD2s9T/oMoeKHFO/05QqnyXlRymLEW4f6nk.4u6w2O\n"
LOGIN = """auth: {{htpasswd: {{realm: tests, path: {directory}/users}}}}
"""


def program() -> str | None:
    """Where docker-registry is: installed, or unpacked by bootstrap/rig-tools; None where it is not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "redis-ha" / "docker-registry"
    return shutil.which("docker-registry") or (str(cache) if cache.exists() else None)


class Registry:
    """A running registry; its access log says what was pushed and pulled."""

    def __init__(self, address: str, log: Path) -> None:
        self.address = address
        self._log = log

    def requests(self, method: str, containing: str) -> list[str]:
        """The log's lines of requests with that method and text."""
        return [line for line in self._log.read_text().splitlines() if f'"{method} ' in line and containing in line]


@contextmanager
def registry(host: str, login: bool = False) -> Iterator[Registry]:
    """A registry on `host`:5000, empty, until the end of the block; with `login`, for USER with PASSWORD only.

    Raises RigError when it does not start.
    """
    binary, address = program(), f"{host}:{PORT}"
    if binary is None:
        raise RigError("there is no docker-registry")
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        (directory / "users").write_text(HTPASSWD)
        config = CONFIG + LOGIN if login else CONFIG
        (directory / "config.yml").write_text(config.format(directory=directory, address=address))
        log = directory / "log"
        with log.open("wb") as output:
            process = subprocess.Popen([binary, "serve", str(directory / "config.yml")], stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _listens(host):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RigError(f"docker-registry does not start: {log.read_text()[-500:]}")
                time.sleep(0.05)
            yield Registry(address, log)
        finally:
            process.terminate()
            process.wait(10)


def _listens(host: str) -> bool:
    with suppress(OSError), socket.create_connection((host, PORT), 1):
        return True
    return False
