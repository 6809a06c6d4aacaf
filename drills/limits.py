"""The limits that a drill's results are held against, as the stack's config sets them.

config:
redis-ha-drill:largestOutage: 3.5   # seconds that a client through Sentinel may be without the master
redis-ha-drill:lostWrites: 0        # acknowledged writes that may be lost, in all
"""

from dataclasses import dataclass

from pydantic import NonNegativeFloat, NonNegativeInt

from drills.drill import Outcome
from drills.target.stack import Stack


@dataclass(frozen=True)
class Limits:
    """None: no limit."""

    largest_outage: float | None = None
    lost_writes: int | None = None

    @classmethod
    def of(cls, stack: Stack) -> "Limits":
        """The limits in a stack's config. Raises DrillError for a value that is none."""
        outage = stack.drill_setting("largestOutage", NonNegativeFloat, "a number of seconds, 0 and up")
        return cls(outage, stack.drill_setting("lostWrites", NonNegativeInt, "a number of writes, 0 and up"))

    def passed(self, outcomes: list[Outcome]) -> list[str]:
        """What exceeds the limits, one sentence each; a cluster that was not whole again is always one."""
        found = [f"{o.title}: {o.problem}" for o in outcomes if o.problem]
        if self.largest_outage is not None:
            for o in outcomes:
                longest = max([*o.outages, *o.outages_through_endpoint], default=0.0)
                if longest > self.largest_outage:
                    found.append(f"{o.title}: an outage of {longest:.2f} s, limit {self.largest_outage:g} s")
        lost = sum(o.lost for o in outcomes)
        if self.lost_writes is not None and lost > self.lost_writes:
            found.append(f"{lost} acknowledged writes lost, limit {self.lost_writes}")
        return found
