"""A Sentinel's own failover: the election, the choice of a replica, the promotion. Follows sentinel.c."""

from typing import TYPE_CHECKING

from agent.wire.answers import Address, Refusal, Result
from tests.agent.simulation.sentinel.seen import ELECTION, FAILOVER_TIMEOUT, INFO, PING

if TYPE_CHECKING:
    from tests.agent.simulation.redis.server import Server
    from tests.agent.simulation.sentinel.sentinel import Sentinel
    from tests.agent.simulation.sentinel.watch import Watch


class Failover:
    """Its state, from none to update. It is one at a time."""

    def __init__(self, watch: "Watch") -> None:
        self.watch = watch
        self.sentinel = watch.sentinel
        self.clock = watch.clock
        self.random = watch.random
        self.state = "none"
        """none, start, select, send, wait, reconf or update."""
        self.started_at = -100.0
        self.epoch = 0
        self.promoted: Address | None = None
        self._forced = False
        self._state_since = 0.0

    def reset(self) -> None:
        """The master has been changed."""
        self.state, self.promoted, self._forced = "none", None, False
        self.started_at = -100.0

    def may_start(self, now: float) -> bool:
        """Whether it is long enough since the last one, or since the vote for another's."""
        return self.state == "none" and now - self.started_at >= 2 * FAILOVER_TIMEOUT

    def forced(self) -> Result:
        """SENTINEL FAILOVER."""
        if self.state != "none":
            return Refusal("INPROG Failover already in progress")
        if self._select() is None:
            return Refusal("NOGOODSLAVE No suitable replica to promote")
        self.start()
        self._forced = True
        return "OK"

    def took_office(self, address: Address) -> None:
        """The promoted replica's INFO says that it is a master."""
        if self.state == "wait":
            self.sentinel.volume.config_epoch = self.epoch
            self._become("reconf")
            self.sentinel.event("+promoted-slave", address)
            self.sentinel.say_hello()

    def _become(self, state: str) -> None:
        self.state, self._state_since = state, self.clock.now

    def start(self) -> None:
        """Begin one, in an epoch of its own."""
        kept = self.sentinel.volume
        kept.current_epoch += 1
        self.epoch = kept.current_epoch
        self._become("start")
        self.started_at = self.clock.now + self.random.random()

    def _abort(self, why: str) -> None:
        self.sentinel.event(f"-failover-abort-{why}", self.watch.master.address)
        self._become("none")
        self.promoted, self._forced = None, False

    def step(self, now: float) -> None:
        """The failover's own states."""
        if self.state == "start":
            if self._leads() or self._forced:
                self._become("select")
            elif now - self.started_at > ELECTION:
                self._abort("not-elected")
        elif self.state == "select":
            self.promoted = self._select()
            if self.promoted is None:
                self._abort("no-good-slave")
            else:
                self.sentinel.event("+selected-slave", self.promoted)
                self._become("send")
        elif self.state == "send":
            self._send(now)
        elif self.state == "wait":
            if now - self._state_since > FAILOVER_TIMEOUT:
                self._abort("slave-timeout")
        elif self.state == "reconf":
            self._reconfigure(now)

    def _leads(self) -> bool:
        sentinel = self.sentinel
        votes: dict[str, int] = {}
        for peer in sentinel.peers.values():
            if peer.leader and peer.leader_epoch == sentinel.volume.current_epoch:
                votes[peer.leader] = votes.get(peer.leader, 0) + 1
        winner = max(votes, key=lambda each: votes[each], default=None)
        mine, epoch = sentinel.vote(self.epoch, winner or sentinel.run_id)
        if mine and epoch == self.epoch:
            votes[mine] = votes.get(mine, 0) + 1
            if winner is None or votes[mine] > votes[winner]:
                winner = mine
        needed = max((len(sentinel.peers) + 1) // 2 + 1, sentinel.quorum)
        return winner == sentinel.run_id and votes[winner] >= needed

    def _select(self) -> Address | None:
        now = self.clock.now
        allowed = 10 * self.sentinel.cluster.down_after
        if self.watch.master.down:
            allowed += now - self.watch.master.down_since
        fresh = 5 * PING if self.watch.master.down else 3 * INFO
        able = [
            seen
            for seen in self.watch.replicas.values()
            if not seen.down and seen.connected and now - seen.available_at <= 5 * PING and seen.priority != 0
            if seen.info_at is not None and now - seen.info_at <= fresh and seen.link_down_for <= allowed
        ]
        best = min(able, key=lambda seen: (seen.priority, -seen.offset, seen.run_id), default=None)
        return best.address if best else None

    def _send(self, now: float) -> None:
        assert self.promoted is not None, "the simulation: nobody to promote"
        server = self.sentinel.cluster.servers.get(self.promoted)
        if server is None or not self.watch.replicas[self.promoted].connected:
            if now - self._state_since > FAILOVER_TIMEOUT:
                self._abort("slave-timeout")
            return
        slaveof(self.sentinel, server, None)
        self.sentinel.event("+failover-state-wait-promotion", self.promoted)
        self._become("wait")

    def _reconfigure(self, now: float) -> None:
        assert self.promoted is not None, "the simulation: nobody was promoted"
        late = now - self._state_since > FAILOVER_TIMEOUT
        pending = 0
        for at, seen in self.watch.replicas.items():
            if at == self.promoted or seen.reconfigured == "done":
                continue
            server = self.sentinel.cluster.servers.get(at)
            if not seen.reconfigured and seen.connected and server is not None:
                slaveof(self.sentinel, server, self.promoted)
                seen.reconfigured = "sent"
            pending += not seen.down
        if self.watch.replicas[self.promoted].down:
            return
        if not pending or late:
            self._become("update")
            self.sentinel.switch(self.promoted)


def slaveof(sentinel: "Sentinel", server: "Server", master: Address | None) -> None:
    """Send SLAVEOF as Sentinel does: in a transaction, and `server` sends its clients away."""
    words = ("SLAVEOF", master.host, str(master.port)) if master else ("SLAVEOF", "NO", "ONE")
    kill = (("CLIENT", "KILL", "TYPE", "normal"), ("CLIENT", "KILL", "TYPE", "pubsub"))
    commands = (("MULTI",), words, ("CONFIG", "REWRITE"), *kill, ("EXEC",))
    delay = sentinel.cluster.network.delay()
    sentinel.clock.after(delay, server.arrive, server.answer, commands, lambda _: None)
