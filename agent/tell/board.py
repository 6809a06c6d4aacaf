"""What the Sentinels' agents let each other know: the names of their connections to their own Sentinels.

A Sentinel forwards no message but those of Sentinels, and has no key. But it lists its connections with their names,
and a name goes with its connection. So nothing is left behind by an agent that has ended.
"""

import re

from agent.wire.answers import Address, answered
from agent.world import World

PREFIX = "redis-ha/news:"
HANDED_OVER = "redis-ha/handed-over:"
LIST = ("CLIENT", "LIST", "TYPE", "normal")
WITHIN = 1.0
KEPT = 32
"""Entries on one board."""
_NAME = re.compile(r" name=(\S+) ")


class Board:
    """This agent's own entries, at its own Sentinel: the id of an event, and whether it is told or being told."""

    def __init__(self, world: World, local: Address, others: tuple[Address, ...]) -> None:
        self._world = world
        self._local = local
        self._others = others
        self._entries: dict[str, str] = {}

    async def put(self, event: str, word: str) -> None:
        """Say that `event` is `told`, or that this agent is `telling` it; an empty word takes the entry away."""
        self._entries.pop(event, None)
        if word:
            self._entries[event] = word
        for old in list(self._entries)[:-KEPT]:
            del self._entries[old]
        text = PREFIX + ";".join(f"{one}={word}" for one, word in self._entries.items())
        await self._world.ask(self._local, ("CLIENT", "SETNAME", text), within=WITHIN)

    async def of_others(self, event: str) -> set[str]:
        """What the other agents say of `event`; nothing of those whose Sentinels do not answer."""
        found = set()
        for results in await self._world.gather(
            *(self._world.ask(other, LIST, within=WITHIN) for other in self._others)
        ):
            for name in names(results[0] if answered(results[0]) else ""):
                entries = name.removeprefix(PREFIX).split(";") if name.startswith(PREFIX) else []
                found |= {entry.rpartition("=")[2] for entry in entries if entry.rpartition("=")[0] == event}
        return found

    async def handed_over(self, epoch: int) -> bool:
        """Whether the master of `epoch` has said to this Sentinel that the one before has handed over to it."""
        (result,) = await self._world.ask(self._local, LIST, within=WITHIN)
        return f"{HANDED_OVER}{epoch}" in names(result)


def names(listed: object) -> list[str]:
    """The names of all connections in an answer to CLIENT LIST."""
    return _NAME.findall(listed) if isinstance(listed, str) else []


async def say_handed_over(world: World, sentinels: set[Address], epoch: int) -> None:
    """A new master's word to the Sentinels, by the same connections as its hello and before that."""
    name = f"{HANDED_OVER}{epoch}"
    await world.gather(*(world.ask(one, ("CLIENT", "SETNAME", name), within=WITHIN) for one in sorted(sentinels)))
