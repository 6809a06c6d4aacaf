"""What a container says of its own health: whether its node has joined, and one line.

Its health check is asked, by an exec through the Docker API. So this needs neither a route to Redis nor a password on
the deploying machine.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker.models.containers import Container

POLL_SECONDS = 0.05
HEALTH_CHECK = ("redis-ha-health",)
RUN_FOLDER = "/run/redis-ha"  # inside the container
# The health check's line, and behind it the state file: which nodes a Sentinel does not see. It waits inside for the
# node to join: an exec costs Docker more than the node needs to start.
_STATE = f"""tries=$0
while said=$(redis-ha-health); code=$?; [ $code != 0 ] && [ $tries -gt 0 ]; do
    tries=$((tries - 1)); sleep {POLL_SECONDS}
done
echo "$said"; cat {RUN_FOLDER}/state.json; exit $code"""
TRIES = 20  # within one exec


def health(
    container: "Container",
    health_check: Sequence[str] = HEALTH_CHECK,
    absent: frozenset[str] = frozenset(),
    tries: int = 0,
) -> tuple[bool, str]:
    """What the container says of itself: joined or not, and its one line.

    Not joined, it is given `tries` more by the image's own check. A Sentinel has joined, too, where all that it does
    not see is at the addresses `absent`.
    """
    own = health_check == HEALTH_CHECK
    result = container.exec_run(["sh", "-c", _STATE, str(tries)] if own else list(health_check))
    text = result.output.decode(errors="replace").strip() if isinstance(result.output, bytes) else ""
    line, _, state = text.partition("\n")
    joined = result.exit_code == 0
    if not joined and absent and state.startswith("{"):
        told = json.loads(state)
        missing = [peer.rpartition(":")[0] for peer in told.get("missing", [])]
        joined = bool(missing) and bool(told.get("master_well")) and absent.issuperset(missing)
    return joined, line or f"exit code {result.exit_code}"
