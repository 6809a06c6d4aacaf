"""What a data node's agent can decide to do."""

from dataclasses import dataclass

from agent.wire.answers import Address

# Seconds until it looks again.
STEADY = 1.0
SOON = 0.1
AT_ONCE = 0.01


@dataclass(frozen=True)
class Rest:
    """Nothing is to be done; `why` is what it waits for, or what it is."""

    why: str
    joined: bool = False
    again: float = STEADY
    nudge: tuple[Address, ...] = ()
    """Nodes that should act first, and may not know yet that they have to."""
    ended: bool = False
    """The named master has ended, and it is waited for another to take its place."""


@dataclass(frozen=True)
class Follow:
    """Become a replica of `master`."""

    master: Address
    why: str


@dataclass(frozen=True)
class TakeOffice:
    """Become the master in the place of `disputed`, by an epoch that most Sentinels vote for."""

    disputed: Address
    why: str
    whole: bool = True
    """False where its data is not, and nobody better has come."""


@dataclass(frozen=True)
class Ascertain:
    """The named master seems to have ended: look again, and give it the time to answer that makes that certain."""

    disputed: Address | None
    """Ask for votes to take its place meanwhile: it would be this node's turn. None: it would not."""


@dataclass(frozen=True)
class Begin:
    """Become the master without any vote: at the very first start, or where nobody is left to vote."""

    why: str


@dataclass(frozen=True)
class Yield:
    """Hand over to a replica, and become one of its replicas."""

    why: str


@dataclass(frozen=True)
class Announce:
    """This node is the master already: win an epoch for it, and tell all Sentinels."""

    disputed: Address
    why: str


@dataclass(frozen=True)
class TellAgain:
    """This node is the master of a newer epoch than the Sentinels name: they have not all heard it yet."""


@dataclass(frozen=True)
class EndServer:
    """End its own server at once: another node is the master now, and what this one still took would be lost."""

    why: str


Act = Rest | Follow | TakeOffice | Begin | Yield | Announce | TellAgain | EndServer
Step = Act | Ascertain
