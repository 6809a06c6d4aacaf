"""What a Sentinel watches: its timer, who is down, and what it asks the others. Follows sentinel.c."""

from typing import TYPE_CHECKING

from agent.wire.answers import Address
from tests.agent.simulation.sentinel.failover import Failover, slaveof
from tests.agent.simulation.sentinel.seen import (
    ASK,
    BUSY,
    CALM,
    FAILOVER_TIMEOUT,
    HELLO,
    INFO,
    INFO_DOWN,
    PING,
    TILT_AFTER,
    TILT_FOR,
    Seen,
)

if TYPE_CHECKING:
    from tests.agent.simulation.redis.server import Server
    from tests.agent.simulation.sentinel.sentinel import Peer, Sentinel


class Watch:
    """The half of a Sentinel that acts by itself."""

    def __init__(self, sentinel: "Sentinel") -> None:
        self.sentinel = sentinel
        self.clock = sentinel.clock
        self.random = sentinel.random
        self.tilt = False
        self.objectively_down = False
        self._tilt_since = 0.0
        self._ticked_at = self.clock.now
        self._hello_at = self.clock.now - HELLO * self.random.random()
        self._rebooted_at: float | None = None
        self.master = Seen(sentinel.master, self.clock.now)
        self.replicas = {at: Seen(at, self.clock.now) for at in sentinel.cluster.known_nodes() if at != sentinel.master}
        self.failover = Failover(self)
        self.clock.after(BUSY * self.random.random(), sentinel.arrive, self.tick)

    @property
    def failing_over(self) -> bool:
        return self.failover.state != "none"

    def named(self) -> Address:
        """The master, or who has been promoted already."""
        failover = self.failover
        past = failover.promoted is not None and failover.state in ("reconf", "update")
        return failover.promoted if past and failover.promoted is not None else self.master.address

    def reset(self, old: Address) -> None:
        """The master has been changed: all is looked at anew."""
        now, master = self.clock.now, self.sentinel.master
        replicas = [at for at in self.replicas if at != master]
        self.master = Seen(master, now)
        self.replicas = {at: Seen(at, now) for at in [*replicas, old]}
        self.failover.reset()
        self.objectively_down = False
        self._rebooted_at = None

    def tick(self) -> None:
        """The timer."""
        now = self.clock.now
        if now - self._ticked_at > TILT_AFTER:
            self.tilt, self._tilt_since = True, now
        self._ticked_at = now
        calm = self._observe(now)
        if self.tilt and now - self._tilt_since > TILT_FOR:
            self.tilt = False
        if not self.tilt:
            calm = self._act(now) and calm
        seconds = (CALM if calm else BUSY) * (0.6 + 0.4 * self.random.random())
        self.clock.after(seconds, self.sentinel.arrive, self.tick)

    def _observe(self, now: float) -> bool:
        cluster = self.sentinel.cluster
        calm = self._watch(self.master, cluster.servers.get(self.master.address), now)
        for seen in self.replicas.values():
            calm = self._watch(seen, cluster.servers.get(seen.address), now) and calm
        for peer in self.sentinel.peers.values():
            calm = self._ping(peer.seen, cluster.sentinels.get(peer.seen.address), now) and calm
        if now - self._hello_at > HELLO:
            self._hello_at = now
            self.sentinel.say_hello()
        return calm

    def _watch(self, seen: Seen, server: "Server | None", now: float) -> bool:
        calm = self._ping(seen, server, now)
        if not seen.connected or server is None or server.stopped:
            return calm
        slower = seen is not self.master and (self.objectively_down or self.failing_over or seen.link_down_for != 0)
        if seen.info_at is None or now - seen.info_at > (INFO_DOWN if slower else INFO):
            self._refresh(seen, server, now)
        return calm

    def _ping(self, seen: Seen, process: "Server | Sentinel | None", now: float) -> bool:
        network = self.sentinel.cluster.network
        seen.connected = (
            process is not None
            and process.up
            and not process.closed
            and network.both_ways(self.sentinel.machine, process.machine)
        )
        if process is not None and seen.connected and process.went_on_at > (seen.waiting_since or self.clock.now):
            seen.available_at, seen.waiting_since = process.went_on_at, None
        well = process is not None and seen.connected and not process.stopped
        if well:
            seen.available_at = now
            seen.waiting_since = None
        elif seen.waiting_since is None and now - seen.pinged_at >= PING:
            seen.waiting_since = now
        if now - seen.pinged_at >= PING:
            seen.pinged_at = now
        return well

    def _refresh(self, seen: Seen, server: "Server", now: float) -> None:
        """INFO has been answered."""
        stream = server.replication
        if seen is self.master and seen.run_id not in ("", server.run_id):
            self._rebooted_at = now
        seen.run_id, seen.info_at = server.run_id, now
        role = "master" if stream.master is None else "slave"
        if role == "slave":
            if stream.master != seen.follows:
                seen.follows, seen.follows_since = stream.master, now
            down = -1.0 if stream.down_since is None else float(int(now - stream.down_since))
            seen.link_up = stream.up
            seen.link_down_for = 0.0 if stream.up else down
            seen.priority, seen.offset = server.priority, stream.offset
        else:
            seen.link_down_for = 0.0
        if role != seen.role:
            if role == "slave":
                seen.follows_since = now
            seen.role, seen.role_since = role, now
        if seen is self.master:
            for follower in stream.followers:
                at = follower.server.address
                if at != self.master.address and at not in self.replicas:
                    self.replicas[at] = Seen(at, now)
        elif not self.tilt:
            self._heed(seen, server, now)

    def _heed(self, seen: Seen, server: "Server", now: float) -> None:
        """What follows from a replica's INFO."""
        sentinel = self.sentinel
        if seen.role == "master":
            if seen.address == self.failover.promoted:
                self.failover.took_office(seen.address)
            elif self._sane(now) and self._well_for(seen, 4 * HELLO) and now - seen.role_since > 4 * HELLO:
                slaveof(sentinel, server, self.master.address)
            return
        if seen.follows != self.master.address:
            wait = FAILOVER_TIMEOUT
            if self._sane(now) and self._well_for(seen, wait) and now - seen.follows_since > wait:
                slaveof(sentinel, server, self.master.address)
        if seen.reconfigured == "sent" and seen.follows == self.failover.promoted:
            seen.reconfigured = "inprog"
        if seen.reconfigured == "inprog" and seen.link_up:
            seen.reconfigured = "done"

    def _sane(self, now: float) -> bool:
        master = self.master
        fresh = master.info_at is not None and now - master.info_at < 2 * INFO
        return master.role == "master" and not master.down and not self.objectively_down and fresh

    def _well_for(self, seen: Seen, seconds: float) -> bool:
        return not seen.down or self.clock.now - seen.down_since > seconds

    def _act(self, now: float) -> bool:
        sentinel, down_after = self.sentinel, self.sentinel.cluster.down_after
        for seen in self.replicas.values():
            self._judge(seen, now, now - seen.waiting_since if seen.waiting_since is not None else 0.0)
        for peer in sentinel.peers.values():
            seen = peer.seen
            self._judge(seen, now, now - seen.waiting_since if seen.waiting_since is not None else 0.0)
        master = self.master
        silent = now - master.waiting_since if master.waiting_since is not None else 0.0
        if master.role == "slave" and now - master.role_since > down_after + 2 * INFO:
            silent = down_after + 1
        if self._rebooted_at is not None:
            server = sentinel.cluster.servers.get(master.address)
            if server is not None and master.connected and not server.stopped and not server.loading:
                self._rebooted_at = None
            elif now - self._rebooted_at > down_after:
                silent = down_after + 1
        self._judge(master, now, silent)
        if not master.down and not self.failing_over:
            self.objectively_down = False
            return True
        self._check_objectively(now)
        if self.objectively_down and self.failover.may_start(now):
            self.failover.start()
            self._ask(now, forced=True)
        self.failover.step(now)
        self._ask(now, forced=False)
        return False

    def _judge(self, seen: Seen, now: float, silent: float) -> None:
        down = silent > self.sentinel.cluster.down_after
        if down == seen.down:
            return
        seen.down = down
        if down:
            seen.down_since = now
        if seen is self.master or seen.address in self.replicas:
            self.sentinel.event("+sdown" if down else "-sdown", seen.address)

    def _check_objectively(self, now: float) -> None:
        sentinel = self.sentinel
        says = 1 + sum(peer.says_down for peer in sentinel.peers.values())
        down = self.master.down and says >= sentinel.quorum
        if down and not self.objectively_down:
            sentinel.event("+odown", self.master.address)
        self.objectively_down = down

    def _ask(self, now: float, forced: bool) -> None:
        sentinel, cluster = self.sentinel, self.sentinel.cluster
        for at, peer in sentinel.peers.items():
            if now - peer.replied_at > 5 * ASK:
                peer.says_down, peer.leader = False, ""
            if not self.master.down or not peer.seen.connected or (not forced and now - peer.replied_at < ASK):
                continue
            other = cluster.sentinels.get(at)
            if other is not None and cluster.network.both_ways(sentinel.machine, other.machine):
                run_id = sentinel.run_id if self.failing_over else "*"
                epoch = sentinel.volume.current_epoch
                cluster.clock.after(
                    cluster.network.delay(), other.arrive, self._asked, other, peer, self.master.address, epoch, run_id
                )

    def _asked(self, other: "Sentinel", peer: "Peer", master: Address, epoch: int, run_id: str) -> None:
        cluster = self.sentinel.cluster
        down, leader, leader_epoch = other.ballot(master, epoch, run_id)
        if cluster.network.reaches(other.machine, self.sentinel.machine):
            cluster.clock.after(
                cluster.network.delay(), self.sentinel.arrive, self._replied, peer, bool(down), leader, leader_epoch
            )

    def _replied(self, peer: "Peer", down: bool, leader: str, epoch: int) -> None:
        peer.replied_at = self.clock.now
        peer.says_down = down
        if leader != "*":
            peer.leader, peer.leader_epoch = leader, epoch
