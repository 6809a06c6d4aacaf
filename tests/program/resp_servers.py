"""Servers that say what Sentinels and nodes say, each a few lines of RESP."""

import re
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Answer = Callable[[list[str]], str | None]
NAME = "mymaster"


class Server(socketserver.ThreadingTCPServer):
    """Answers commands as `answer` says, over TLS where there is a context for it; None: never."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answer, self.tls = answer, tls
        self.commands: list[list[str]] = []
        self.subscribed: list[_Handler] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, peer = super().get_request()
        return (self.tls.wrap_socket(connection, server_side=True) if self.tls else connection), peer

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", int(self.server_address[1]))

    def announce(self) -> None:
        """Say +switch-master to who listens."""
        for one in self.subscribed:
            one.wfile.write(one.push("message", "+switch-master", "what it says is asked for").encode())


class _Handler(socketserver.StreamRequestHandler):
    """One connection, in RESP2 until it says HELLO 3: redis-py before 8 does not."""

    server: Server

    def handle(self) -> None:
        self.resp3 = False
        while header := self.rfile.readline():
            words = [self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2].decode() for _ in range(int(header[1:]))]
            words = words[0].split() + words[1:]
            if words[0] == "HELLO":
                self.resp3 = True
                answer: str | None = "%1\r\n$5\r\nproto\r\n:3\r\n"
            elif words[0] == "CLIENT":
                answer = "+OK\r\n"
            elif words[0] == "SUBSCRIBE":
                answer = self.push("subscribe", words[1], 1)
                self.server.subscribed.append(self)
            else:
                self.server.commands.append(words)
                answer = self.server.answer(words)
            if answer is None:
                time.sleep(30)
            else:
                self.wfile.write((answer if self.resp3 else flat(answer)).encode())

    def push(self, *parts: str | int) -> str:
        text = "".join(f":{p}\r\n" if isinstance(p, int) else bulk(p) for p in parts)
        return f"{'>' if self.resp3 else '*'}{len(parts)}\r\n{text}"


def flat(answer: str) -> str:
    """What is a map in RESP3 is a list of names and values in RESP2."""
    return re.sub(r"%(\d+)", lambda found: f"*{2 * int(found[1])}", answer)


def bulk(text: str) -> str:
    return f"${len(text)}\r\n{text}\r\n"


@contextmanager
def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    with Server(answer, tls) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def naming(address: Callable[[], tuple[str, int]], epoch: int = 1) -> Answer:
    """A Sentinel that names this address, as RESP3 has it."""

    def answer(words: list[str]) -> str:
        host, port = address()
        pairs = {
            "name": NAME,
            "ip": host,
            "port": str(port),
            "flags": "master",
            "num-other-sentinels": "2",
            "config-epoch": str(epoch),
        }
        one = "%" + str(len(pairs)) + "\r\n" + "".join(bulk(item) for pair in pairs.items() for item in pair)
        return one if words[1] == "MASTER" else "*1\r\n" + one

    return answer
