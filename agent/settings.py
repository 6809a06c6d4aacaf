"""What a data node's agent is told: by the deployment's environment, or by the simulation."""

from dataclasses import dataclass

from agent.wire.answers import Address


@dataclass(frozen=True)
class NodeSettings:
    """One data node. Times are in seconds."""

    name: str
    me: Address
    """What it announces, and others know it by."""
    local: Address
    """Where its own server is asked."""
    declared_master: bool
    """It is the one that is made master at the very first start."""
    master: Address
    """Where that one is."""
    sentinels: tuple[Address, ...]
    """Those that it is told of; it learns of others from these. Empty: the declared roles are all there is."""
    master_name: str = "mymaster"
    consistent: bool = False
    down_after: float = 1.25
