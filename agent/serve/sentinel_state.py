"""A Sentinel's configuration: settings are rendered anew at each start, its state on the volume is carried over.

Its peers are exactly the declared ones: no ghost of a removed node, and none has to be discovered first. What it
remembers of the master it remembers by the node's name: addresses come from the deployment, so that they may change.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from agent.decide.watched import Watch
from agent.serve.environment import Environment
from agent.serve.memory_file import replace_on_disk
from agent.serve.template import common_values, rendered
from agent.wire.answers import Address


@dataclass(frozen=True)
class Peer:
    """Another Sentinel, or this one, as it is declared."""

    address: Address
    run_id: str


@dataclass(frozen=True)
class SentinelState:
    """The state of one Sentinel, on its volume."""

    environment: Environment

    @property
    def config(self) -> Path:
        """The file that Sentinel itself writes."""
        return self.environment.data / "sentinel.conf"

    @property
    def memory(self) -> Path:
        """What the agent remembers beside it."""
        return self.environment.data / "redis-ha.json"

    @property
    def index(self) -> int:
        return int(self.environment.get("sentinel_index", "0"))

    @property
    def nodes(self) -> dict[str, Address]:
        """The declared data nodes by name: NAME=HOST:PORT each, or HOST:PORT alone."""
        found = {}
        for entry in self.environment.get("data_nodes").split():
            name, equals, address = entry.rpartition("=")
            found[name if equals else address] = Address.parse(address)
        return found

    @property
    def peers(self) -> list[Peer]:
        """All declared Sentinels, this one too."""
        found = []
        for entry in self.environment.sentinels:
            address, _, run_id = entry.rpartition(":")
            found.append(Peer(Address.parse(address), run_id))
        return found

    @property
    def others(self) -> list[Peer]:
        """All declared Sentinels but this one."""
        return [peer for index, peer in enumerate(self.peers) if index != self.index]

    @property
    def last(self) -> Watch | None:
        """The master that it watched last, where that was."""
        kept = self._kept("monitor", self.environment.master_name).split()
        return Watch(Address(kept[0], int(kept[1])), self._epoch("config-epoch")) if len(kept) >= 2 else None

    def is_declared(self, address: Address) -> bool:
        """Whether a declared data node has this address. Started by hand, without a list of them, any may."""
        return not self.nodes or address in self.nodes.values()

    def remembered(self) -> Watch | None:
        """The master that it watched last, at that node's address of today; None where that node is not declared."""
        last, nodes = self.last, self.nodes
        if last is None:
            return None
        name = self._remembered_name(last.master)
        if name in nodes:
            return Watch(nodes[name], last.epoch)
        return last if self.is_declared(last.master) else None

    def remember(self, master: Address) -> None:
        """Keep the name of the node that is watched."""
        names = [name for name, address in self.nodes.items() if address == master]
        replace_on_disk(self.memory, json.dumps({"master": names[0] if names else None, "address": str(master)}))

    def _remembered_name(self, address: Address) -> str | None:
        try:
            kept = json.loads(self.memory.read_text())
        except (OSError, ValueError):
            return None
        return str(kept["master"]) if kept.get("address") == str(address) and kept.get("master") else None

    def write(self, watch: Watch) -> None:
        """The file to start Sentinel from."""
        environment, name = self.environment, self.environment.master_name
        index, peers = self.index, self.peers
        myid = peers[index].run_id if index < len(peers) else self._kept("myid")
        values = {
            **common_values(environment),
            "myid": myid,
            "master_name": name,
            "master_ip": watch.master.host,
            "master_at": str(watch.master.port),
            "quorum": environment.get("quorum", "2"),
            "resolve_hostnames": "no" if watch.master.host.replace(".", "").isdigit() else "yes",
        }
        config_epoch = max(watch.epoch, self._epoch("config-epoch"))
        leader_epoch = max(config_epoch, self._epoch("leader-epoch"))
        current_epoch = max(leader_epoch, self._epoch("current-epoch", named=False))
        lines = rendered(environment, "sentinel.conf", values)
        lines += [
            f"sentinel config-epoch {name} {config_epoch}",
            f"sentinel leader-epoch {name} {leader_epoch}",
            f"sentinel current-epoch {current_epoch}",
            *self._known(watch.master),
        ]
        if environment.secret:
            lines += [
                f"sentinel auth-user {name} sentinel",
                f'sentinel auth-pass {name} "{environment.secret}"',
                "sentinel sentinel-user sentinel",
                f'sentinel sentinel-pass "{environment.secret}"',
            ]
        replace_on_disk(self.config, "".join(f"{line}\n" for line in lines))  # its epochs: what it has promised
        self.remember(watch.master)

    def _known(self, master: Address) -> list[str]:
        """Its peers. Started by hand, without a list of them, it keeps those that it has found itself."""
        name, nodes = self.environment.master_name, self.nodes
        lines = [
            f"sentinel known-replica {name} {address.host} {address.port}"
            for address in nodes.values()
            if address != master
        ]
        lines += [
            f"sentinel known-sentinel {name} {peer.address.host} {peer.address.port} {peer.run_id}"
            for peer in self.others
        ]
        if not nodes:
            lines += self._own_lines("known-replica", "known-slave")
        if not self.peers:
            lines += self._own_lines("known-sentinel")
        return lines

    def _own_lines(self, *kinds: str) -> list[str]:
        return [line for line in self._lines() for kind in kinds if line.startswith(f"sentinel {kind} ")]

    def _epoch(self, kind: str, named: bool = True) -> int:
        text = self._kept(kind, self.environment.master_name) if named else self._kept(kind)
        return int(text) if text.isdigit() else 0

    def _kept(self, *words: str) -> str:
        """What follows these words in the kept state."""
        start = f"sentinel {' '.join(words)} "
        return next((line[len(start) :].strip() for line in self._lines() if line.startswith(start)), "")

    def _lines(self) -> list[str]:
        try:
            return self.config.read_text().splitlines()
        except OSError:
            return []
