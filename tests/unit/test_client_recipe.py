"""redis_ha_client against servers that say what Sentinels and nodes say in a failover, each a few lines of RESP."""

import asyncio
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from clients import redis_ha_client

Answer = Callable[[list[str]], str | None]
NAME = "mymaster"


class Server(socketserver.ThreadingTCPServer):
    """Answers commands as `answer` says; None: never."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.commands: list[list[str]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", int(self.server_address[1]))


class _Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        while header := self.rfile.readline():
            words = [self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2].decode() for _ in range(int(header[1:]))]
            if words[0] == "HELLO":
                answer: str | None = "%1\r\n$5\r\nproto\r\n:3\r\n"
            elif words[0] == "CLIENT":
                answer = "+OK\r\n"
            else:
                self.server.commands.append(words)
                answer = self.server.answer(words)
            if answer is None:
                time.sleep(30)
            else:
                self.wfile.write(answer.encode())


@contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    with Server(answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def naming(address: Callable[[], tuple[str, int]]) -> Answer:
    """A Sentinel that names this address."""

    def answer(words: list[str]) -> str:
        host, port = address()
        pairs = {"name": NAME, "ip": host, "port": str(port), "flags": "master", "num-other-sentinels": "2"}
        items = [item for pair in pairs.items() for item in pair]
        return "*1\r\n%" + str(len(pairs)) + "\r\n" + "".join(f"${len(i)}\r\n{i}\r\n" for i in items)

    return answer


class Failover:
    """An old master that fails in some way, a new one, and a Sentinel that names the new one after a while."""

    def __init__(self, old: Answer, seconds: float = 0.4) -> None:
        self._stack = ExitStack()
        self._old, self._seconds = old, seconds

    def __enter__(self) -> "Failover":
        self.old = self._stack.enter_context(serving(self._old))
        self.new = self._stack.enter_context(serving(lambda words: "+OK\r\n"))
        ends = time.monotonic() + self._seconds
        current = lambda: (self.old if time.monotonic() < ends else self.new).address  # noqa: E731
        self.sentinel = self._stack.enter_context(serving(naming(current)))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


FAILURES: dict[str, Answer] = {
    "silent": lambda words: None,
    "demoted": lambda words: "-READONLY You can't write against a read only replica.\r\n",
    "alone": lambda words: "-NOREPLICAS Not enough good replicas to write.\r\n",
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_command_reaches_the_new_master(failure: str) -> None:
    with Failover(FAILURES[failure]) as failover:
        client = redis_ha_client.master([failover.sentinel.address], NAME)
        assert client.set("a", "b")
        assert failover.old.commands
        assert failover.new.commands == [["SET", "a", "b"]]
        client.close()


@pytest.mark.parametrize("failure", FAILURES)
def test_a_command_reaches_the_new_master_in_asyncio(failure: str) -> None:
    async def write(failover: Failover) -> None:
        client = redis_ha_client.async_master([failover.sentinel.address], NAME)
        assert await client.set("a", "b")
        await client.aclose()

    with Failover(FAILURES[failure]) as failover:
        asyncio.run(write(failover))
        assert failover.old.commands
        assert failover.new.commands == [["SET", "a", "b"]]


def test_silent_sentinels_are_passed_over_quickly() -> None:
    with Failover(FAILURES["silent"], 0.0) as failover, serving(FAILURES["silent"]) as silent:
        client = redis_ha_client.master([silent.address, silent.address, failover.sentinel.address], NAME)
        began = time.monotonic()
        assert client.set("a", "b")
        assert time.monotonic() - began < 3 * redis_ha_client.CONNECT_TIMEOUT + 0.5
        client.close()


def test_another_error_is_the_callers() -> None:
    with Failover(lambda words: "-ERR no such thing\r\n", 60) as failover:
        client = redis_ha_client.master([failover.sentinel.address], NAME)
        with pytest.raises(ResponseError, match="no such thing"):
            client.set("a", "b")
        assert len(failover.old.commands) == 1
        client.close()


def test_options_of_the_caller_count() -> None:
    with Failover(FAILURES["silent"], 60) as failover:
        retry = Retry(NoBackoff(), 1)
        client = redis_ha_client.master([failover.sentinel.address], NAME, socket_timeout=0.1, retry=retry)
        began = time.monotonic()
        with pytest.raises((RedisConnectionError, RedisTimeoutError)):
            client.set("a", "b")
        assert time.monotonic() - began < 1
        assert len(failover.old.commands) == 2
        client.close()


def test_tls_and_passwords_reach_nodes_and_sentinels() -> None:
    asked = redis_ha_client.sentinel([("10.0.0.1", 16381)], "hidden", ca="PEM", sentinel_kwargs={"username": "other"})
    of_sentinel = asked.sentinels[0].connection_pool.connection_kwargs
    assert (of_sentinel["username"], of_sentinel["password"], of_sentinel["ssl_ca_data"]) == ("other", "hidden", "PEM")
    for client in (asked.master_for(NAME), asked.slave_for(NAME)):
        pool = client.connection_pool
        assert pool.connection_class is redis_ha_client.AskAgainTls
        assert (pool.connection_kwargs["password"], pool.connection_kwargs["ssl_ca_data"]) == ("hidden", "PEM")
