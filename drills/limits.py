"""The limits that a drill's results are held against, as the stack's config sets them.

config:
redis-ha-drill:largestOutage: 3.5   # seconds that a client through Sentinel may be without the master
redis-ha-drill:lostWrites: 0        # acknowledged writes that may be lost, in all
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drills.drill import Outcome
from drills.errors import DrillError
from drills.stack import NAMESPACE, Stack


@dataclass(frozen=True)
class Limits:
    """None: no limit."""

    largest_outage: float | None = None
    lost_writes: int | None = None

    @classmethod
    def of(cls, stack: Stack | None) -> "Limits":
        """The limits in a stack's config. Raises DrillError for a value that is none."""
        if stack is None:
            return cls()
        outage = _number(stack, "largestOutage", float, "a number of seconds")
        lost = _number(stack, "lostWrites", int, "a number of writes")
        return cls(outage, None if lost is None else int(lost))

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


def _number(stack: Stack, key: str, kind: Callable[[Any], float], allowed: str) -> float | None:
    value = stack.config(f"{NAMESPACE}:{key}")
    if value is None:
        return None
    try:
        number = kind(value)
    except (TypeError, ValueError):
        number = math.nan
    if not number >= 0:
        raise DrillError(f"{NAMESPACE}:{key}: {value!r}: allowed: {allowed}, 0 and up")
    return number
