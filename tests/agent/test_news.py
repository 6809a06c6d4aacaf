"""What counts as news, and what is posted of it; and that nothing a receiver does gets any further than that."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from agent.decide.news import News, Sight, Watcher
from agent.tell import post as posting
from agent.tell.board import Board, names
from agent.tell.notify import Notifier
from agent.tell.post import Webhook, shaped
from agent.view import sight
from agent.wire.answers import Address, Value
from agent.world import World

NODES = {"redis-0": Address("10.0.0.1", 16379), "redis-1": Address("10.0.0.2", 16380)}
SENTINELS = {f"sentinel-{index}": Address(f"10.0.0.{index + 1}", 16381) for index in range(3)}
WELL = Sight(0.0, NODES["redis-0"], 3, {"redis-0": True, "redis-1": True, "sentinel-1": True}, 3, 2)
HOOK = Webhook("127.0.0.1", 0, "/hook?a=b", False, "", "Basic eDp5", "json", frozenset(), "stack")
MESSAGE: dict[str, Any] = {
    "id": "i",
    "event": "node-down",
    "cluster": "stack",
    "about": "redis-0",
    "before": "",
    "epoch": 3,
    "text": "redis-0 is down",
    "at": 0.0,
    "by": "sentinel-0",
}


def up(**changed: bool | None) -> dict[str, bool | None]:
    return {**WELL.up, **{name.replace("_", "-"): state for name, state in changed.items()}}


@pytest.mark.parametrize(
    ("sights", "expected"),
    [
        ([{}, {}], []),
        ([{"up": up(redis_0=False)}, {"up": up(redis_0=False)}], []),  # as it is at first
        ([{}, {"master": NODES["redis-1"], "epoch": 4}], ["master/4"]),
        ([{}, {"master": NODES["redis-1"], "epoch": 3}], []),
        ([{}, {"epoch": 4}, {"master": NODES["redis-1"], "epoch": 4}], ["master/4"]),  # as the one that leads sees it
        ([{}, {"up": up(redis_0=False)}], ["node-down/redis-0"]),
        ([{}, {"up": up(redis_0=None)}, {}], []),
        ([{}, {"up": up(sentinel_1=False)}, {"up": up(sentinel_1=False)}], ["node-down/sentinel-1"]),
        # Up again counts after two seconds of it: a hung node that has just become a replica is connected at first.
        ([{}, {"up": up(redis_0=False)}, {}, {"up": up(redis_0=False)}, {}], ["node-down/redis-0"]),
        ([{}, {"up": up(redis_0=False)}, {}, {}, {}], ["node-down/redis-0", "node-back/redis-0"]),
        ([{}, {"sentinels_up": 1}, {"sentinels_up": 1}], ["quorum-lost/stack"]),
        ([{}, {"sentinels_up": 1}, {}, {}, {}], ["quorum-lost/stack", "quorum-back/stack"]),
        ([{}, {"tilt": True}, {"tilt": True}, {}, {"tilt": True}], ["tilt/sentinel-0"] * 2),
    ],
)
def test_what_is_news(sights: list[dict[str, Any]], expected: list[str]) -> None:
    watcher = Watcher({at: name for name, at in NODES.items()}, "stack", "sentinel-0")
    seen = [replace(WELL, at=float(second), **changed) for second, changed in enumerate(sights)]
    assert [news.id for one in seen for news in watcher.see(one)] == expected


def test_the_end_of_an_event_is_the_beginning_of_its_opposite() -> None:
    assert News("node-back", "redis-0", 3).undoes == News("node-down", "redis-0", 3).id
    assert News("failover", "redis-0", 3).undoes == ""


def test_a_sight_is_read_from_a_sentinels_answers() -> None:
    master: Value = ["ip", "10.0.0.1", "port", "16379", "flags", "master,s_down", "config-epoch", "7", "quorum", "2"]
    assert isinstance(master, list)
    master += ["down-after-milliseconds", "1250"]
    replicas: Value = [["ip", "10.0.0.2", "port", "16380", "flags", "slave,disconnected"]]
    peers: Value = [["ip", f"10.0.0.{host}", "port", "16381", "flags", "sentinel,s_down"] for host in (2, 3)]
    declared = sight.Declared(NODES, SENTINELS, 0)
    assert sight.read(declared, [master, replicas, peers, "sentinel_tilt:1\r\n"], 5.0) == Sight(
        at=5.0,
        master=NODES["redis-0"],
        epoch=7,
        up={"redis-0": False, "redis-1": None, "sentinel-1": False, "sentinel-2": False},
        sentinels_up=1,
        needed=2,
        tilt=True,
        settled=2.25,
    )


def test_names_of_connections() -> None:
    listed = "id=3 addr=a name=redis-ha/news:a=told;b=telling age=1\nid=4 addr=b name= age=2\n"
    assert names(listed) == ["redis-ha/news:a=told;b=telling"]


def test_shapes() -> None:
    assert shaped("json", MESSAGE) == MESSAGE
    assert shaped("slack", MESSAGE) == {"text": "stack: redis-0 is down"}
    (firing,) = shaped("alertmanager", MESSAGE)
    (resolved,) = shaped("alertmanager", {**MESSAGE, "event": "node-back", "at": 60.0})
    assert firing["labels"] == resolved["labels"], "by its labels Alertmanager knows that it is over"
    assert (firing["startsAt"], firing["endsAt"]) == ("1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z")
    assert resolved["endsAt"] == "1970-01-01T00:01:00Z"


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def post_to(serve: Serve) -> str | None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        return await posting.post(replace(HOOK, port=server.sockets[0].getsockname()[1]), MESSAGE)


def answering(text: bytes, asked: list[bytes] | None = None) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.splitlines() if line.startswith(b"Content-Length"))
        body = await reader.readexactly(length)
        if asked is not None:
            asked.extend([head, body])
        writer.write(text)
        writer.close()

    return serve


def test_a_post_is_http() -> None:
    asked: list[bytes] = []
    assert asyncio.run(post_to(answering(b"HTTP/1.1 204 No Content\r\n\r\n", asked))) is None
    head, body = asked
    assert head.startswith(b"POST /hook?a=b HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nAuthorization: Basic eDp5\r\n" in head
    assert json.loads(body) == MESSAGE


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 500 Oops\r\n\r\n", "status 500"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n", "status 302"),
        (b"+PONG\r\n", "the answer is not HTTP"),
        (b"", "the answer is not HTTP"),
        (b"x" * 200_000, "ValueError"),  # no line ends
    ],
)
def test_what_is_not_taken_is_said(answer: bytes, why: str) -> None:
    assert str(asyncio.run(post_to(answering(answer)))).startswith(why)


def test_silence_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "WITHIN", 0.2)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    assert asyncio.run(post_to(silent)) == "no answer within 0.2 s"


class Hurried:
    """A World in which a thousand seconds take one."""

    def now(self) -> float:
        return 1000 * asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 1000)

    def spawn(self, part: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        return asyncio.ensure_future(part)

    def random(self) -> float:
        return 0.0

    def say(self, text: str) -> None:
        pass


class Alone:
    """A board that nobody else has anything on."""

    async def handed_over(self, epoch: int) -> bool:
        return False

    async def put(self, event: str, word: str) -> None:
        pass

    async def of_others(self, event: str) -> set[str]:
        return set()


def test_the_end_of_an_event_is_told_after_it() -> None:
    """Else Alertmanager would fire for a day for what is well."""
    told: list[str] = []

    async def run() -> None:
        back_at = asyncio.get_running_loop().time() + 0.05

        async def take(hook: Webhook, message: Mapping[str, Any]) -> str | None:
            if asyncio.get_running_loop().time() < back_at:
                return "nobody is there"
            told.append(message["event"])
            return None

        hook = replace(HOOK, events=frozenset({"node-down", "node-back"}))
        watcher = Watcher({at: name for name, at in NODES.items()}, "stack", "sentinel-0")
        notifier = Notifier(cast(World, Hurried()), hook, watcher, cast(Board, Alone()), 0, take)
        for at, state in enumerate((True, False, True, True, True)):
            notifier.see(replace(WELL, at=float(at), up=up(redis_0=state)))
            await asyncio.sleep(0.01)
        for _ in range(200):
            if not notifier.pending:
                return
            await asyncio.sleep(0.01)

    asyncio.run(run())
    assert told == ["node-down", "node-back"]
