"""A data node whose volume is full. A single node on a small file system of its own, with the stack's image."""

from collections.abc import Iterator

import pytest
from docker.models.containers import Container

from drills.target.cluster import Cluster
from drills.target.waiting import until
from tests.deploy.inside import answer_of, inside, output_of
from tests.deploy.small_master import PORT, small_master


@pytest.fixture
def small(cluster: Cluster) -> Iterator[Container]:
    with small_master(cluster) as container:
        yield container


def _health(container: Container) -> tuple[int, str]:
    return answer_of(container, "redis-ha-health")


def _write(container: Container) -> str:
    return output_of(container, "redis-cli", "-p", PORT, "SET", "key", "x" * 10_000)


def test_a_full_disk_stops_writes_and_says_so_until_there_is_room(small: Container) -> None:
    assert _write(small) == "OK"
    inside(small, "dd", "if=/dev/zero", "of=/data/filler", "bs=4k")
    until(lambda: _write(small).startswith("MISCONF"), "writes to be refused", 20, 0.1)
    until(lambda: _health(small)[0] == 1, "its health check to say so", 5)
    assert _health(small) == (1, "cannot write to its disk: is it full? Writes are refused")
    assert answer_of(small, "redis-cli", "-p", PORT, "STRLEN", "key") == (0, "10000"), "reads go on"
    small.reload()
    assert (small.status, small.attrs["RestartCount"]) == ("running", 0)
    inside(small, "rm", "/data/filler")
    until(lambda: _write(small) == "OK", "writes to be taken again", 20, 0.1)
    until(lambda: _health(small) == (0, "master of 0 replicas"), "it to be well", 5)
