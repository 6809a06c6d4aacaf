"""The faults that a drill can inject, by name."""

from drills.faults.base import Fault
from drills.faults.hosts import HOSTS
from drills.faults.kills import KILLS
from drills.faults.network import CUTS
from drills.faults.planned import PLANNED

FAULTS: dict[str, Fault] = {fault.name: fault for fault in (*KILLS, *CUTS, *PLANNED, *HOSTS)}

__all__ = ["FAULTS", "Fault"]
