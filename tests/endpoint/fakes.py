"""Data nodes and Sentinels that say whatever a test wants, for the endpoint to ask."""

import socket
import socketserver
import threading
from dataclasses import dataclass, field
from typing import cast


@dataclass
class Fake:
    """One node or Sentinel at `port` of loopback. Its attributes can be changed at any time."""

    name: str
    port: int = 0
    role: str = "slave"
    linked: bool = True
    names: int = 0
    """The port of the node that this Sentinel names."""
    failing_over: bool = False
    hung: bool = False
    connections: list[socket.socket] = field(default_factory=list)

    def answer(self, line: str) -> str:
        """What it says to one inline command; to WHO it says its name, which no Redis does."""
        words = line.upper().split()
        match words[:2]:
            case ["AUTH", *_]:
                return "+OK\r\n"
            case ["PING"]:
                return "+PONG\r\n"
            case ["WHO"]:
                return f"+{self.name}\r\n"
            case ["ROLE"] if self.role == "master":
                return "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
            case ["ROLE"]:
                link = "connected" if self.linked else "connect"
                return f"*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:1\r\n${len(link)}\r\n{link}\r\n:0\r\n"
            case ["SENTINEL", "MASTER"]:
                flags = "master,failover_in_progress" if self.failing_over else "master"
                return f"*4\r\n$4\r\nname\r\n$8\r\nmymaster\r\n$5\r\nflags\r\n${len(flags)}\r\n{flags}\r\n"
            case ["SENTINEL", _]:
                port = str(self.names)
                return f"*2\r\n$9\r\n127.0.0.1\r\n${len(port)}\r\n{port}\r\n"
        return "-ERR unknown\r\n"


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        fake = cast(_Server, self.server).fake
        fake.connections.append(self.connection)
        try:
            while line := self.rfile.readline().decode().strip():
                if not fake.hung:
                    self.wfile.write(fake.answer(line).encode())
        except OSError:
            pass


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    fake: Fake


def serve(fake: Fake) -> _Server:
    """Start it, at a free port unless it has one; `shutdown` and `server_close` end it."""
    server = _Server(("127.0.0.1", fake.port), _Handler)
    server.fake = fake
    fake.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server
