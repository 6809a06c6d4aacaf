"""Messages between machines: each takes a moment, some take long, and a cut swallows them without a word."""

from random import Random

from tests.agent.simulation.clock import Clock

OUTSIDE = "outside"
"""The machine of clients that are on none of the cluster's."""


class Network:
    """Who reaches whom. A machine holds a data node, a Sentinel, or one of each."""

    def __init__(self, clock: Clock, random: Random, slow: float) -> None:
        self._clock = clock
        self._random = random
        self._slow = slow
        """The share of messages that take up to SLOWEST."""
        self._cuts: dict[tuple[str, str], int] = {}
        self.ever_cut = False

    def reaches(self, sender: str, receiver: str) -> bool:
        """Whether what `sender` sends now arrives at `receiver`."""
        return (sender, receiver) not in self._cuts

    def both_ways(self, one: str, other: str) -> bool:
        """Whether a connection can be made and used."""
        cuts = self._cuts
        return not cuts or ((one, other) not in cuts and (other, one) not in cuts)

    def cut(self, one: str, other: str) -> None:
        """From now on nothing passes from one to the other, nor back. Cuts add up."""
        self.ever_cut = True
        for pair in ((one, other), (other, one)):
            self._cuts[pair] = self._cuts.get(pair, 0) + 1

    def heal(self, one: str, other: str) -> None:
        """Take one cut away."""
        for pair in ((one, other), (other, one)):
            left = self._cuts.get(pair, 0) - 1
            if left > 0:
                self._cuts[pair] = left
            else:
                self._cuts.pop(pair, None)

    def heal_all(self) -> None:
        """Take all cuts away."""
        self._cuts.clear()

    def delay(self) -> float:
        """Seconds that a message takes."""
        random = self._random.random
        if self._slow and random() < self._slow:
            return 0.4 * random()
        return 0.0001 + 0.0006 * random()
