"""What a node remembers of its data: on its volume, for its next start, and on its process, for the other agents."""

from dataclasses import replace
from typing import Any

from agent.decide.situation import Situation
from agent.settings import NodeSettings
from agent.view.council import Roster
from agent.view.mark import Mark
from agent.view.node import Node
from agent.wire.answers import Address, done
from agent.world import World


class Memory:
    """The mark of this node's data, kept up with what is seen of its server."""

    def __init__(self, world: World, settings: NodeSettings, roster: Roster, mark: Mark) -> None:
        self._world = world
        self._settings = settings
        self._roster = roster
        self.mark = mark
        self._seen: Node | None = None
        self.stored = True
        """Whether what it has is on its volume: after a copy the append-only file is the old one until it has been
        rewritten. A rewrite of its own accord loses nothing."""
        self._kept: dict[str, Any] = {}

    def copy_lost(self, own: Node) -> bool:
        """Whether a copy has begun, which takes the place of the data in memory and may break off: not whole any more.

        Loading, by a server that had once loaded, is the copy; so is an offset that has gone back without a link.
        """
        before, self._seen = self._seen, own
        self._note_stored(before, own)
        if before is None or before.run_id != own.run_id or own.is_master or before.is_master:
            return False
        if (own.loading and not before.loading) or (not own.link_up and own.offset < before.offset):
            self.remember(replace(self.mark, whole=False, master=False))
            return True
        return False

    def _note_stored(self, before: Node | None, own: Node) -> None:
        if not own.rewriting:
            self.stored = self.stored or own.is_master or own.link_up
        elif own.link_up and (before is None or _since(before) != _since(own)):
            self.stored = False  # it may have copied since the last look

    async def look(self, now: Situation, own: Node) -> None:
        """Remember what follows from a look at this node's server, which has loaded."""
        mark, council = self.mark, now.council
        if own.is_master and council.named == now.me:
            mark = replace(mark, epoch=max(mark.epoch, council.epoch), master=True, offset=own.offset, empty=False)
        elif not own.is_master and own.link_up:
            epoch = council.epoch if council.majority and own.follows == council.named else mark.epoch
            epoch = max(mark.epoch, epoch, 0)
            mark = replace(mark, whole=True, epoch=epoch, master=False, offset=own.offset, empty=False)
        elif now.in_touch and mark.whole and not own.is_master and not own.copying:
            mark = replace(mark, offset=max(mark.offset, own.offset))  # the last that came before the link broke
        self.remember(mark)
        if own.mark != self.mark:
            await self.mark_server()

    def office(self, epoch: int, whole: bool = True) -> None:
        """This node is the master since `epoch`."""
        self.remember(replace(self.mark, whole=whole, epoch=epoch, master=True, empty=False))

    def remember(self, mark: Mark) -> None:
        """Know `mark` from now on, and keep it on the volume as soon as that is true of the volume, too."""
        self.mark = mark
        memory = {**mark.as_memory(), "nodes": sorted(str(node) for node in self._roster.nodes)}
        if memory != self._kept and (self.stored or not mark.whole):
            self._kept = memory
            self._world.remember(memory)

    async def mark_server(self) -> bool:
        """Write the mark on the process; true when it has said so."""
        command = ("CONFIG", "SET", "proc-title-template", self.mark.title())
        (result,) = await self._world.ask(self._settings.local, command, within=1.0)
        return done(result)


def _since(node: Node) -> tuple[str, bool, Address | None]:
    """What another link to a master shows in."""
    return node.run_id, node.link_up, node.follows
