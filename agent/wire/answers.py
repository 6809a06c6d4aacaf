"""The three ways in which a question ends: an answer, a refusal, or unknown."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Address(NamedTuple):
    """Where a node or Sentinel listens. It is written HOST:PORT."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read HOST:PORT. Raises ValueError for anything else."""
        host, colon, port = text.rpartition(":")
        if not colon or not host:
            raise ValueError(f"'{text}' is not HOST:PORT")
        return cls(host, int(port))


LIMBO = Address("127.0.0.1", 1)
"""The master of a replica that has none: nobody listens there. Such a node keeps its data and takes no writes."""


@dataclass(frozen=True)
class Refusal:
    """The peer has answered with an error: what was asked has not been done."""

    text: str


class Unknown(Enum):
    """No answer. Only LATE may have been carried out."""

    CLOSED = "nobody listens there"
    """The connection was refused: by the kernel of a host whose process is gone."""
    UNSENT = "not reached in time"
    """No connection within the time: nothing was sent."""
    LATE = "sent, and not answered in time"
    """It was sent, and no answer came, or the connection broke: perhaps it has been done, perhaps it will be."""


Value = str | int | None | list["Value"]
Result = Value | Refusal | Unknown
Command = tuple[str, ...]


class Probe(Enum):
    """How the kernel at an address takes a new connection; no process there has to answer for it."""

    LISTENS = "a process listens"
    CLOSED = "no process listens"
    SILENT = "no answer"


def answered(result: Result) -> bool:
    """Whether the peer has said anything at all."""
    return not isinstance(result, Unknown)


def done(result: Result) -> bool:
    """Whether what was asked has certainly been done."""
    return not isinstance(result, Unknown | Refusal)
