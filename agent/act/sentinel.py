"""A Sentinel's agent: finds the master to watch, sets what no configuration file can hold, says how the Sentinel is."""

from collections.abc import Callable
from dataclasses import dataclass

from agent.decide.watched import Watch, watched
from agent.view import council as council_view
from agent.view import node as node_view
from agent.view.council import Council, members
from agent.view.node import Node
from agent.wire.answers import Address, Refusal, Result, answered, done
from agent.world import World

EVERY = 1.0
SOON = 0.1
TURN = 1.0
WITHIN = 0.5
AGAIN, SELDOM = 60.0, 3600.0
"""Seconds after which something that has been forgotten and has come back is forgotten again: twice as long each time.
Whatever it is, it is still attached to the master, and each time its Sentinel is away for a moment."""


@dataclass(frozen=True)
class SentinelSettings:
    """One Sentinel, as it is declared. Times are in milliseconds, as SENTINEL DEBUG takes them."""

    local: Address
    index: int
    master_name: str
    declared: Address
    nodes: tuple[Address, ...]
    others: tuple[Address, ...]
    """The other Sentinels, in the order of their index."""
    earlier: int
    """How many of them come before this one: those have joined already."""
    periods: tuple[str, ...] = ()
    """Words that follow SENTINEL DEBUG."""


class SentinelAgent:
    """Supervises one Sentinel."""

    def __init__(
        self, world: World, settings: SentinelSettings, forgotten: dict[Address, tuple[int, float]] | None = None
    ) -> None:
        """`forgotten`: how often each address has been, and when last; kept for the agents of later Sentinels."""
        self._world = world
        self._settings = settings
        self._forgotten = {} if forgotten is None else forgotten
        self._periods_set = False
        self._joined = False
        self.master: Address | None = None
        """The master that it names now."""
        self.seen: Callable[[list[Result]], None] | None = None
        """Is given what the Sentinel answers in each round: SENTINEL MASTER, REPLICAS and SENTINELS, and INFO."""

    async def find(self) -> Watch:
        """The master to watch, where none is remembered: by the other Sentinels, or by the data nodes themselves.

        One that they name and that is not declared any more counts for as long as it serves: it hands over when it is
        removed.
        """
        world, settings = self._world, self._settings
        began = world.now()
        question = council_view.question(settings.master_name)
        while True:
            answers = await world.gather(*(world.ask(peer, *question, within=WITHIN) for peer in settings.others))
            council = council_view.council(dict(zip(settings.others, answers, strict=True)))
            undeclared = sorted({one.named for one in council.sentinels} - {*settings.nodes})
            asked = (*settings.nodes, *undeclared)
            known = dict(zip(asked, await world.gather(*(self._node(address) for address in asked)), strict=True))
            for address in undeclared:
                node = known[address]
                if node is None or not node.is_master:
                    del known[address]
            found = watched(settings.declared, known, council, world.now() - began)
            if isinstance(found, Watch):
                return found
            world.show({"role": "sentinel", "joined": False, "why": found})
            await world.sleep(0.2)

    async def serves(self, address: Address) -> bool:
        """Whether a master of this cluster answers there."""
        node = await self._node(address)
        return node is not None and node.is_master

    async def _node(self, address: Address) -> Node | None:
        found = node_view.read(address, await self._world.ask(address, *node_view.QUESTION, within=WITHIN))
        return found if isinstance(found, Node) else None

    async def run(self) -> list[Address]:
        """Until something is known that is not declared any more; its addresses."""
        world, since = self._world, None
        while True:
            ghosts = [at for at in await self._round() if self._is_due(at)]
            since = (since or world.now()) if ghosts else None
            # No two Sentinels forget at the same time: each waits for its turn.
            if since is not None and world.now() - since > TURN * (1 + self._settings.index):
                for at in ghosts:
                    self._forgotten[at] = (self._forgotten.get(at, (0, 0.0))[0] + 1, world.now())
                return ghosts
            await world.rest(EVERY if self._joined else SOON)

    def _is_due(self, ghost: Address) -> bool:
        times, last = self._forgotten.get(ghost, (0, 0.0))
        return times == 0 or self._world.now() - last > min(AGAIN * 2 ** min(times - 1, 10), SELDOM)

    async def _round(self) -> list[Address]:
        name, local = self._settings.master_name, self._settings.local
        answers = await self._world.ask(
            local,
            ("SENTINEL", "MASTER", name),
            ("SENTINEL", "REPLICAS", name),
            ("SENTINEL", "SENTINELS", name),
            ("INFO", "sentinel"),
            within=WITHIN,
        )
        if not done(answers[0]):
            why = answers[0].text if isinstance(answers[0], Refusal) else "it does not answer"
            self._world.show({"role": "sentinel", "joined": False, "why": why})
            return []
        if self.seen is not None:
            self.seen(answers)
        await self._set_periods()
        return self._judge(answers)

    async def _set_periods(self) -> None:
        """Redis before 7.0 has no such command, and keeps its own periods."""
        if self._periods_set or not self._settings.periods:
            return
        (result,) = await self._world.ask(
            self._settings.local, ("SENTINEL", "DEBUG", *self._settings.periods), within=WITHIN
        )
        self._periods_set = answered(result)
        if isinstance(result, Refusal):
            self._world.say(f"this Sentinel keeps its own periods: {result.text}")

    def _judge(self, answers: list[Result]) -> list[Address]:
        """Show how this Sentinel is; what it knows that is not declared, and is down."""
        council = council_view.council({self._settings.local: answers[:1]})
        newest = council.newest
        if newest is None:
            return []
        self.master = newest.named
        states = {at: flags for result in answers[1:3] for at, _, flags in members(result)}
        tilt = isinstance(answers[3], str) and "sentinel_tilt:1" in answers[3]
        missing = [str(at) for at in self._needed(newest.named) if _unwell(states.get(at, "not known"))]
        well = not newest.flags & {"s_down", "o_down", "disconnected"}
        self._joined = well and not missing
        why = self._words(council, well, missing, tilt)
        self._world.show(
            {
                "role": "sentinel",
                "joined": self._joined,
                "why": why,
                "master": str(newest.named),
                "master_well": well,
                "epoch": newest.epoch,
                "missing": missing,
                "tilt": tilt,
            }
        )
        if not well or not self._settings.nodes:
            return []
        declared = {*self._settings.nodes, *self._settings.others}
        return [at for at, flags in states.items() if at not in declared and "s_down" in flags]

    def _needed(self, master: Address) -> list[Address]:
        """Every declared data node, and every Sentinel that was started before this one."""
        nodes = [at for at in self._settings.nodes if at != master]
        return [*nodes, *self._settings.others[: self._settings.earlier]]

    def _words(self, council: Council, well: bool, missing: list[str], tilt: bool) -> str:
        newest = council.newest
        assert newest is not None  # noqa: S101 - `_judge` has it
        if tilt:
            return "in TILT: its clock or its process stood still, and it does not act for a while"
        if not well:
            return f"master {newest.named} is not well: {','.join(sorted(newest.flags))}"
        if missing:
            return f"{missing[0]} is not seen"
        nodes, earlier = len(self._settings.nodes), self._settings.earlier
        return f"watching {newest.named}, with {nodes} data nodes and {earlier} earlier Sentinels up"


def _unwell(flags: str) -> bool:
    return flags == "not known" or any(bad in flags for bad in ("s_down", "o_down", "disconnected"))
