"""Tells a webhook what has happened: one message for one event, however many Sentinels see it.

Each Sentinel's agent finds the same events. The first one posts at once, the next ones after their turns and only if no
other has: before it posts, an agent says on its board that it does, and then looks at the boards of the others. So
no two of them post the same event at the same time, as long as they reach each other.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agent.decide.news import News, Sight, Watcher
from agent.tell.board import Board
from agent.tell.post import Webhook
from agent.world import World

TURN = 2.0
"""Seconds that the next Sentinel leaves to the one before it."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
GIVE_UP = 600.0
"""Seconds after which what nobody takes is let go of."""
PENDING = 64
"""Events that wait; further ones are only logged."""
OVER = 5.0
"""Seconds from an event's end until it may happen again: the others have seen its end by then."""

Post = Callable[[Webhook, Mapping[str, Any]], Awaitable[str | None]]


class Notifier:
    """Of one Sentinel's agent. Everything runs beside it, and nothing waits for it."""

    def __init__(self, world: World, hook: Webhook, watcher: Watcher, board: Board, index: int, post: Post) -> None:
        self._world = world
        self._hook = hook
        self._watcher = watcher
        self._board = board
        self._index = index
        self._post = post
        self._one_at_a_time = asyncio.Lock()
        self._began: dict[str, float] = {}
        self._last: dict[str, asyncio.Future[None]] = {}
        """Of each subject the last event, until it has been told or given up: its end is told after it."""
        self.pending = 0

    def see(self, sight: Sight) -> None:
        """Look for news, and begin to tell it."""
        for news in self._watcher.see(sight):
            if self.pending >= PENDING:
                self._world.say(f"notification: too many wait; not told: {news.event} of {news.about}")
                continue
            self.pending += 1
            self._began[news.id] = self._world.now()
            over = asyncio.get_running_loop().create_future()
            before = self._last.get(news.about) if news.undoes else None
            if news.undoes:
                self._last[news.about] = over
            self._world.spawn(self._tell(news, before, over, time.time()))

    async def _tell(
        self, news: News, before: "asyncio.Future[None] | None", over: "asyncio.Future[None]", at: float
    ) -> None:
        began = since = self._began[news.id]
        try:
            if before is not None:
                await asyncio.wait({before})
                since = self._world.now()
            if news.undoes:
                self._world.spawn(self._forget(news.undoes, began))
            event = news.event
            if event == "failover" and await self._board.handed_over(news.epoch):
                event = "hand-over"
            if event in self._hook.events:
                await self._deliver(news.id, self._message(news, event, at), since)
        finally:
            self.pending -= 1
            over.set_result(None)

    async def _forget(self, event: str, over: float) -> None:
        await self._world.sleep(OVER)
        async with self._one_at_a_time:
            if self._began.get(event, over) <= over:  # else it has happened again
                await self._board.put(event, "")

    async def _deliver(self, event: str, message: Mapping[str, Any], since: float) -> None:
        turn = 0 if event.startswith("tilt/") else self._index
        await self._world.sleep(TURN * turn)
        pause, why = FIRST_PAUSE, "another Sentinel's agent is at it"
        while self._world.now() - since < GIVE_UP:
            async with self._one_at_a_time:
                await self._board.put(event, "telling")
                others = await self._board.of_others(event)
                told = "told" in others
                if not told and not others:
                    failed = await self._post(self._hook, message)
                    told, why = failed is None, failed or ""
                await self._board.put(event, "told" if told else "")
            if told:
                return
            if not others:
                self._world.say(f"notification: {message['event']} of {message['about']} is not taken yet: {why}")
            # Two that meet go apart again: no two pause for the same time.
            await self._world.sleep(pause * (1 + 0.3 * self._index + 0.2 * self._world.random()))
            pause = pause if others else min(2 * pause, LONGEST_PAUSE)
        self._world.say(f"notification: {message['event']} of {message['about']} is given up: {why}")

    def _message(self, news: News, event: str, at: float) -> dict[str, Any]:
        words = {
            "failover": f"failover: {news.about} is the master now, in place of {news.before}",
            "hand-over": f"{news.before} has handed over to {news.about}",
            "node-down": f"{news.about} is down",
            "node-back": f"{news.about} is back",
            "quorum-lost": "too few Sentinels are up for a failover",
            "quorum-back": "enough Sentinels are up for a failover again",
            "tilt": f"{news.about} is in TILT: its clock or its process stood still, and it does not act for a while",
        }
        return {
            "id": f"{self._hook.cluster}/{news.id}" + ("" if news.event == "failover" else f"/{round(at)}"),
            "event": event,
            "cluster": self._hook.cluster,
            "about": news.about,
            "before": news.before,
            "epoch": news.epoch,
            "text": words[event],
            "at": round(at, 3),
            "by": self._watcher.me,
        }
