"""What stands for a Docker that a preview does not reach: Pulumi's provider ends a preview where nobody answers it.

The provider asks for a sign of life, and a preview asks it nothing else: Pulumi compares with its own state.

    python -m redis_ha.docker.nobody pulumi preview ARGS

has it stand for the Docker of the whole command, where there is none. Without, it stands for what RedisHa declares
alone, and Pulumi still wants the Docker of what is to be removed or replaced.
"""

import functools
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NO_DOCKER = "REDIS_HA_NO_DOCKER"
"""The environment's variable: why there is none, where DOCKER_HOST names what stands for it."""


@functools.cache
def url() -> str:
    """Where it is, on loopback, for as long as this process lives."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Nobody)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"tcp://127.0.0.1:{server.server_port}"


def where_none_is() -> None:
    """Stands in for this process and what it starts, where no Docker is reached."""
    from redis_ha.docker.clients import why_unreachable

    if why := why_unreachable(None):
        os.environ["DOCKER_HOST"] = _beside()
        os.environ[NO_DOCKER] = why


def _beside() -> str:
    """It in a process of its own, for as long as there is this one, whatever program it becomes."""
    ends, held = os.pipe()
    os.set_inheritable(held, True)
    told, tells = os.pipe()
    if os.fork() == 0:
        try:
            os.close(held)
            os.write(tells, url().encode())
            os.close(tells)
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in range(3):  # who waits for the end of what this process prints does not wait for this one
                os.dup2(nothing, stream)
            os.read(ends, 1)
        finally:
            os._exit(0)
    os.close(tells)
    with os.fdopen(told) as said:
        return said.read()


class _Nobody(BaseHTTPRequestHandler):
    """Gives a sign of life. Of all else it says that nobody is there."""

    def do_GET(self) -> None:
        asked_for_a_sign = self.path.endswith("/_ping")
        body = b"OK" if asked_for_a_sign else json.dumps({"message": "no Docker is reached"}).encode()
        self.send_response(200 if asked_for_a_sign else 503)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Type", "text/plain" if asked_for_a_sign else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in http.server
        """Who asks is no news."""


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m redis_ha.docker.nobody COMMAND")
    where_none_is()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell is wanted
