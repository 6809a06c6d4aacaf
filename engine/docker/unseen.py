"""A daemon that a preview could not look at: it answers no question, and what belongs there counts as to be created."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from engine.docker.hosts import Daemon, open_daemon
from engine.errors import Unreachable

if TYPE_CHECKING:
    from docker.api import APIClient


class _Silent:
    """Stands for a client of that daemon."""

    def __getattr__(self, question: str) -> None:
        raise Unreachable(f"{question}: this preview has not reached the Docker that it would ask")


def unseen_daemon(stack_id: str) -> Daemon:
    """What knows each resource type there, and nothing of what is there."""
    return open_daemon(cast("APIClient", _Silent()), {}, stack_id)
