"""Writes held back: Redis delays them, so that a client sees a pause and no error."""

from agent.wire.answers import Address, Command, Unknown, done
from agent.world import World

LONG = 600.0
"""Seconds after which Redis lifts a pause by itself. Only a lease may last longer, and that is said again all along;
else process 1, and with it the server, has ended long before where it is not lifted."""
RELEASE_WITHIN = 0.25


def _hold(seconds: float) -> Command:
    return ("CLIENT", "PAUSE", str(round(seconds * 1000)), "WRITE")


HOLD = _hold(LONG)


class WritePause:
    """Why the writes of a node are held back; they go on when no reason is left."""

    def __init__(self, world: World, local: Address) -> None:
        self._world = world
        self._local = local
        self.reasons: dict[str, float] = {}
        """Each with the seconds after which Redis goes on by itself."""
        self.since = 0.0
        """When the first of them came up."""

    async def hold(self, reason: str, seconds: float = LONG, within: float = 1.0) -> bool:
        """Hold writes back for `reason`; true when the server has said that it does."""
        if not self.reasons:
            self.since = self._world.now()
        self.reasons[reason] = seconds
        (result,) = await self._world.ask(self._local, _hold(seconds), within=within)
        return done(result)

    async def release(self, reason: str) -> None:
        """Take `reason` away; without another one writes go on.

        With another, they are held back for its own time: of two times Redis keeps the longer one. A server that hangs
        is not told: it would let writes go on when it does so itself, and another node may be the master by then. The
        reason stays for another try, as it does where nothing could be sent.
        """
        if reason not in self.reasons:
            return
        (alive,) = await self._world.ask(self._local, ("PING",), within=RELEASE_WITHIN)
        if isinstance(alive, Unknown) or reason not in self.reasons:
            return
        others = [seconds for other, seconds in self.reasons.items() if other != reason]
        again = [_hold(max(others))] if others else []
        result, *_ = await self._world.ask(self._local, ("CLIENT", "UNPAUSE"), *again, within=RELEASE_WITHIN)
        if result not in (Unknown.UNSENT, Unknown.CLOSED):
            self.reasons.pop(reason, None)

    def forget(self, but: str = "") -> None:
        """The server has lifted the pause together with the role that it was for, or goes on with it `but` for one."""
        self.reasons.clear()
        if but:
            self.since = self._world.now()
            self.reasons[but] = LONG
