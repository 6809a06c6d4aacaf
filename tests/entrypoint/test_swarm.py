"""A Swarm task finds its place by the name of its host."""

import subprocess
from pathlib import Path

import pytest

LIB = Path(__file__).resolve().parents[2] / "configs" / "lib"
PLACES = "host-a=10.0.0.1:16379 host-b=10.0.0.2:16380 host-bb=10.0.0.3:16380"
SHOW = 'echo "$announce_address $redis_port $sentinel_port $sentinel_index $bind_address"'


def _place(**environment: str) -> subprocess.CompletedProcess[str]:
    script = f'. "{LIB}/common.sh"; . "{LIB}/swarm.sh"; take_place; {SHOW}'
    given = {"PATH": "/usr/bin:/bin", **environment}
    return subprocess.run(["sh", "-uc", script], env=given, capture_output=True, text=True, check=False)


def test_a_data_node_has_its_hosts_address_and_port() -> None:
    done = _place(swarm_host="host-b", swarm_places=PLACES, redis_port="16379")
    assert done.stdout == "10.0.0.2 16380  0 10.0.0.2 127.0.0.1\n"


def test_a_sentinels_number_is_its_hosts_place_in_the_list() -> None:
    done = _place(swarm_host="host-bb", swarm_places=PLACES, sentinel_port="16381")
    assert done.stdout == "10.0.0.3  16380 2 10.0.0.3 127.0.0.1\n"


@pytest.mark.parametrize("host", ["host-c", "host"])
def test_a_host_that_is_not_listed_is_an_error(host: str) -> None:
    done = _place(swarm_host=host, swarm_places=PLACES, redis_port="16379")
    assert done.returncode == 78
    assert f"this host, {host}, is not among those of the stack" in done.stderr


def test_without_a_swarm_all_stays_as_told() -> None:
    assert _place(redis_port="1", announce_address="10.0.0.9").stdout == "10.0.0.9 1  0 *\n"
