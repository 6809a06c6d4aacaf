"""An epoch of one's own: the votes of most Sentinels, as the leader of a failover gets them, and the news of its end.

A claim is a lease: who has won one promotes within LEASE / 2 of the moment at which it asked for the votes, or not at
all; and who sees the vote for a rival waits for LEASE before asking for votes itself.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from agent.settings import NodeSettings
from agent.view import votes
from agent.view.council import Council, Roster, sender_of
from agent.view.votes import Vote
from agent.wire.answers import Address, Result, done
from agent.world import World

LEASE = 1.0
"""Seconds."""
VOTE_WITHIN = 0.4
"""Less than LEASE / 2. A Sentinel writes each vote to its disk before it answers, and a new epoch before that."""
SILENCES = 2
"""Attempts to which most Sentinels do not answer in time, after which there is no further one. After the first they may
only have waited for a disk that had much to write."""
STEPS = (1, 2, 10, 100)
"""Failed elections raise the Sentinels' epoch without showing it: how much higher each further claim is."""


@dataclass(frozen=True)
class Claim:
    """An epoch that most Sentinels have voted for; `asked_at` is when they were asked, by World.now."""

    disputed: Address
    epoch: int
    asked_at: float

    def holds(self, now: float) -> bool:
        """Whether there is still time to promote on it."""
        return now - self.asked_at < LEASE / 2


@dataclass
class Electorate:
    """The Sentinels as voters, and what has been seen of their votes."""

    world: World
    settings: NodeSettings
    roster: Roster
    _rivals: dict[Vote, float] = field(default_factory=dict)

    async def see(self, disputed: Address, council: Council, run_id: str) -> None:
        """Look at the votes that there are, without asking for one."""
        self._note(await self._ballots(disputed, 0, run_id, council), council, run_id)

    async def claim(
        self, disputed: Address, council: Council, run_id: str, over_sentinels: bool = False
    ) -> Claim | None:
        """Win an epoch for `run_id` in the place of the master at `disputed`; None where it cannot be had now.

        `over_sentinels`: the one that a Sentinel has been elected for is this node, so its votes are not waited for.
        """
        seen = await self._ballots(disputed, 0, run_id, council)
        self._note(seen, council, run_id)
        epoch = max(council.epoch, votes.highest(seen))
        silences = 0
        for step in STEPS:
            if self.rival_waits(self.roster.ids if over_sentinels else frozenset()):
                return None
            epoch += step
            asked_at = self.world.now()
            ballots = await self._ballots(disputed, epoch, run_id, council)
            if votes.won(ballots, run_id, epoch, council.total):
                return Claim(disputed, epoch, asked_at)
            self._note(ballots, council, run_id)
            silences += sum(vote is not None for vote in ballots.values()) * 2 <= council.total
            if silences == SILENCES:
                return None
            epoch = max(epoch, votes.highest(ballots))
        return None

    async def tell(self, master: Address, epoch: int) -> int:
        """Tell every Sentinel that `master` is the master since `epoch`, as they tell one another.

        Each is told in the name of another one that it knows: the message of a stranger would make a ghost of it.
        Returns how many have taken it, as soon as these are most of them: the others are told all the same.
        """
        sentinels = sorted(self.roster.sentinels)

        def enough(told: list[bool | None]) -> bool:
            return 2 * sum(each is True for each in told) > len(sentinels)

        told = await self.world.gather(*(self._tell_one(one, master, epoch) for one in sentinels), enough=enough)
        return sum(each is True for each in told)

    async def _tell_one(self, sentinel: Address, master: Address, epoch: int) -> bool:
        name = self.settings.master_name
        sender = self.roster.senders.get(sentinel)
        if sender is None:
            (known,) = await self.world.ask(sentinel, ("SENTINEL", "SENTINELS", name), within=VOTE_WITHIN)
            sender = sender_of(known)
        if sender is None:
            return False
        at, run_id = sender
        news = f"{at.host},{at.port},{run_id},{epoch},{name},{master.host},{master.port},{epoch}"
        (result,) = await self.world.ask(sentinel, ("PUBLISH", "__sentinel__:hello", news), within=1.0)
        return done(result)

    async def _ballots(
        self, disputed: Address, epoch: int, run_id: str, council: Council
    ) -> dict[Address, Vote | None]:
        command = votes.ballot(disputed, epoch, run_id)
        peers = sorted(self.roster.sentinels)

        async def one(peer: Address) -> list[Result]:
            return await self.world.ask(peer, command, within=VOTE_WITHIN)

        def enough(results: list[list[Result] | None]) -> bool:
            found = [votes.read(result[0]) if result else None for result in results]
            if epoch == 0:
                return 2 * sum(vote is not None for vote in found) > council.total
            return votes.won(dict(zip(peers, found, strict=True)), run_id, epoch, council.total)

        results = await self.world.gather(*(one(peer) for peer in peers), enough=enough)
        return {peer: votes.read(result[0]) if result else None for peer, result in zip(peers, results, strict=True)}

    def _note(self, seen: dict[Address, Vote | None], council: Council, run_id: str) -> None:
        """Note when each vote for a rival was first seen; forget those that the newest configuration has overtaken."""
        now = self.world.now()
        fresh = votes.rivals(seen, run_id, council.epoch)
        self._rivals = {vote: at for vote, at in self._rivals.items() if vote.epoch > council.epoch}
        for vote in fresh:
            self._rivals.setdefault(vote, now)

    @property
    def sentinel_leads(self) -> bool:
        """Whether a vote for a Sentinel has been seen that the newest configuration has not overtaken."""
        return any(vote.leader in self.roster.ids for vote in self._rivals)

    def rival_waits(self, but: Collection[str] = ()) -> bool:
        """Whether a vote for another, `but` for these, was seen so lately that its leader may be about to promote."""
        now = self.world.now()
        return any(now - at < LEASE and vote.leader not in but for vote, at in self._rivals.items())
