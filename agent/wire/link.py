"""One connection to a node or Sentinel: commands go out in order, each answer ends the oldest that waits."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from agent.wire.answers import Address, Command, Probe, Refusal, Result, Unknown, Value
from agent.wire.resp import Reader, encode

GIVE_UP_MS = 5000
"""For so long the kernel repeats what is not acknowledged; then the connection is gone."""


@dataclass(frozen=True)
class Login:
    """How to log in, and what to trust. `context` is None where nodes speak plainly."""

    user: str = ""
    secret: str = ""
    context: ssl.SSLContext | None = None

    def commands(self) -> tuple[Command, ...]:
        """What is sent first. Where clients take too much memory, others are let go of."""
        return (("AUTH", self.user, self.secret), ("CLIENT", "NO-EVICT", "ON")) if self.secret else ()


class Link(asyncio.Protocol):
    """Commands and their answers, or the messages of a subscription."""

    def __init__(self, on_message: Callable[[list[Value]], None] | None = None) -> None:
        self._reader = Reader()
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[asyncio.Future[Result], float]] = deque()
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_connection makes
        self._transport = transport
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GIVE_UP_MS)

    def data_received(self, data: bytes) -> None:
        try:
            for value in self._reader.feed(data):
                self._take(value)
        except (ValueError, RecursionError):
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        while self._waiting:
            future, _ = self._waiting.popleft()
            if not future.done():
                future.set_result(Unknown.LATE)
        if not self.lost.done():
            self.lost.set_result(None)

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def oldest(self) -> float:
        """Seconds that the oldest command has waited for its answer."""
        return self._loop.time() - self._waiting[0][1] if self._waiting else 0.0

    def send(self, *commands: Command) -> list[asyncio.Future[Result]]:
        """Send `commands`; a future for each answer."""
        assert self._transport is not None  # noqa: S101 - made by `connect`
        now = self._loop.time()
        futures = [self._loop.create_future() for _ in commands]
        self._waiting.extend((future, now) for future in futures)
        self._transport.write(encode(commands))
        return futures

    def subscribe(self, channels: tuple[str, ...]) -> None:
        """Begin to receive messages; each channel is confirmed by a message of its own."""
        assert self._transport is not None  # noqa: S101 - made by `connect`
        self._transport.write(encode((("SUBSCRIBE", *channels),)))

    def close(self) -> None:
        """Close it; what has not been answered is LATE."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self, value: Value | Refusal) -> None:
        if self._on_message is not None and isinstance(value, list) and value and value[0] in ("message", "subscribe"):
            self._on_message(value)
        elif self._waiting:
            future, _ = self._waiting.popleft()
            if not future.done():
                future.set_result(value)


async def connect(
    peer: Address, login: Login, within: float, on_message: Callable[[list[Value]], None] | None = None
) -> Link | Unknown:
    """A connection that is logged in, or why there is none."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(within):
            _, link = await loop.create_connection(
                lambda: Link(on_message), peer.host, peer.port, ssl=login.context, server_hostname=_name(peer, login)
            )
    except ConnectionRefusedError:
        return Unknown.CLOSED
    except (OSError, TimeoutError):  # ssl.SSLError is an OSError
        return Unknown.UNSENT
    if login.secret:
        link.send(*login.commands())
    return link


async def probe(peer: Address, within: float) -> Probe:
    """How the kernel there takes a new connection, which is closed at once: nobody logs in, and no process is asked."""
    found = await connect(peer, Login(), within)
    if isinstance(found, Link):
        found.close()
        return Probe.LISTENS
    return Probe.CLOSED if found is Unknown.CLOSED else Probe.SILENT


def _name(peer: Address, login: Login) -> str | None:
    return peer.host if login.context is not None else None


def tls_context(ca: str, cert: str | None, key: str | None = None) -> ssl.SSLContext:
    """What agents trust, and show: paths of PEM files. One certificate serves all nodes, so the CA is what counts.

    Without `cert` nothing is shown; without `key` that is in the same file.
    """
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False
    if cert is not None:
        context.load_cert_chain(cert, key)
    return context
