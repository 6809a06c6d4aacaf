"""redis_ha_client against servers that say what Sentinels and nodes say in a failover, each a few lines of RESP."""

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from clients import redis_ha_client
from tests.program.resp_servers import NAME, Answer, naming, serving


class Failover:
    """An old master that fails in some way, a new one, and a Sentinel.

    That announces the new one `seconds` after the old one has had its first command; at once with 0; never with None.
    """

    def __init__(self, old: Answer, seconds: float | None = 0.4) -> None:
        self._stack = ExitStack()
        self._old, self._seconds = old, seconds
        self._switched = seconds == 0
        self._ended = threading.Event()

    def __enter__(self) -> "Failover":
        self.old = self._stack.enter_context(serving(self._old))
        self.new = self._stack.enter_context(serving(lambda words: "+OK\r\n"))
        named = lambda: (self.new if self._switched else self.old).address  # noqa: E731
        self.sentinel = self._stack.enter_context(serving(naming(named)))
        if self._seconds:
            threading.Thread(target=self._later, args=(self._seconds,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._stack.close()

    def _later(self, seconds: float) -> None:
        while not self.old.commands:
            if self._ended.wait(0.01):
                return
        if not self._ended.wait(seconds):
            self.switch()

    def switch(self) -> None:
        """The Sentinel announces the new master."""
        self._switched = True
        self.sentinel.announce()


def eventually(happens: Callable[[], object]) -> None:
    ends = time.monotonic() + 5
    while not happens():
        assert time.monotonic() < ends
        time.sleep(0.01)


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
    with Failover(FAILURES["silent"], 0) as failover, serving(FAILURES["silent"]) as silent:
        client = redis_ha_client.master([silent.address, silent.address, failover.sentinel.address], NAME)
        began = time.monotonic()
        assert client.set("a", "b")
        # Without time limits it would wait for them for ever.
        assert time.monotonic() - began < 3 * redis_ha_client.CONNECT_TIMEOUT + 3
        client.close()


def blocked(listener: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=listener, daemon=True)
    thread.start()
    return thread


def test_who_waits_at_a_silent_master_comes_back_when_another_is_announced() -> None:
    with Failover(FAILURES["silent"], None) as failover:
        client = redis_ha_client.master([failover.sentinel.address], NAME, socket_timeout=None)
        popped: list[object] = []
        waiting = blocked(lambda: popped.append(client.execute_command("BLPOP", "list", 0)))
        eventually(lambda: failover.old.commands and failover.sentinel.subscribed)
        failover.switch()
        waiting.join(2)
        assert popped
        assert failover.new.commands == [["BLPOP", "list", "0"]]


def test_who_waits_in_asyncio_comes_back_as_well() -> None:
    async def wait(failover: Failover) -> None:
        client = redis_ha_client.async_master([failover.sentinel.address], NAME, socket_timeout=None)
        popped = asyncio.create_task(client.execute_command("BLPOP", "list", 0))
        await asyncio.get_running_loop().run_in_executor(
            None, lambda: eventually(lambda: failover.old.commands and failover.sentinel.subscribed)
        )
        failover.switch()
        assert await asyncio.wait_for(popped, 2)
        await client.aclose()

    with Failover(FAILURES["silent"], None) as failover:
        asyncio.run(wait(failover))
        assert failover.new.commands == [["BLPOP", "list", "0"]]


def test_the_sentinel_with_the_highest_epoch_is_believed() -> None:
    with Failover(FAILURES["silent"], 0) as failover, serving(naming(lambda: failover.old.address, 0)) as asleep:
        client = redis_ha_client.master([asleep.address, failover.sentinel.address], NAME)
        watch = client.connection_pool.sentinel_manager.watch(NAME)
        eventually(lambda: watch.master == failover.new.address)
        assert client.set("a", "b")
        assert not failover.old.commands
        client.close()


def test_nobody_listens_for_a_client_that_is_gone() -> None:
    with Failover(FAILURES["silent"], 0) as failover:
        client = redis_ha_client.master([failover.sentinel.address], NAME)
        assert client.set("a", "b")
        listening = [t for t in threading.enumerate() if t.name == f"{NAME}-sentinel-0"]
        assert listening
        client.close()
        del client
        gc.collect()
        for thread in listening:
            thread.join(10)
            assert not thread.is_alive()


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis+sentinel://:p%40%2F%3A@10.0.0.1:16381/mymaster", ("p@/:", None, "mymaster", 0, False)),
        ("rediss+sentinel://me:pw@10.0.0.1:16381/my%2Fmaster/3", ("pw", "me", "my/master", 3, True)),
        ("redis+sentinel://10.0.0.1:16381/mymaster/", (None, None, "mymaster", 0, False)),
    ],
)
def test_a_url_says_all(url: str, place: tuple[object, ...]) -> None:
    found = redis_ha_client.Place.of(url)
    assert found.sentinels == (("10.0.0.1", 16381),)
    assert (found.password, found.username, found.master_name, found.db, found.tls) == place


def test_a_url_has_any_number_of_sentinels() -> None:
    found = redis_ha_client.Place.of("redis+sentinel://:pw@10.0.0.1:16381,[fd00::2]:16391,host:1/m")
    assert found.sentinels == (("10.0.0.1", 16381), ("fd00::2", 16391), ("host", 1))
    assert "pw" not in repr(found)


@pytest.mark.parametrize(
    "url", ["redis://h:1/m", "redis+sentinel://h:1", "redis+sentinel://h/m", "redis+sentinel://h:1/m/x"]
)
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        redis_ha_client.from_url(url)


def test_a_client_of_a_url() -> None:
    with Failover(FAILURES["silent"], 0) as failover:
        host, port = failover.sentinel.address
        client = redis_ha_client.from_url(f"redis+sentinel://{host}:{port}/{NAME}")
        assert client.set("a", "b")
        client.close()
    with pytest.raises(ValueError, match="ca="):
        redis_ha_client.from_url("rediss+sentinel://h:1/m")


def test_another_error_is_the_callers() -> None:
    with Failover(lambda words: "-ERR no such thing\r\n", None) as failover:
        client = redis_ha_client.master([failover.sentinel.address], NAME)
        with pytest.raises(ResponseError, match="no such thing"):
            client.set("a", "b")
        assert len(failover.old.commands) == 1
        client.close()


def test_options_of_the_caller_count() -> None:
    with Failover(FAILURES["silent"], None) as failover:
        retry = Retry(NoBackoff(), 1)
        client = redis_ha_client.master([failover.sentinel.address], NAME, socket_timeout=0.1, retry=retry)
        began = time.monotonic()
        with pytest.raises((RedisConnectionError, RedisTimeoutError)):
            client.set("a", "b")
        assert time.monotonic() - began < 1
        assert len(failover.old.commands) == 2
        client.close()


def test_tls_and_passwords_reach_nodes_and_sentinels() -> None:
    other = {"username": "other"}
    asked: Any = redis_ha_client.sentinel([("10.0.0.1", 16381)], "hidden", ca="PEM", sentinel_kwargs=other)
    of_sentinel = asked.sentinels[0].connection_pool.connection_kwargs
    assert (of_sentinel["username"], of_sentinel["password"], of_sentinel["ssl_ca_data"]) == ("other", "hidden", "PEM")
    for client in (asked.master_for(NAME), asked.slave_for(NAME)):
        pool = client.connection_pool
        assert pool.connection_class is redis_ha_client.AskAgainTls
        assert (pool.connection_kwargs["password"], pool.connection_kwargs["ssl_ca_data"]) == ("hidden", "PEM")
