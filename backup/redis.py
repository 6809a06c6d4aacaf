"""Questions to a Redis server, in its own protocol."""

import contextlib
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backup.given import BackupError, Given, Place

Word = str | bytes | int
PATIENCE_S = 5.0


class RefusedError(BackupError):
    """The server's own word against a command."""


@dataclass(frozen=True)
class Database:
    """How much one holds: keys, those of them that have an end, and hashes of whose fields some have (Redis 7.4)."""

    keys: int
    expires: int
    subexpiry: int = 0

    @property
    def lasting(self) -> int:
        """Those that have no end, at least."""
        return self.keys - self.expires - self.subexpiry


def databases(info: Mapping[str, str]) -> dict[int, Database]:
    """Those that hold keys, by number, of what INFO says."""
    held = {name: text for name, text in info.items() if name.startswith("db") and text.startswith("keys=")}
    parts = {int(name[2:]): dict(part.split("=") for part in text.split(",")) for name, text in held.items()}
    return {
        number: Database(int(one["keys"]), int(one["expires"]), int(one.get("subexpiry", 0)))
        for number, one in parts.items()
    }


class Client:
    """One connection. Whatever goes wrong with it is a BackupError."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        self.name = name
        self._connection = connection
        self._stream = connection.makefile("rb")

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._connection.close()

    def ask(self, *words: Word, within: float | None = None) -> Any:
        """The answer; bytes, numbers, None, or lists of them. Raises RefusedError."""
        if within is not None:
            self._connection.settimeout(within)
        (answer,) = self.ask_all([words])
        return answer

    def ask_all(self, commands: Iterable[Iterable[Word]]) -> list[Any]:
        """The answers to many, sent at once. Raises the first RefusedError, when all have been read."""
        answers = self.answers(commands)
        for answer in answers:
            if isinstance(answer, RefusedError):
                raise answer
        return answers

    def answers(self, commands: Iterable[Iterable[Word]]) -> list[Any]:
        """The same; a refusal is one of them."""
        packed = [_packed(list(words)) for words in commands]
        try:
            self._connection.sendall(b"".join(packed))
            return [self._answer() for _ in packed]
        except (OSError, ValueError) as error:
            raise BackupError(f"{self.name}: {error or type(error).__name__}") from None

    def tell(self, *words: Word) -> None:
        """Send a command whose answer another thread waits for, by `next`."""
        try:
            self._connection.sendall(_packed(list(words)))
        except OSError as error:
            raise BackupError(f"{self.name}: {error}") from None

    def next(self) -> Any:
        """What the server says next, however long that takes."""
        try:
            return self._answer()
        except (OSError, ValueError) as error:
            raise BackupError(f"{self.name}: {error or type(error).__name__}") from None

    def patient(self) -> None:
        """From now on nothing is late."""
        self._connection.settimeout(None)

    def shut(self) -> None:
        """End the connection, also for a thread that waits for what comes next."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def info(self, *sections: str) -> dict[str, str]:
        """What INFO says, by its names."""
        lines = self.ask("INFO", *sections).decode(errors="replace").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def _answer(self) -> Any:
        line = self._stream.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("the connection has been closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            return RefusedError(f"{self.name}: {rest.decode(errors='replace')}")
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            if size < 0:
                return None
            found = self._stream.read(size + 2)
            if len(found) != size + 2:
                raise OSError("the connection has been closed")
            return found[:-2]
        if kind == b"*":
            return None if int(rest) < 0 else [self._answer() for _ in range(int(rest))]
        raise OSError("an answer that is not Redis' protocol")


def at(place: Place, given: Given, user: str) -> Client:
    """A connection to a node, logged in. Raises BackupError."""
    try:
        connection = socket.create_connection((place.host, place.port), PATIENCE_S)
        if given.tls:
            connection = _context(given.tls).wrap_socket(connection)
    except OSError as error:
        raise BackupError(f"{place.name} does not answer: {error}") from None
    client = Client(connection, place.name)
    client.ask("AUTH", user, given.logins[user])
    return client


def local(path: Path) -> Client:
    """A connection to a server of this container. Raises OSError."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE_S)
    connection.connect(str(path))
    return Client(connection, "the scratch server")


def _context(files: Mapping[str, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(files["ca"]))
    context.check_hostname = False  # the CA is what counts: one certificate serves all nodes
    context.load_cert_chain(files["cert"], files["key"])
    return context


def _packed(words: list[Word]) -> bytes:
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        raw = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(raw), raw))
    return b"".join(parts)
