"""Percentiles and the like, of a few values."""

import math
import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a share (0 to 1) of the values does not exceed (nearest rank); NaN of none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two in the middle; NaN of none."""
    return statistics.median(values) if values else math.nan


def spread(values: Sequence[float], scale: float = 1.0, digits: int = 0) -> str:
    """Minimum, median and maximum, as they are written in tables: `1 / 2 / 3`."""
    if not values:
        return "-"
    return " / ".join(f"{v * scale:.{digits}f}" for v in (min(values), median(values), max(values)))
