"""Which master a Sentinel begins to watch, where it does not remember one. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.view.council import Council
from agent.view.node import Node
from agent.wire.answers import Address

PATIENCE = 60.0
"""Seconds after which those that do not answer are not waited for any longer."""


@dataclass(frozen=True)
class Watch:
    """Watch `master`, by the configuration of `epoch`."""

    master: Address
    epoch: int


def watched(declared: Address, nodes: Mapping[Address, Node | None], council: Council, waited: float) -> Watch | str:
    """The master to watch, or what is waited for. `nodes` are all declared data nodes; `waited` is in seconds."""
    if council.named in nodes and council.majority and council.agreed and council.named is not None:
        return Watch(council.named, council.epoch)
    answering = [node for node in nodes.values() if node is not None]
    everybody = len(answering) == len(nodes) or waited >= PATIENCE
    if not nodes:
        return Watch(declared, 0)
    masters = [node for node in answering if node.is_master]
    if len(masters) == 1 and everybody:
        return _watch(masters[0])
    if len(masters) > 1:
        return _watch(max(masters, key=lambda node: node.mark.worth))
    if not everybody:
        silent = next(address for address, node in nodes.items() if node is None)
        return f"waiting for data node {silent}, or for most of the other Sentinels"
    whole = [node for node in answering if node.mark.whole]
    if whole:
        return _watch(max(whole, key=lambda node: (node.mark.worth, node.address == declared)))
    return Watch(declared, 0)


def _watch(node: Node) -> Watch:
    return Watch(node.address, max(0, node.mark.epoch))
