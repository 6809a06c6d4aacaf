"""Messages between agents. Both sides of a hand-over talk on the successor's Redis.

On the leaving master's a PUBLISH would wait, and all else on its connection, for as long as writes are held back
there. The channel begins with two underscores, which the application's users may not reach.
"""

from dataclasses import dataclass

from agent.settings import NodeSettings
from agent.wire.answers import Address, Command, Unknown, done
from agent.world import World

CHANNEL = "__redis-ha__"
AGAIN = 0.05


@dataclass(frozen=True)
class Message:
    """One word of a hand-over.

    `kind` is prepare, go (from the leaving master), ready, refused or taken (from its successor); or wake, which tells
    a node to look anew. `number` is: with prepare, how many other replicas will follow; with go, an offset in bytes of
    the replication stream; with ready and taken, the epoch.
    """

    kind: str
    hand_over: str
    """The same in all messages of one hand-over."""
    sender: Address
    number: int = 0
    why: str = ""

    def text(self) -> str:
        """As it is published."""
        return f"{self.kind} {self.hand_over} {self.sender} {self.number} {self.why}".rstrip()

    def command(self) -> Command:
        """What publishes it."""
        return ("PUBLISH", CHANNEL, self.text())

    @classmethod
    def parse(cls, text: str) -> "Message | None":
        """Read `text`; None for anything else."""
        words = text.split(" ", 4)
        try:
            return cls(words[0], words[1], Address.parse(words[2]), int(words[3]), words[4] if len(words) > 4 else "")
        except (ValueError, IndexError):
            return None


class Messages:
    """The messages that have come and have not been taken out."""

    def __init__(self, world: World, settings: NodeSettings) -> None:
        self._world = world
        self._settings = settings
        self._waiting: list[Message] = []
        self.heard: set[Address] = set()
        """Whose Redis is listened on now."""

    async def run(self) -> None:
        """Listen on this node's own Redis, for as long as the agent lives. An end of it is news: roles change so."""
        while True:
            await self.listen(self._settings.local)
            self._world.wake()
            await self._world.sleep(AGAIN)

    async def listen(self, peer: Address) -> None:
        """Listen on the Redis of `peer`, until that ends."""
        async for event in self._world.listen(peer, CHANNEL):
            if not event.channel:
                self.heard.add(peer)
                self._world.wake()
                continue
            message = Message.parse(event.text)
            if message is not None and message.kind != "wake":
                self._waiting.append(message)
            self._world.wake()
        self.heard.discard(peer)

    def take(self, *kinds: str, hand_over: str = "") -> Message | None:
        """The first message of these kinds (and of this hand-over), taken out."""
        for message in self._waiting:
            if message.kind in kinds and hand_over in ("", message.hand_over):
                self._waiting.remove(message)
                return message
        return None

    async def wake(self, peer: Address) -> None:
        """Have the agent of `peer` look at what is new."""
        await self.send(peer, Message("wake", "-", self._settings.me))

    async def send(self, peer: Address, message: Message, within: float = 0.5) -> "bool | None":
        """Publish at `peer`. True: its agent has it; False: it certainly has not and will not; None: unknown."""
        (result,) = await self._world.ask(peer, message.command(), within=within)
        if done(result):
            return bool(result)
        return None if result is Unknown.LATE else False
