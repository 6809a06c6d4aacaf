"""What tests/clients runs: a client that writes, two that wait for elements, and one that subscribes.

    python -m clients.python.program threads|asyncio|endpoint

The first line of standard input is JSON: `url` (redis+sentinel://...) and `prefix` of the keys. Each acknowledged
write is a line `ack NUMBER TIME`, each element and message that came a line `blpop|xread|message NUMBER TIME`, each
error that the program itself had to see `error TEXT`; times are nanoseconds since the epoch. The end of standard input
ends it. The programs in the other languages are the same.
"""

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.retry import Retry

from clients import redis_ha_client

EVERY = 0.01  # seconds between two writes


def say(*words: object) -> None:
    """One line, at once and whole."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def forever(step: Callable[[], None]) -> None:
    """Do it again and again; an error is said, and is no end."""
    while True:
        try:
            step()
        except RedisError as error:
            say("error", type(error).__name__, error)
            time.sleep(EVERY)


def through_endpoint(address: str, **options: Any) -> Any:
    """The recipe for the endpoint, which is of use in any language: retries, also when the answer is READONLY."""
    host, _, port = address.rpartition(":")
    retry = Retry(ConstantBackoff(0.025), 600)
    return Redis(host, int(port), retry=retry, retry_on_error=[ReadOnlyError], decode_responses=True, **options)


def with_threads(client: Any, waiting: Any, prefix: str) -> None:
    """Each part on a thread of its own. `waiting` is for what waits longer than any answer takes."""
    number = 0

    def write() -> None:
        nonlocal number
        client.set(f"{prefix}:{number}", number)
        say("ack", number, time.time_ns())
        number += 1
        time.sleep(EVERY)

    def pop() -> None:
        _, element = waiting.blpop(f"{prefix}:list", 0)
        say("blpop", element, time.time_ns())

    def read() -> None:
        answer = waiting.xreadgroup("group", "one", {f"{prefix}:stream": ">"}, count=1, block=0, noack=True)
        for _, entries in answer.items() if isinstance(answer, dict) else answer:
            say("xread", _number(entries), time.time_ns())

    def subscribe() -> None:
        with waiting.pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(f"{prefix}:channel")
            for message in channel.listen():
                say("message", message["data"], time.time_ns())

    _group(lambda: client.xgroup_create(f"{prefix}:stream", "group", mkstream=True))
    for part in (write, pop, read, subscribe):
        threading.Thread(target=forever, args=(part,), daemon=True).start()
    sys.stdin.read()


async def in_asyncio(url: str, prefix: str) -> None:
    """Each part as a task."""
    client = redis_ha_client.async_from_url(url, decode_responses=True)
    waiting = redis_ha_client.async_from_url(url, decode_responses=True, socket_timeout=None)

    async def again(part: Callable[[], Any]) -> None:
        while True:
            try:
                await part()
            except RedisError as error:
                say("error", type(error).__name__, error)
                await asyncio.sleep(EVERY)

    number = 0

    async def write() -> None:
        nonlocal number
        await client.set(f"{prefix}:{number}", number)
        say("ack", number, time.time_ns())
        number += 1
        await asyncio.sleep(EVERY)

    async def pop() -> None:
        _, element = await waiting.blpop(f"{prefix}:list", 0)
        say("blpop", element, time.time_ns())

    async def read() -> None:
        answer = await waiting.xreadgroup("group", "one", {f"{prefix}:stream": ">"}, count=1, block=0, noack=True)
        for _, entries in answer.items() if isinstance(answer, dict) else answer:
            say("xread", _number(entries), time.time_ns())

    async def subscribe() -> None:
        async with waiting.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(f"{prefix}:channel")
            async for message in channel.listen():
                say("message", message["data"], time.time_ns())

    try:
        await client.xgroup_create(f"{prefix}:stream", "group", mkstream=True)
    except ResponseError as error:
        say("error", error)
    parts = [asyncio.create_task(again(part)) for part in (write, pop, read, subscribe)]
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, ended.set)
    await ended.wait()
    for part in parts:
        part.cancel()


def _number(entries: Any) -> Any:
    """The field `number` of the one entry; its list is wrapped once more under RESP3."""
    while not isinstance(entries[0], tuple):
        entries = entries[0]
    return entries[0][1]["number"]


def _group(create: Callable[[], object]) -> None:
    try:
        create()
    except ResponseError as error:
        say("error", error)


def main() -> None:
    """Runs the part that the first argument names."""
    given = json.loads(sys.stdin.readline())
    if sys.argv[1] == "threads":
        one = redis_ha_client.from_url(given["url"], decode_responses=True)
        waiting = redis_ha_client.from_url(given["url"], decode_responses=True, socket_timeout=None)
        with_threads(one, waiting, given["prefix"])
    elif sys.argv[1] == "endpoint":
        login = {"address": given["endpoint"], "password": given["password"]}
        with_threads(
            through_endpoint(**login, socket_timeout=0.5),
            through_endpoint(**login, socket_timeout=None),
            given["prefix"],
        )
    else:
        asyncio.run(in_asyncio(given["url"], given["prefix"]))


if __name__ == "__main__":
    main()
