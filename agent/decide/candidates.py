"""Which replica a leaving master asks first. Pure."""

from agent.view.node import Node
from agent.wire.answers import Address


def candidates(master: Address, nodes: list[Node]) -> list[Address]:
    """The replicas of `master` that could take over.

    The oldest version first: no older Redis can replicate from a newer one. Then one whose data is on its disk, which
    after a copy it is not yet. Then the one that is longest up: in a roll-out the others have been replaced already.
    Then the one that has most.
    """
    able = [
        node
        for node in nodes
        if node.follows == master and node.link_up and node.priority > 0 and not node.loading and node.storing
    ]
    able.sort(key=lambda node: (node.version, node.rewriting, -node.uptime, -node.offset, node.address))
    return [node.address for node in able]
