"""An instance as a Sentinel sees it, and Sentinel's own times in seconds."""

from agent.wire.answers import Address

PING, ASK, HELLO = 0.3, 1.0, 2.0
INFO, INFO_DOWN = 0.5, 1.0
BUSY, CALM = 0.1, 0.3
ELECTION, FAILOVER_TIMEOUT = 10.0, 10.0
TILT_AFTER, TILT_FOR = 2.0, 2.0
"""Sentinel's own TILT lasts for 30 s; the agent shortens it."""


class Seen:
    """An instance as a Sentinel sees it."""

    def __init__(self, address: Address, now: float) -> None:
        self.address = address
        self.down = False
        self.down_since = now
        self.pinged_at = -1.0
        self.waiting_since: float | None = now
        self.available_at = now
        self.connected = False
        self.info_at: float | None = None
        self.role = ""
        self.role_since = now
        self.follows: Address | None = None
        self.follows_since = now
        self.link_down_for = 0.0
        self.link_up = False
        self.priority = 100
        self.offset = 0
        self.run_id = ""
        self.reconfigured = ""
        """Nothing, sent, inprog or done."""
