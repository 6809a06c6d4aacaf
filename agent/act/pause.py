"""Writes held back: Redis delays them, so that a client sees a pause and no error."""

from agent.wire.answers import Address, Command, done
from agent.world import World

LONG = 600.0
"""Seconds: longer than anything that a pause is for. Redis lifts it by itself after that; process 1, and with it the
server, has ended long before where it is not lifted."""


def _hold(seconds: float) -> Command:
    return ("CLIENT", "PAUSE", str(round(seconds * 1000)), "WRITE")


HOLD = _hold(LONG)


class WritePause:
    """Why the writes of a node are held back; they go on when no reason is left."""

    def __init__(self, world: World, local: Address) -> None:
        self._world = world
        self._local = local
        self.reasons: set[str] = set()
        self.since = 0.0
        """When the first of them came up."""

    async def hold(self, reason: str, seconds: float = LONG, within: float = 1.0) -> bool:
        """Hold writes back for `reason`; true when the server has said that it does."""
        if not self.reasons:
            self.since = self._world.now()
        self.reasons.add(reason)
        (result,) = await self._world.ask(self._local, _hold(seconds), within=within)
        return done(result)

    async def release(self, reason: str) -> None:
        """Take `reason` away; without another one writes go on."""
        if reason not in self.reasons:
            return
        self.reasons.discard(reason)
        if not self.reasons:
            await self._world.ask(self._local, ("CLIENT", "UNPAUSE"), within=1.0)

    def forget(self, but: str = "") -> None:
        """The server has lifted the pause together with the role that it was for, or goes on with it `but` for one."""
        self.reasons.clear()
        if but:
            self.since = self._world.now()
            self.reasons.add(but)
