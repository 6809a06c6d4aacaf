"""A Sentinel: what it keeps, what it answers, how it votes, and what it hears of others. Follows Redis' sentinel.c."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.wire.answers import Address, Command, Refusal, Result, Value
from tests.agent.simulation.redis.process import Process
from tests.agent.simulation.redis.server import Reply
from tests.agent.simulation.sentinel.seen import Seen
from tests.agent.simulation.sentinel.watch import Watch

if TYPE_CHECKING:
    from tests.agent.simulation.deployment.cluster import Cluster

NAME = "mymaster"
DESYNC = 1.0


@dataclass
class SentinelVolume:
    """What a Sentinel keeps on its disk."""

    master: Address | None = None
    config_epoch: int = 0
    current_epoch: int = 0
    leader: str = ""
    leader_epoch: int = 0


@dataclass
class Peer:
    """Another Sentinel, as this one sees it."""

    seen: Seen
    run_id: str
    leader: str = ""
    leader_epoch: int = 0
    says_down: bool = False
    replied_at: float = field(default=-10.0)


class Sentinel(Process):
    """One Sentinel, which knows its peers and the data nodes from its start."""

    def __init__(
        self, cluster: "Cluster", address: Address, machine: str, volume: SentinelVolume, peers: dict[Address, str]
    ) -> None:
        super().__init__(cluster, address, machine)
        self.volume = volume
        self.run_id = peers[address]
        self.peers = {at: Peer(Seen(at, self.clock.now), run_id) for at, run_id in peers.items() if at != address}
        self.quorum = len(peers) // 2 + 1
        self.watch = Watch(self)

    @property
    def master(self) -> Address:
        assert self.volume.master is not None, "the simulation: a Sentinel without a master"
        return self.volume.master

    def event(self, channel: str, about: Address | None = None, text: str = "") -> None:
        """Publish an event as Sentinel words it."""
        if not any(channel in each.channels for each in self.connections):
            return
        master = self.master
        if not text and about == master:
            text = f"master {NAME} {master.host} {master.port}"
        elif not text and about is not None:
            text = f"slave {about} {about.host} {about.port} @ {NAME} {master.host} {master.port}"
        self.publish(channel, text)

    def answer(self, commands: tuple[Command, ...], reply: Reply) -> None:
        reply([self.answer_one(command) for command in commands])

    def answer_one(self, command: Command) -> Result:
        """One command."""
        name, what = command[0], command[1].upper() if len(command) > 1 else ""
        if name == "PING":
            return "PONG"
        if (name, what) == ("CLIENT", "SETNAME"):
            return "OK"
        if name == "PUBLISH":
            sender, at, run_id, current, _, host, port, epoch = command[2].split(",")
            known = self.peers.get(Address(sender, int(at)))
            if known is None or known.run_id != run_id:
                raise AssertionError(f"a ghost of a Sentinel would be made by {command}")
            self.hear(int(current), Address(host, int(port)), int(epoch))
            return 1
        if what == "MASTER":
            return self._master()
        if what == "SENTINELS":
            return [_pairs(at, peer.run_id, "sentinel", peer.seen.down) for at, peer in self.peers.items()]
        if what == "REPLICAS":
            return [_pairs(at, seen.run_id, "slave", seen.down) for at, seen in self.watch.replicas.items()]
        if what == "GET-MASTER-ADDR-BY-NAME":
            named = self.watch.named()
            return [named.host, str(named.port)]
        if what == "IS-MASTER-DOWN-BY-ADDR":
            return self.ballot(Address(command[2], int(command[3])), int(command[4]), command[5])
        if what == "FAILOVER":
            return self.watch.failover.forced()
        return Refusal(f"ERR the simulation's Sentinel has no {command}")

    def ballot(self, disputed: Address, epoch: int, run_id: str) -> list[Value]:
        """Whether the master is down, and the vote there is or is given now."""
        if disputed != self.master:
            return [0, "*", 0]
        down = int(self.watch.master.down and not self.watch.tilt)
        if run_id == "*":
            return [down, "*", 0]
        leader, leader_epoch = self.vote(epoch, run_id)
        return [down, leader or "*", leader_epoch]

    def vote(self, epoch: int, run_id: str) -> tuple[str, int]:
        """Vote for `run_id`, or say for whom it has voted already."""
        kept = self.volume
        kept.current_epoch = max(kept.current_epoch, epoch)
        if kept.leader_epoch < epoch and kept.current_epoch <= epoch:
            kept.leader, kept.leader_epoch = run_id, kept.current_epoch
            self.event("+vote-for-leader", text=f"{run_id} {epoch}")
            if run_id != self.run_id:
                self.watch.failover.started_at = self.clock.now + DESYNC * self.random.random()
        return kept.leader, kept.leader_epoch

    def hear(self, current_epoch: int, master: Address, epoch: int) -> None:
        """A hello message."""
        kept = self.volume
        kept.current_epoch = max(kept.current_epoch, current_epoch)
        if kept.config_epoch >= epoch:
            return
        kept.config_epoch = epoch
        if master != kept.master:
            self.switch(master)

    def switch(self, master: Address) -> None:
        """The master is another one from now on."""
        old = self.master
        self.event("+switch-master", text=f"{NAME} {old.host} {old.port} {master.host} {master.port}")
        self.volume.master = master
        self.volume.leader = ""
        self.watch.reset(old)

    def say_hello(self) -> None:
        """Tell the other Sentinels, directly and through the data nodes, where that is news for them."""
        network, clock = self.cluster.network, self.clock
        kept, named = self.volume, self.watch.named()
        for at in self.peers:
            other = self.cluster.sentinels.get(at)
            if other is None or not other.up:
                continue
            theirs = other.volume
            if theirs.config_epoch >= kept.config_epoch and theirs.current_epoch >= kept.current_epoch:
                continue
            if network.reaches(self.machine, other.machine) or self._by_a_node(other):
                clock.after(network.delay(), other.arrive, other.hear, kept.current_epoch, named, kept.config_epoch)

    def _by_a_node(self, other: "Sentinel") -> bool:
        network = self.cluster.network
        return any(
            server.up
            and not server.closed
            and not server.stopped
            and network.reaches(self.machine, server.machine)
            and network.reaches(server.machine, other.machine)
            for server in self.cluster.servers.values()
        )

    def _master(self) -> Value:
        watch, master = self.watch, self.master
        seen = watch.master
        flags = ["s_down"] if seen.down else []
        if watch.objectively_down:
            flags.append("o_down")
        flags.append("master")
        if watch.failing_over:
            flags.append("failover_in_progress")
        words: list[Value] = ["name", NAME, "ip", master.host, "port", str(master.port), "runid", seen.run_id]
        words += ["flags", ",".join(flags), "config-epoch", str(self.volume.config_epoch)]
        words += ["num-slaves", str(len(watch.replicas)), "num-other-sentinels", str(len(self.peers))]
        words += ["quorum", str(self.quorum)]
        if seen.down:
            words += ["s-down-time", str(round(1000 * (self.clock.now - seen.down_since)))]
        return words


def _pairs(address: Address, run_id: str, kind: str, down: bool) -> Value:
    flags = f"s_down,{kind},disconnected" if down else kind
    return ["name", str(address), "ip", address.host, "port", str(address.port), "runid", run_id, "flags", flags]
