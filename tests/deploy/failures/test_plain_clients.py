"""Clients of the endpoint that know nothing: no limit on any time, no retry but to connect again."""

import time
from collections.abc import Callable

import pytest
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError

from drills.faults import FAULTS
from drills.faults.base import Scene
from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.waiting import until
from drills.under_load import under_load
from drills.watch.load import Load
from drills.watch.routes import Route, ThroughEndpoint
from drills.watch.timeline import Timeline
from redis_ha.outputs import Outputs
from tests.deploy.support import longest, no_errors, nothing_lost

# With a dozen of them one always connects while a dead node still counts as up.
CLIENTS = 12
# Seconds without an answer, beside others that have one, until a client is said to hang.
HANGS = 10
PAUSE = 0.02  # seconds between two attempts to connect


class PlainThroughEndpoint(Route):
    """Connects to the stack's endpoint for writes as a program does that has no recipe at all.

    No limit on any time (redis-py 8 has some of its own, 5 s, that neither older ones nor most other clients have),
    and no retry but this: where the connection is closed or refused, a new one after PAUSE, for as long as it takes.
    Whatever else the node answers is the caller's.
    """

    def __init__(self, outputs: Outputs) -> None:
        assert outputs.write is not None
        super().__init__(clients.direct(outputs.write, outputs.password, None, outputs.tls))
        self._closed = False

    def write(self, key: str, number: int) -> None:
        """See Route."""
        while not self._closed:
            try:
                return super().write(key, number)
            except BusyLoadingError:  # to redis-py this is a closed connection, but it is an answer
                raise
            except RedisConnectionError:
                time.sleep(PAUSE)
            except ValueError:  # what redis-py makes of a connection that `close` has taken away from a hanging write
                if not self._closed:
                    raise
        raise RedisConnectionError("closed")

    def close(self) -> None:
        """See Route. A write that hangs is let go of."""
        self._closed = True
        super().close()


@pytest.mark.parametrize("name", ["master-killed", "hand-over", "master-hung", "master-cut-off", "endpoint-restarted"])
def test_none_waits_for_longer_than_one_with_a_recipe(
    cluster: Cluster, figure: Callable[[str], None], name: str
) -> None:
    fault = FAULTS[name]
    scene = Scene(cluster, Timeline(cluster))
    if reason := fault.refused(scene):
        pytest.skip(reason)
    before = cluster.master()
    plain = Load(lambda: PlainThroughEndpoint(cluster.outputs), CLIENTS, 25.0, "plain client")
    recipe = Load(lambda: ThroughEndpoint(cluster.outputs), 2, 50.0, "recipe client")

    def meanwhile(_: float) -> None:
        if fault.failover:
            until(lambda: cluster.master(30) != before, "a failover", 30)
        recipe.settle()
        _all_write_after(plain, time.time())

    since = under_load(scene, fault, [recipe, plain], meanwhile).began
    figure(f"without a move {longest(plain, since):.2f} s, by the recipe {longest(recipe, since):.2f} s")
    assert longest(plain, since) < longest(recipe, since) + 1
    # Nothing but closed connections: no READONLY, no NOREPLICAS.
    no_errors(plain)
    nothing_lost(cluster, plain, recipe)


def _all_write_after(load: Load, since: float) -> None:
    """Wait until each has been answered after `since`."""

    def hanging() -> list[str]:
        return [c.name for c in load.clients if c.acknowledged[-1][1] <= since]

    until(lambda: not hanging(), "all to be answered", HANGS, because=lambda: f"{len(hanging())} of {CLIENTS} are not")
