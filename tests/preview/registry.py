"""A registry of a few lines that takes pushes (distribution API v2), so that pushing is tested without a network."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Registry

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        return

    def _answer(self, code: int, **headers: str) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _allowed(self) -> bool:
        if self.headers.get("Authorization") == self.server.authorization:
            return True
        self._answer(401, WWW_Authenticate='Basic realm="test"')
        return False

    def do_GET(self) -> None:
        if self._allowed():
            self._answer(200)

    def do_HEAD(self) -> None:
        if self._allowed():
            self._answer(200 if self.path.rsplit("/", 1)[-1] in self.server.blobs else 404)

    def do_POST(self) -> None:
        if self._allowed():
            self._answer(202, Location=f"{self.path}upload", Range="0-0", Docker_Upload_UUID="1")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def do_PATCH(self) -> None:
        self.server.upload = self._body()
        self._answer(202, Location=self.path, Range=f"0-{len(self.server.upload) - 1}")

    def do_PUT(self) -> None:
        body = self._body()
        url = urlparse(self.path)
        if "/manifests/" in url.path:
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            self.server.manifests[url.path] = digest
        else:
            digest = parse_qs(url.query)["digest"][0]
            self.server.blobs.add(digest)
        self._answer(201, Docker_Content_Digest=digest, Location=url.path)


class Registry(ThreadingHTTPServer):
    """Remembers digests, not contents."""

    daemon_threads = True

    def __init__(self, user: str, password: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.blobs: set[str] = set()
        self.manifests: dict[str, str] = {}
        self.upload = b""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


@contextmanager
def registry(user: str, password: str) -> Iterator[Registry]:
    """A running registry on a free port of this machine."""
    server = Registry(user, password)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
