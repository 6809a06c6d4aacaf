"""Silence on a container's network, by packet filter rules in the container's own network namespace.

Packets vanish as on a cut cable, while addresses, routes and published ports stay as they are (a disconnect from the
Docker network would have them back only with care). Needs root on the machine that Docker runs on.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from drills.target.cluster import Cluster
from drills.target.errors import DrillError
from redis_ha.outputs import Node

CHAIN = "REDIS_HA_DRILL"
CLONE_NEWNET = 0x40000000


def refused(cluster: Cluster) -> str | None:
    """Why networks cannot be cut here; None when they can."""
    if os.geteuid() != 0:
        return "cutting a network needs root"
    for program in ("nsenter", "iptables"):
        if shutil.which(program) is None:
            return f"cutting a network needs {program}"
    try:
        for node in cluster.nodes:
            _, address = network_of(cluster, node)
            if address != node.host:
                return f"{node.name} announces {node.host}, not its container's own address {address}"
    except DrillError as error:
        return str(error)
    return None


def network_of(cluster: Cluster, node: Node) -> tuple[str, str]:
    """The Docker network of a node and its address there. Raises DrillError with host networking."""
    networks = cluster.container(node).attrs["NetworkSettings"]["Networks"]
    for name, endpoint in networks.items():
        address = (endpoint.get("IPAMConfig") or {}).get("IPv4Address") or endpoint.get("IPAddress")
        if address:
            return (name, str(address))
    raise DrillError(f"{node.name} has no network of its own that could be cut")


@contextmanager
def silenced(cluster: Cluster, cuts: Mapping[Node, Sequence[str]]) -> Iterator[None]:
    """Cut nodes off from everything, this machine included, except the peers' addresses given for each."""
    with ExitStack() as stack:
        prepared = []
        for node, allowed in cuts.items():
            network = namespace_of(cluster, node)
            stack.callback(_lift, network)
            _iptables(network, "-N", CHAIN)
            # What a node says to itself is none of the network.
            for match in (["-i", "lo"], ["-o", "lo"], *(pair for a in allowed for pair in (["-s", a], ["-d", a]))):
                _iptables(network, "-A", CHAIN, *match, "-j", "RETURN")
            _iptables(network, "-A", CHAIN, "-j", "DROP")
            prepared.append(network)
        # The rules are complete before they take effect, so that all sides fall silent at nearly one moment.
        for network in prepared:
            for direction in ("INPUT", "OUTPUT"):
                _iptables(network, "-I", direction, "-j", CHAIN)
        yield


def namespace_of(cluster: Cluster, node: Node) -> Path:
    """The network namespace that the node's container lives in, on this machine."""
    return Path(f"/proc/{cluster.container(node).attrs['State']['Pid']}/ns/net")


def enter_namespace(path: Path) -> None:
    """Move the calling thread into a network namespace: connections that it opens from now on start there.

    Raises DrillError when that is not allowed.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            raise DrillError(f"the network {path} cannot be entered: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(descriptor)


def _lift(network: Path) -> None:
    """Take the rules away; nothing is left to do when the container is gone, and its namespace with it."""
    for direction in ("INPUT", "OUTPUT"):
        _iptables(network, "-D", direction, "-j", CHAIN, check=False)
    _iptables(network, "-F", CHAIN, check=False)
    _iptables(network, "-X", CHAIN, check=False)


def _iptables(network: Path, *arguments: str, check: bool = True) -> None:
    command = ["nsenter", f"--net={network}", "iptables", "-w", "5", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise DrillError(f"the network cannot be cut: {done.stderr.strip() or done.returncode}")
