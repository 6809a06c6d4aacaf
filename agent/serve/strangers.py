"""Clients that have never sent a single command are disconnected.

Redis has no time limit for those who do not log in, and its `timeout` would meet the idle connections of the
application as well. The connection that asks is opened once and stays: where strangers have taken all the places, a
new one would not get in.
"""

import re

from agent.wire.answers import Address, Command
from agent.world import World

PATIENCE = 10
"""Seconds: a client library logs in at once."""
CROWD = 100
"""With more strangers than this, one second is enough: they may be taking up all the places."""
PERIOD = 2.0
CLIENTS_A_SECOND = 1000
"""The list of all clients is made in Redis' only thread: with many of them it is asked for less often."""
_STRANGER = re.compile(r"^id=(\d+) .* age=(\d+) .* cmd=NULL ", re.MULTILINE)


class Strangers:
    """Looks for them at `local`, this container's own server."""

    def __init__(self, world: World, local: Address) -> None:
        self._world = world
        self._local = local

    async def run(self) -> None:
        """For as long as the agent lives."""
        while True:
            (clients,) = await self._world.ask(self._local, ("CLIENT", "LIST", "TYPE", "normal"), within=2.0)
            count = 0
            if isinstance(clients, str):
                count = clients.count("\n")
                kills = _kills(clients)
                if kills:
                    await self._world.ask(self._local, *kills, within=2.0)
            await self._world.sleep(max(PERIOD, count / CLIENTS_A_SECOND))


def _kills(clients: str) -> list[Command]:
    """The commands that disconnect the strangers in a CLIENT LIST."""
    strangers = [(number, int(age)) for number, age in _STRANGER.findall(clients)]
    limit = 1 if len(strangers) > CROWD else PATIENCE
    return [("CLIENT", "KILL", "ID", number) for number, age in strangers if age >= limit]
