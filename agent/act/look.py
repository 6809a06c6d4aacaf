"""Looking around: this node's own server, the Sentinels, and, where something is wrong, the other nodes."""

from agent.decide.situation import Situation
from agent.settings import NodeSettings
from agent.view import council as council_view
from agent.view import node as node_view
from agent.view.council import Council, Roster, Sentinel
from agent.view.mark import Mark
from agent.view.node import Node
from agent.watch.door import MasterDoor
from agent.wire.answers import Address, Probe, Refusal
from agent.world import World

OWN_WITHIN = 0.5
OWN_AGAIN = 0.05
"""For a server that did not answer at the last look."""
SENTINEL_WITHIN = 0.3
SILENT_WITHIN = 0.05
"""For a Sentinel that was silent at the last look."""
NODE_WITHIN = 0.1
GLANCE = 0.01
"""For a master that seems to have ended, at first: long enough for one that is near, and well. The votes can be asked
for while it is left the longer time that makes its end certain, which is one of the next two."""
HUNG_WITHIN = 0.03
"""For a master that its Sentinels take for down. They begin a failover of their own one tick (50 to 100 ms) after the
second of them does so, and that one takes half a second longer than the replicas' own."""
CLOSED_WITHIN = 0.05
"""For a master whose door has been closed: a kernel that is there takes a new connection within a round trip, however
busy its processes are, and refuses one where nobody listens. A container that has been killed gives no answer."""
ROSTER_EVERY = 10.0


class Lookout:
    """What a node's agent sees, and for how long it has been so. Times are in seconds."""

    def __init__(self, world: World, settings: NodeSettings, roster: Roster, door: MasterDoor) -> None:
        self._world = world
        self._settings = settings
        self._roster = roster
        self._door = door
        self._silent: set[Address] = set()
        self._own_silent = False
        self.was_master = False
        """Whether this node's server was a master at its last answer."""
        self._ordered = False
        self._roster_at = float("-inf")
        self._lost_since: float | None = None
        self._back_since: float | None = None
        self._silent_since: float | None = world.now()
        self._contested_since: float | None = None
        self._ended_since: float | None = None
        self._named: tuple[Address | None, int] | None = None
        self._named_since = float("-inf")
        self._rest_silent = False
        """Whether another data node than the named master gave no answer at the last look: then none is a short one."""
        self.in_touch = False

    async def look(self, mark: Mark, patient: bool = False) -> Situation:
        """One look around. Unless `patient`, a master that seems to have ended is only glanced at."""
        await self._refresh_roster()
        within = OWN_AGAIN if self._own_silent else OWN_WITHIN
        began = self._world.now()
        own, council = await self._world.gather(self.own(within), self.council())
        if own is None and not self._own_silent:  # what they have said is as old as the wait for it
            council = await self.council()
        self._own_silent = own is None
        self._ordered = own is None and (self._ordered or council.failing_over)
        self.was_master = own.is_master if own is not None else self.was_master
        others: dict[Address, Node | None] = {}
        probe, glanced = None, False
        if self._is_well(own, council):
            self._lost_since = self._back_since = None
        else:
            within = self._named_within(council)
            glanced = within < NODE_WITHIN and council.majority and not (patient or self._rest_silent)
            others, probe = await self._suspect(own, council, GLANCE if glanced else within)
            self._rest_silent = any(node is None for address, node in others.items() if address != council.named)
            named = others.get(council.named) if council.named is not None else None
            self._lost_since = None if _serves(named) else (self._lost_since or self._world.now())
            if named is not None or not glanced or probe is Probe.CLOSED:
                self._back_since = None if named is None or _serves(named) else (self._back_since or self._world.now())
        self._note_named(council)
        self._silent_since = None if council.majority else (self._silent_since or self._world.now())
        self._contested_since = (self._contested_since or self._world.now()) if council.contested else None
        if own is not None and own.link_up and own.follows in (None, council.named):
            self.in_touch = True
        return Situation(
            settings=self._settings,
            own=own,
            mark=mark,
            was_master=own is None and self.was_master,
            ordered=self._ordered,
            council=council,
            in_touch=self.in_touch,
            others=others,
            all_known=self._roster_at > float("-inf"),
            probe=probe,
            glanced=glanced,
            door_closed=council.named is not None and self._door.closed == council.named,
            named_for=max(0.0, began - self._named_since),
            lost_for=self._since(self._lost_since),
            back_for=self._since(self._back_since),
            ended_for=self._since(self._ended_since),
            silent_for=self._since(self._silent_since),
            contested_for=self._since(self._contested_since),
            first_start=self._world.first_start(),
        )

    def ended(self, master_has: bool) -> None:
        """Whether the last look made it certain that the named master has ended."""
        self._ended_since = (self._ended_since or self._world.now()) if master_has else None

    async def council(self) -> Council:
        """What the Sentinels say; as soon as most of them agree, the slow ones are not waited for."""
        peers = sorted(self._roster.sentinels)
        question = council_view.question(self._settings.master_name)

        async def one(peer: Address) -> tuple[Sentinel | None]:
            within = SILENT_WITHIN if peer in self._silent else SENTINEL_WITHIN
            return (council_view.read(peer, await self._world.ask(peer, *question, within=within)),)

        def together(results: list[tuple[Sentinel | None] | None]) -> Council:
            return Council(len(peers), tuple(each[0] for each in results if each is not None and each[0] is not None))

        def enough(results: list[tuple[Sentinel | None] | None]) -> bool:
            pending = any(each is None and p not in self._silent for p, each in zip(peers, results, strict=True))
            if pending:
                return False
            so_far = together(results)
            return so_far.majority and so_far.agreed

        found = together(await self._world.gather(*(one(peer) for peer in peers), enough=enough))
        self._silent = set(peers) - {one.address for one in found.sentinels}
        return found

    async def node(self, address: Address, within: float = NODE_WITHIN) -> Node | None:
        """Another data node; None where it gives no answer of use."""
        found = node_view.read(address, await self._world.ask(address, *node_view.QUESTION, within=within))
        return found if isinstance(found, Node) else None

    async def own(self, within: float = OWN_WITHIN) -> Node | None:
        """This node's server; None where it does not answer."""
        local = self._settings.local
        found = node_view.read(self._settings.me, await self._world.ask(local, *node_view.QUESTION, within=within))
        if isinstance(found, Refusal) and found.text.startswith("BUSY"):
            # A script that has run for longer than `busy-reply-threshold`. Sentinel would end it only when it has
            # taken the node for down already. One that has written cannot be ended.
            self._world.say("a script has run for too long: ending it")
            await self._world.ask(local, ("SCRIPT", "KILL"), ("FUNCTION", "KILL"), within=OWN_WITHIN)
        return found if isinstance(found, Node) else None

    def _is_well(self, own: Node | None, council: Council) -> bool:
        """Nothing to look into: it is the master that is named, or linked to it."""
        if own is None or not council.majority or self._door.closed == council.named:
            return False
        if own.is_master:
            return council.named == self._settings.me
        return own.link_up and own.follows == council.named and not council.sees_down

    def _named_within(self, council: Council) -> float:
        """Seconds that the named master has to answer. Less than usual: it seems to have ended."""
        if council.sees_down:
            return HUNG_WITHIN
        return CLOSED_WITHIN if council.named is not None and self._door.closed == council.named else NODE_WITHIN

    async def _suspect(
        self, own: Node | None, council: Council, within: float
    ) -> tuple[dict[Address, Node | None], Probe | None]:
        """Every other data node, and the kernel of the named master's host, left `within` to answer."""
        if not self._settings.sentinels:
            return {}, None
        known = self._roster.nodes | ({council.named} if council.named else set()) | {self._settings.master}
        if own is not None and own.follows is not None and own.follows.port != 1:
            known.add(own.follows)
        peers = sorted(known - {self._settings.me})
        parts = [self.node(peer, within if peer == council.named else NODE_WITHIN) for peer in peers]
        if council.named is None or council.named == self._settings.me:
            return dict(zip(peers, await self._world.gather(*parts), strict=True)), None
        *nodes, probe = await self._world.gather(*parts, self._world.probe(council.named, within))
        return dict(zip(peers, nodes, strict=True)), probe

    async def _refresh_roster(self) -> None:
        """Who there is, by all Sentinels that answer; every ten seconds."""
        now = self._world.now()
        if not self._settings.sentinels or now - self._roster_at < ROSTER_EVERY:
            return
        name = self._settings.master_name
        asked = sorted(self._roster.sentinels)
        results = await self._world.gather(
            *(
                self._world.ask(
                    peer, ("SENTINEL", "SENTINELS", name), ("SENTINEL", "REPLICAS", name), within=SENTINEL_WITHIN
                )
                for peer in asked
            )
        )
        answered = [(peer, result) for peer, result in zip(asked, results, strict=True) if isinstance(result[0], list)]
        if not answered:
            return
        self._roster_at = now
        self._roster.sentinels = (
            set(self._settings.sentinels)
            | {peer for peer, _ in answered}
            | council_view.merged(result[0] for _, result in answered)
        )
        found = {peer: council_view.sender_of(result[0]) for peer, result in answered}
        self._roster.senders = {peer: sender for peer, sender in found.items() if sender is not None}
        known = [one for _, result in answered for one in council_view.members(result[0])]
        self._roster.ids = frozenset(run_id for _, run_id, _ in known)
        self._roster.nodes = council_view.merged(result[1] for _, result in answered) - {self._settings.me}

    def _note_named(self, council: Council) -> None:
        if not council.majority:
            return
        before, self._named = self._named, (council.named, council.epoch)
        if before is not None and before != self._named:
            self._named_since = self._world.now()

    def _since(self, moment: float | None) -> float:
        return 0.0 if moment is None else self._world.now() - moment


def _serves(node: Node | None) -> bool:
    return node is not None and node.is_master
