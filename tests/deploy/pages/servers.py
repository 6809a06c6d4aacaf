"""Small servers that a stack's commands talk to, on this machine."""

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answered(self, body: bytes, **headers: str) -> None:
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name for it
        """Nothing."""


@contextmanager
def _serving(address: str, handler: type[_Handler]) -> Iterator[str]:
    """Where it answers, as host:port."""
    with http.server.ThreadingHTTPServer((address, 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        try:
            yield f"{address}:{server.server_address[1]}"
        finally:
            server.shutdown()


@contextmanager
def webhook(address: str) -> Iterator[tuple[str, list[str]]]:
    """One at that address of this machine: its URL, and what it is sent."""
    taken: list[str] = []

    class Taking(_Handler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.answered(b"")

    with _serving(address, Taking) as place:
        yield f"http://{place}/T0/B0", taken


@contextmanager
def one_image() -> Iterator[tuple[str, str]]:
    """A registry that has one image under every name: its host:port, and the image's digest."""
    manifest = json.dumps({"schemaVersion": 2, "mediaType": _LIST, "manifests": []}).encode()
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"

    class Having(_Handler):
        def do_GET(self) -> None:
            if "/manifests/" in self.path:
                self.answered(manifest, Content_Type=_LIST, Docker_Content_Digest=digest)
            else:
                self.answered(b"{}", Docker_Distribution_Api_Version="registry/2.0")

        do_HEAD = do_GET  # noqa: N815 - http.server's name for it

    with _serving("127.0.0.1", Having) as place:
        yield place, digest
