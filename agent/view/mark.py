"""What a node's agent has written on its process, for other agents to read: how much its data is worth.

The title of a Redis process may hold any words, is set in the configuration file from the very start, and is answered
while a node loads. So an agent needs no port of its own to be asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mark:
    """How much a node's data is worth. `known` is False where no agent has written anything."""

    known: bool = False
    whole: bool = False
    """It has all the data of a master at some time: it has been master, or its link has been up."""
    epoch: int = -1
    """The configuration epoch of the master that it was last in sync with, or that it was itself."""
    master: bool = False
    """It was itself the master of that epoch, so it has all that was acknowledged in it."""
    offset: int = 0
    """Bytes of that epoch's replication stream that it had when this was written, once a second."""
    empty: bool = True
    """It holds no data on its disk."""

    @property
    def worth(self) -> tuple[bool, int, bool, int]:
        """The larger, the newer is the data."""
        return (self.whole, self.epoch, self.master, self.offset)

    def title(self) -> str:
        """The directive's value."""
        words = (
            f"whole={self.whole:d} epoch={self.epoch} master={self.master:d} offset={self.offset} empty={self.empty:d}"
        )
        return f"{{title}} {{listen-addr}} {{server-mode}} {words}"

    @classmethod
    def parse(cls, title: str) -> "Mark":
        """The mark in a title; NO_MARK where there is none."""
        words = dict(word.split("=", 1) for word in title.split() if "=" in word)
        try:
            return cls(
                True,
                words["whole"] == "1",
                int(words["epoch"]),
                words["master"] == "1",
                int(words["offset"]),
                words["empty"] == "1",
            )
        except (KeyError, ValueError):
            return NO_MARK

    @classmethod
    def from_memory(cls, kept: Mapping[str, Any], there: bool) -> "Mark":
        """What `as_memory` has kept; `there` is whether the volume holds any data at all."""
        return cls(
            known=True,
            whole=bool(kept.get("whole", False)) and there,
            epoch=int(kept.get("epoch", -1)),
            master=bool(kept.get("master", False)) and there,
            offset=int(kept.get("offset", 0)),
            empty=bool(kept.get("empty", False)) or not there,
        )

    def as_memory(self) -> dict[str, Any]:
        """For the state file on the volume."""
        return {
            "whole": self.whole,
            "epoch": self.epoch,
            "master": self.master,
            "offset": self.offset,
            "empty": self.empty,
        }


NO_MARK = Mark()
