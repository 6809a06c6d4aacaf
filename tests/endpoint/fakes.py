"""Data nodes and Sentinels that say whatever a test wants, for the endpoint to ask."""

import socket
import socketserver
import threading
import time
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
    """It answers when it goes on."""
    connections: list[socket.socket] = field(default_factory=list)

    def answer(self, words: list[str]) -> str:
        """What it says to one command; to WHO it says its name, which no Redis does."""
        match [word.upper() for word in words[:2]]:
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
                words = ["name", "mymaster", "ip", "127.0.0.1", "port", str(self.names), "flags", flags]
                return f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
            case ["SENTINEL", _]:
                port = str(self.names)
                return f"*2\r\n$9\r\n127.0.0.1\r\n${len(port)}\r\n{port}\r\n"
        return "-ERR unknown\r\n"


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        fake = cast(_Server, self.server).fake
        fake.connections.append(self.connection)
        try:
            while words := self._command():
                while fake.hung:
                    time.sleep(0.01)
                self.wfile.write(fake.answer(words).encode())
        except OSError:
            pass

    def _command(self) -> list[str]:
        """The next one, inline or as an array; empty at the end."""
        line = self.rfile.readline().decode().strip()
        if not line.startswith("*"):
            return line.split()
        words = []
        for _ in range(int(line[1:])):
            length = int(self.rfile.readline().decode()[1:])
            words.append(self.rfile.read(length + 2).decode()[:-2])
        return words


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 511  # as Redis has it
    fake: Fake


def serve(fake: Fake) -> _Server:
    """Start it, at a free port unless it has one; `shutdown` and `server_close` end it."""
    server = _Server(("127.0.0.1", fake.port), _Handler)
    server.fake = fake
    fake.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server
