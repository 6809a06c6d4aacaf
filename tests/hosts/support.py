"""What several tests over hosts do."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from drills.target.cluster import Cluster
from drills.target.errors import DrillError
from drills.target.stack import Stack
from engine.files.project import find_project
from tests.deploy.support import ENGINES
from tests.hosts.host import Host
from tests.hosts.rig import Rig

DOWN_AFTER = 1.0


def settings(rig: Rig, hosts: Sequence[Host] | None = None, **changes: Any) -> dict[str, Any]:
    """The settings of the stack: one data node and one Sentinel a host, every port as in the source document."""
    places = [{"name": h.name, "docker": h.docker_url, "address": h.address} for h in hosts or rig.hosts]
    return {"hosts": places, "replicas": 2, "sentinels": 3, "downAfter": int(DOWN_AFTER * 1000), **changes}


def abandon(stack: Stack, engine: str) -> None:
    """Forget a stack over hosts: they go with all that is on them. Only another engine's needs the room before that."""
    with suppress(DrillError):
        if engine == ENGINES[-1]:
            stack.run("stack", "rm", "--yes", "--force")
        else:
            stack.destroy()
    stack.forget()
    # The embedded engine has refused: it knows of what is on the hosts.
    find_project(stack.project_dir).salt_file(stack.name).unlink(missing_ok=True)


def started_at(cluster: Cluster) -> dict[str, tuple[str, str]]:
    """Container id and start time of all nodes: the same as long as nothing was restarted or replaced."""
    return {c.labels["redis-ha.node"]: (str(c.id), str(c.attrs["State"]["StartedAt"])) for c in cluster.containers()}


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __str__(self) -> str:
        return f"{time.monotonic() - self._began:.1f} s"


def moved(before: dict[str, tuple[str, str]], after: dict[str, tuple[str, str]]) -> list[str]:
    """The nodes that were started or replaced between the two."""
    return sorted(name for name, state in after.items() if before.get(name) != state)
