"""Replication as Redis does it: histories with an id, partial and full copies, links that break."""

from typing import TYPE_CHECKING

from agent.wire.answers import Address

if TYPE_CHECKING:
    from tests.agent.simulation.redis.server import Server

LIMBO = Address("127.0.0.1", 1)
WRITE_BYTES = 10
AGAIN = 1.0
"""Seconds between two attempts to connect (replicationCron)."""
STUCK = 0.05
"""Seconds after which a copy that a cut holds up is looked at again."""


class Replication:
    """One server's place in the stream. Its data is the list of writes `server.log`; the last one lies at `offset`."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.master: Address | None = LIMBO
        self.state = "connect"
        """connect, copying, loading or up."""
        self.offset = 0
        self.down_since: float | None = None
        self.source: Replication | None = None
        self.followers: list[Replication] = []
        self._id = server.cluster.new_history()
        self._former_id, self._former_until = "", -1
        self._attempt = 0

    @property
    def up(self) -> bool:
        return self.state == "up"

    def follow(self, master: Address) -> None:
        """REPLICAOF host port."""
        if master == self.master:
            return
        was_up = self.up
        self._leave()
        self.master = master
        self.state = "connect"
        if was_up:
            self.down_since = self.server.clock.now
        self._soon()

    def promote(self) -> None:
        """REPLICAOF NO ONE: the history so far is kept as a former one, which replicas can go on from."""
        if self.master is None:
            return
        self._leave()
        self.master = None
        self.state = "connect"
        self.down_since = None
        self._former_id, self._former_until = self._id, self.offset
        self._id = self.server.cluster.new_history()
        self._send_away()

    def append(self, ident: int) -> None:
        """A write of this master: to its data, and on its way to its replicas."""
        self.server.log.append(ident)
        self.offset += WRITE_BYTES
        self._feed()

    def adopt(self, master: "Replication") -> None:
        """Be a linked replica of `master`, with the same data, from the beginning of a schedule."""
        self.master, self.source, self.state = master.server.address, master, "up"
        self._id, self.offset = master._id, master.offset
        self._attempt += 1
        master.followers.append(self)

    def end(self) -> None:
        """The process has died: its replicas hear of it where they can."""
        self._leave()
        self._send_away()

    def catch_up(self) -> None:
        """A cut has been healed: what was on its way arrives, or the end of the connection."""
        source = self.source
        if source is None:
            return
        if self not in source.followers:
            self.server.arrive(self._lost, self._attempt)
        elif self.up:
            self._pass_on(source.server.log, len(source.server.log), self._attempt)

    def start(self) -> None:
        """The server has loaded its data."""
        if self.master is not None:
            self._soon()

    def _feed(self) -> None:
        if not self.followers:
            return
        cluster, log = self.server.cluster, self.server.log
        for follower in self.followers:
            if follower.up:
                seconds = cluster.network.delay() + cluster.lag
                cluster.clock.after(seconds, follower._pass_on, log, len(log), follower._attempt)

    def _pass_on(self, theirs: list[int], length: int, attempt: int) -> None:
        """The first `length` writes of `theirs`, the source's data when they were sent, are at this server's kernel."""
        source = self.source
        if attempt == self._attempt and source is not None and source.server.up and self._hears(source):
            self.server.arrive(self._apply, theirs, length, attempt)

    def _apply(self, theirs: list[int], length: int, attempt: int) -> None:
        """The offset goes by what has come: the source's own may be that of another history by now."""
        if attempt != self._attempt or self.source is None or not self.up:
            return
        log = self.server.log
        more = length - len(log)
        if more > 0:
            log.extend(theirs[len(log) : length])
            self.offset += WRITE_BYTES * more
            self._feed()

    def _hears(self, source: "Replication") -> bool:
        return self.server.cluster.network.reaches(source.server.machine, self.server.machine)

    def _soon(self) -> None:
        self._attempt += 1
        if self.master != LIMBO:
            self.server.cluster.clock.after(0.0005, self.server.arrive, self._connect, self._attempt)

    def _connect(self, attempt: int) -> None:
        if attempt != self._attempt or self.master is None or self.server.starting:
            return
        cluster = self.server.cluster
        source = cluster.server_at(self.master)
        seconds = 3 * cluster.network.delay()
        if source is None or not self._accepts(source) or self._waits_for_a_copy(source):
            cluster.clock.after(AGAIN * (0.5 + cluster.random.random() / 2), self.server.arrive, self._connect, attempt)
            return
        self.source = source.replication
        source.replication.followers.append(self)
        if self._continues(source.replication):
            cluster.clock.after(seconds, self.server.arrive, self._continue, attempt)
        else:
            self.state = "copying"
            self._id, self._former_id, self.offset = "", "", 1  # the cached place in the stream is given up at once
            copy = cluster.copy_seconds()
            cluster.clock.after(seconds + 0.7 * copy, self.server.arrive, self._load, attempt, 0.3 * copy)

    def _waits_for_a_copy(self, source: "Server") -> bool:
        """No snapshot is taken for it while another process of the source's writes its file anew."""
        return self.server.clock.now < source.rewriting_until and not self._continues(source.replication)

    def _accepts(self, source: "Server") -> bool:
        if source is self.server or not source.up or source.closed or source.stopped or source.loading:
            return False
        if not source.cluster.network.both_ways(self.server.machine, source.machine):
            return False
        return source.replication.master is None or source.replication.up

    def _continues(self, source: "Replication") -> bool:
        if self._id == source._id:
            return self.offset <= source.offset
        return self._id == source._former_id and self.offset <= source._former_until

    def _continue(self, attempt: int) -> None:
        """The rest of the stream comes: no copy is needed."""
        source = self.source
        if attempt != self._attempt or source is None:
            return
        if self not in source.followers or not self._continues(source):  # it has changed its own history meanwhile
            self._lost(attempt)
            return
        mine = self.server.log
        assert source.server.log[: len(mine)] == mine, "the simulation: a partial copy of other data"
        if self._id != source._id:
            self._former_id, self._former_until = self._id, self.offset
            self._id = source._id
            self._send_away()
        self._linked()

    def _load(self, attempt: int, seconds: float) -> None:
        """The copy has come: the old data is thrown away, and the new is read. The disk still has the old."""
        source = self.source
        if attempt != self._attempt or source is None:
            return
        clock = self.server.clock
        if self not in source.followers or not source.server.up:
            self._lost(attempt)
        elif not self._hears(source):
            clock.after(STUCK, self.server.arrive, self._load, attempt, seconds)
        else:
            self.state = "loading"
            self._send_away()
            self.server.log = []
            self.server.whole = False
            place = (source._id, source.offset)
            theirs = source.server.log
            clock.after(seconds, self.server.arrive, self._copied, attempt, theirs, len(theirs), place)

    def _copied(self, attempt: int, theirs: list[int], length: int, place: tuple[str, int]) -> None:
        """Loaded: the first `length` writes of `theirs`, which end at this place in the stream."""
        source = self.source
        if attempt != self._attempt or source is None:
            return
        server = self.server
        server.log.extend(theirs[:length])
        self._id, self.offset = place
        self._former_id, self._former_until = "", -1
        self._linked()
        server.clock.after(server.cluster.rewrite_seconds, server.arrive, server.store, server.log)

    def _linked(self) -> None:
        source = self.source
        assert source is not None, "the simulation: a link to nobody"
        self.state = "up"
        self.down_since = None
        self.server.whole = True
        if self in source.followers and self._hears(source):
            self._apply(source.server.log, len(source.server.log), self._attempt)

    def _lost(self, attempt: int) -> None:
        """The connection to the master has ended."""
        if attempt != self._attempt:
            return
        if self.up:
            self.down_since = self.server.clock.now
        self._leave()
        self.state = "connect"
        self._soon()

    def _leave(self) -> None:
        self._attempt += 1
        source, self.source = self.source, None
        if source is not None and self in source.followers:
            source.followers.remove(self)

    def _send_away(self) -> None:
        """Close the connections of the replicas."""
        cluster, followers = self.server.cluster, self.followers
        self.followers = []
        for follower in followers:
            if self._reaches(follower):
                seconds = cluster.network.delay()
                cluster.clock.after(seconds, follower.server.arrive, follower._lost, follower._attempt)

    def _reaches(self, follower: "Replication") -> bool:
        server = self.server
        return not server.silent and server.cluster.network.reaches(server.machine, follower.server.machine)
