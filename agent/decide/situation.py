"""What a data node's agent knows at one moment: all that a decision may depend on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.settings import NodeSettings
from agent.view.council import Council
from agent.view.mark import Mark
from agent.view.node import Node
from agent.wire.answers import Address, Probe


@dataclass(frozen=True)
class Situation:
    """One look around. Times are in seconds."""

    settings: NodeSettings
    own: Node | None
    """Its own server; None where that does not answer."""
    mark: Mark
    """What it remembers of its data."""
    stored: bool = True
    """What it has is on its disk, too: the file of before a copy has been rewritten."""
    was_master: bool = False
    """Its server does not answer, and was a master at its last answer."""
    ordered: bool = False
    """A Sentinel has failed over while its server did not answer: its order may wait there, to become the master."""
    council: Council = field(default_factory=Council)
    in_touch: bool = False
    """Its link to the master has been up since the server started: it lacks no more than came since that broke."""
    others: Mapping[Address, Node | None] = field(default_factory=dict)
    """Every other data node that is known, where it was asked; None: no answer, or only an error."""
    all_known: bool = True
    """A Sentinel has said which data nodes there are: before that, nothing follows from those that are known."""
    probe: Probe | None = None
    """How the kernel at the named master's address takes a connection; None where it was not tried."""
    glanced: bool = False
    """The named master was left a moment only to answer and to take a connection: its silence says nothing yet."""
    elected: bool = False
    """Most Sentinels have just voted for this node to take the named master's place."""
    door_closed: bool = False
    """The connection that was held open to the named master has been closed by the other side."""
    led: bool = False
    """A Sentinel has been elected to lead a failover since the named master's configuration, seen or not."""
    named_for: float = float("inf")
    """For how long the Sentinels have named this master in this epoch, where they were seen to begin with that."""
    lost_for: float = 0.0
    """For how long there has been no working master for this node."""
    back_for: float = 0.0
    """For how long the named master has answered again, and has not taken office."""
    ended_for: float = 0.0
    """For how long it has been certain that the named master has ended."""
    silent_for: float = 0.0
    """For how long most Sentinels have been silent."""
    contested_for: float = 0.0
    """For how long Sentinels have named different masters for one epoch."""
    first_start: bool = False

    @property
    def me(self) -> Address:
        return self.settings.me

    @property
    def named(self) -> Address | None:
        return self.council.named

    @property
    def named_node(self) -> Node | None:
        """The master that the Sentinels name, if it has answered."""
        return self.others.get(self.named) if self.named is not None else None

    @property
    def sees_down(self) -> bool:
        """Whether the quorum takes the named master for down, for its silence.

        One that has just taken office they may take for down as one that says that it is a replica: they have asked it
        before. It has not been silent for down-after since.
        """
        return self.council.sees_down and self.named_for >= self.settings.down_after / 2

    @property
    def hung(self) -> bool:
        """The named master gives no answer, and its Sentinels take it for down: a link to it only looks up."""
        return self.sees_down and self.named in self.others and self.named_node is None

    @property
    def rest_answers(self) -> bool:
        """Whether every data node but the named master is known, and has answered."""
        return self.all_known and all(
            node is not None for address, node in self.others.items() if address != self.named
        )

    @property
    def answering(self) -> list[Node]:
        """The other data nodes that answer, without the named master."""
        return [node for address, node in self.others.items() if node is not None and address != self.named]
