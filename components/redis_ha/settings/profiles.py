"""How quickly a failure is taken for one: what each `profile` stands for."""

from dataclasses import dataclass
from typing import Literal

ProfileName = Literal["fast", "balanced", "patient"]


# After its clock or its process stood still, Sentinel does nothing for this long, ms; by itself for 30 s. It has to be
# longer than what makes its view of the others fresh again: two pings and a hello.
TILT_PERIOD = 3000


@dataclass(frozen=True)
class Profile:
    """Times in milliseconds; a period of None is Sentinel's own.

    Sentinel has no directive for its periods: the entrypoint sets them by `SENTINEL DEBUG` at each start (Redis 7.0 and
    later). They hang together (sentinel.c): a lost connection is tried again once per ping period, which must therefore
    lie well below `down_after`; and a replica whose last INFO is older than five ping periods cannot be promoted, while
    INFO is sent once a second during a failover, so a ping period near 200 leaves nobody to promote.

    A master that is killed and comes back has no address for a moment, and the kernel repeats a connection request that
    went into the void after a second, which is most of `down_after`. With a `reconnect_period` Sentinel gives such a
    connection up after half of `down_after` and makes a new one; without, only when it is 15 s old.
    """

    down_after: int
    failover_timeout: int
    ping_period: int | None = None
    info_period: int | None = None
    reconnect_period: int | None = None

    @property
    def periods(self) -> str:
        """The words that follow `SENTINEL DEBUG`."""
        given = {
            "tilt-period": TILT_PERIOD,
            "ping-period": self.ping_period,
            "info-period": self.info_period,
            "min-link-reconnect-period": self.reconnect_period,
        }
        return " ".join(f"{name} {value}" for name, value in given.items() if value is not None)


PROFILES: dict[ProfileName, Profile] = {
    # Silence is measured from the first PING without an answer, so a shorter period also finds a hung master sooner.
    "fast": Profile(600, 10_000, ping_period=300, info_period=500),
    "balanced": Profile(1250, 10_000, ping_period=300, info_period=500, reconnect_period=500),
    "patient": Profile(5000, 30_000),
}
