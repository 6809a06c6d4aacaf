"""Situations for the tests of decisions: three nodes and three Sentinels that are well, and what differs."""

from dataclasses import replace
from typing import Any, Final

from agent.decide.situation import Situation
from agent.settings import NodeSettings
from agent.view.council import Council, Sentinel
from agent.view.mark import Mark
from agent.view.node import Node, Replica
from agent.wire.answers import Address

LIMBO: Final = Address("127.0.0.1", 1)
MASTER: Final = Address("10.0.0.1", 16379)
ME: Final = Address("10.0.0.2", 16380)
THIRD: Final = Address("10.0.0.3", 16380)
SENTINELS: Final = tuple(Address(f"10.0.0.{host}", 16381) for host in (1, 2, 3))
EPOCH: Final = 5
WHOLE: Final = Mark(True, True, EPOCH, False, 1000, False)
WAS_MASTER: Final = Mark(True, True, EPOCH, True, 1000, False)
OLD: Final = Mark(True, True, EPOCH - 1, False, 5000, False)
HALF: Final = Mark(True, False, EPOCH, False, 500, False)
EMPTY: Final = Mark(True, False, -1, False, 0, True)


def settings(me: Address = ME, **changed: Any) -> NodeSettings:
    """Of a replica, unless `me` is the declared master's address."""
    told = NodeSettings("node", me, Address("127.0.0.1", me.port), me == MASTER, MASTER, SENTINELS)
    return replace(told, **changed)


def council(
    named: Address = MASTER, epoch: int = EPOCH, answers: int = 3, flags: tuple[str, ...] = (), down: int = 0
) -> Council:
    """`answers` of three Sentinels; `down` of them take the master for down."""
    said = [
        Sentinel(at, named, frozenset((*flags, *(["s_down"] if index < down else []))), epoch, 2, 2)
        for index, at in enumerate(SENTINELS[:answers])
    ]
    return Council(3, tuple(said))


def replica(at: Address = ME, **changed: Any) -> Node:
    """One that has followed the master until a moment ago."""
    mark = changed.pop("mark", WHOLE)
    node = Node(at, "slave", f"run-{at.port}-{at.host}", MASTER, False, 1.0, 1000, keys=3, mark=mark)
    return replace(node, **changed)


def master(at: Address = MASTER, **changed: Any) -> Node:
    mark = changed.pop("mark", WAS_MASTER)
    replicas = tuple(Replica(other, True, 1000) for other in (MASTER, ME, THIRD) if other != at)
    return replace(Node(at, "master", "run-m", offset=1000, keys=3, replicas=replicas, mark=mark), **changed)


def situation(own: Node | None, **changed: Any) -> Situation:
    """What the node `own` knows, in touch until the master was lost a moment ago."""
    me = own.address if own is not None else ME
    known = Situation(
        settings=settings(me),
        own=own,
        mark=own.mark if own is not None else WHOLE,
        council=council(),
        in_touch=True,
        others={at: None for at in (MASTER, ME, THIRD) if at != me},
        lost_for=0.1,
        ended_for=0.1,
    )
    return replace(known, **changed)
