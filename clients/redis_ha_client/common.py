"""What the clients with threads and those in asyncio have in common: limits, URLs, which Sentinel to believe.

An `Address` is (host, port). All times are in seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

Address = tuple[str, int]

CONNECT_TIMEOUT = 0.2  # a LAN answers in a millisecond
READ_TIMEOUT = 0.5  # longer than the write pause of a planned hand-over
PAUSE = 0.01  # between two attempts
PATIENCE = 15.0  # of refused connections until a command fails; each that times out comes on top
LOOK_EVERY = 2.0  # a Sentinel that has announced nothing is asked again: its announcement may be lost

SWITCHED = "+switch-master"  # the channel on which a Sentinel announces a new master

SCHEMES = {"redis+sentinel": False, "rediss+sentinel": True}


@dataclass(frozen=True)
class Place:
    """What a URL says: the Sentinels, the name that they are asked for, and how to log in."""

    sentinels: tuple[Address, ...]
    master_name: str
    password: str | None = field(default=None, repr=False)
    username: str | None = None
    db: int = 0
    tls: bool = False
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, url: str) -> "Place":
        """Read `redis+sentinel://[[USER]:PASSWORD@]HOST:PORT[,HOST:PORT...]/MASTER[/DB]`; `rediss+sentinel` is TLS.

        What is reserved in a URL is percent-encoded in user, password and master. Raises ValueError.
        """
        # Several hosts are no host to urlsplit, and some are an error: so only the parts around them are left to it.
        scheme, _, rest = url.partition("://")
        netloc = rest.partition("/")[0]
        parts = urlsplit(rest[len(netloc) :])
        if scheme not in SCHEMES:
            raise ValueError(f"the URL begins with {' or '.join(f'{scheme}://' for scheme in SCHEMES)}")
        login, _, hosts = netloc.rpartition("@")
        username, _, password = login.partition(":")
        name, _, db = parts.path.strip("/").partition("/")
        if not name:
            raise ValueError("the URL names no master: redis+sentinel://HOST:PORT,.../MASTER")
        if db and not db.isdigit():
            raise ValueError("the database in the URL is not a number")
        return cls(
            tuple(_address(one) for one in hosts.split(",")),
            unquote(name),
            unquote(password) or None,
            unquote(username) or None,
            int(db or 0),
            SCHEMES[scheme],
            dict(parse_qsl(parts.query)),
        )

    def arguments(self) -> dict[str, Any]:
        """For `sentinel` and `async_sentinel`, beside the Sentinels and the password."""
        found: dict[str, Any] = {"db": self.db} if self.db else {}
        if self.username:
            found |= {"username": self.username}
        return found


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError("each Sentinel in the URL is HOST:PORT")
    return host.strip("[]"), int(port)


class Answers:
    """The last answer of each Sentinel that answers. The one with the highest configuration epoch is right.

    An epoch is what the Sentinels count their failovers with: one that has slept through the last has a lower one.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, Address]] = {}

    def heard(self, sentinel: int, answer: tuple[int, Address] | None) -> None:
        """Note an answer, (epoch, address); None: this Sentinel does not answer."""
        if answer is None:
            self._known.pop(sentinel, None)
        else:
            self._known[sentinel] = answer

    @property
    def master(self) -> Address | None:
        """Who is master; None while no Sentinel answers."""
        return max(self._known.values(), key=lambda answer: answer[0])[1] if self._known else None


def answer_of(said: Any) -> tuple[int, Address]:
    """The epoch and the address in the answer to SENTINEL MASTER: names and values in turn, or a mapping.

    Not by redis-py's `sentinel_master`, which does not work in all the versions.
    """
    pairs = said.items() if isinstance(said, Mapping) else zip(said[::2], said[1::2], strict=True)
    state = {_text(name): _text(value) for name, value in pairs}
    return int(state["config-epoch"]), (state["ip"], int(state["port"]))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def tls_options(ca: str | None, cert: str | None, key: str | None) -> dict[str, Any]:
    """redis-py's options for TLS; nothing without a CA."""
    return {"ssl": True, "ssl_ca_data": ca, "ssl_certfile": cert, "ssl_keyfile": key} if ca else {}


def settings(
    password: str | None, tls: dict[str, Any], no_retry: Any, many_retries: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What redis-py is told of the Sentinels' connections, and of the nodes'."""
    common: dict[str, Any] = {"password": password, "socket_connect_timeout": CONNECT_TIMEOUT, **tls}
    of_sentinels = {"socket_timeout": CONNECT_TIMEOUT, "retry": no_retry}
    return common | of_sentinels, common | {"socket_timeout": READ_TIMEOUT, "retry": many_retries}


def turn_away(error: ResponseError) -> RedisConnectionError | None:
    """The error to raise instead, where a master accepts no writes (yet, or any more): it is then retried.

    NOREPLICAS: it could not keep them. UNBLOCKED: it has become a replica, and lets go who waits for an element.
    """
    return RedisConnectionError(str(error)) if str(error).startswith(("NOREPLICAS", "UNBLOCKED")) else None


Sentinels = Sequence[Address]
