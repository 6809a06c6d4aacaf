"""A Swarm task finds its place by the name of its host."""

from pathlib import Path

import pytest

from agent.serve.environment import CONFIGURATION, MASTER, Environment, StartError, read

PLACES = "host-a=10.0.0.1:16379 host-b=10.0.0.2:16380 host-bb=10.0.0.3:16380"


def place(role: str, tmp_path: Path, **environment: str) -> Environment:
    told = {"master_address": "10.0.0.1", "master_port": "16379", "REDIS_HA_DATA": str(tmp_path)}
    return read([role], told | environment)


def test_a_data_node_has_its_hosts_address_and_port(tmp_path: Path) -> None:
    found = place("replica", tmp_path, swarm_host="host-b", swarm_places=PLACES, redis_port="16379")
    assert (found.announce, found.port, found.get("bind_address")) == ("10.0.0.2", 16380, "10.0.0.2 127.0.0.1")
    assert found.role == "replica"


def test_the_one_at_the_declared_masters_address_is_the_declared_master(tmp_path: Path) -> None:
    assert place("replica", tmp_path, swarm_host="host-a", swarm_places=PLACES, redis_port="16379").role == MASTER


def test_a_sentinels_number_is_its_hosts_place_in_the_list(tmp_path: Path) -> None:
    found = place("sentinel", tmp_path, swarm_host="host-bb", swarm_places=PLACES, sentinel_port="16381")
    assert (found.announce, found.port, found.get("sentinel_index")) == ("10.0.0.3", 16380, "2")


@pytest.mark.parametrize("host", ["host-c", "host"])
def test_a_host_that_is_not_listed_is_an_error(host: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=f"this host, {host}, is not among those of the stack") as refused:
        place("replica", tmp_path, swarm_host=host, swarm_places=PLACES, redis_port="16379")
    assert refused.value.code == CONFIGURATION


def test_without_a_swarm_all_stays_as_told(tmp_path: Path) -> None:
    found = place("replica", tmp_path, redis_port="1", announce_address="10.0.0.9")
    assert (found.announce, found.port, found.get("bind_address")) == ("10.0.0.9", 1, "")
