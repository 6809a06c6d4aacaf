"""Who gets the writes and the reads. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """What is known of one data node."""

    claims: bool = False
    """It has said that it is the master, has not been silent for long since, and has not ended."""
    replica: bool = False
    """It has said that it is a replica, and has not been silent for long since."""
    linked: bool = False
    """That replica has its link to the master."""


@dataclass(frozen=True)
class View:
    """What is known of all, at one moment."""

    nodes: Mapping[str, Node]
    majority: bool
    """Most of the Sentinels answer."""
    named: str | None
    """The node that most of the Sentinels name as the master."""
    failing_over: bool
    """A Sentinel leads a failover, or did so a moment ago."""


def writes_to(view: View, has: str | None, settled: bool, consistent: bool) -> str | None:
    """The node that gets the writes; None: nobody.

    `has` is the node that has them, and `settled` whether for so long that every Sentinel has been asked since.
    """
    if consistent and not view.majority:
        return None
    claiming = [name for name, node in view.nodes.items() if node.claims]
    if len(claiming) < 2:
        return claiming[0] if claiming else None
    # One of them has come back, or is on its way out. As long as a failover is under way, and until all Sentinels have
    # been asked since, they still name the old one: so the one that has the writes keeps them. Otherwise they go where
    # the majority says.
    stays = view.failing_over or (has is not None and not settled) or view.named is None
    chosen = has if stays else view.named
    return chosen if chosen in claiming else None


def reads_from(view: View, writes: str | None) -> frozenset[str]:
    """The nodes that share the reads: replicas in touch with the master, else it, else what replicas have had of it."""
    replicas = {name for name, node in view.nodes.items() if node.replica}
    linked = {name for name in replicas if view.nodes[name].linked}
    return frozenset(linked or ({writes} if writes else replicas))
