"""What status reads out of a data node's INFO."""

from typing import Any

from ops.status.answers import read_data
from ops.status.facts import Data, Replica

MASTER: dict[str, Any] = {
    "role": "master",
    "redis_version": "8.0.2",
    "master_repl_offset": 500,
    "used_memory": 1000,
    "maxmemory": 2000,
    "maxmemory_policy": "noeviction",
    "aof_last_write_status": "ok",
    "loading": 0,
    "connected_slaves": 2,
    "slave0": {"ip": "10.0.0.20", "port": 16380, "state": "online", "offset": 490, "lag": 1},
    "slave1": {"ip": "10.0.0.21", "port": 16390, "state": "wait_bgsave", "offset": 0, "lag": 0},
}
REPLICA: dict[str, Any] = {
    "role": "slave",
    "redis_version": "7.2.4",
    "valkey_version": "8.1.1",
    "master_host": "10.0.0.10",
    "master_port": 16379,
    "master_link_status": "up",
    "master_repl_offset": 480,
    "slave_repl_offset": 490,
    "slave_priority": 0,
    "used_memory": 1000,
    "maxmemory": 0,
    "maxmemory_policy": "allkeys-lru",
    "aof_last_write_status": "err",
    "loading": 1,
}


def test_a_master() -> None:
    replicas = (Replica(("10.0.0.20", 16380), True, 1, 490), Replica(("10.0.0.21", 16390), False, 0, 0))
    assert read_data(MASTER) == Data("master", "8.0.2", 500, 1000, 2000, replicas=replicas)


def test_a_master_that_counts_its_replicas() -> None:
    assert read_data({**MASTER, "min_slaves_good_slaves": 1}).in_sync == 1


def test_a_replica() -> None:
    assert read_data(REPLICA) == Data(
        "replica",
        "valkey 8.1.1",
        490,
        1000,
        0,
        evicts=True,
        stores=False,
        priority=0,
        loading=True,
        follows=("10.0.0.10", 16379),
        link=True,
    )


def test_a_replica_whose_link_is_down() -> None:
    assert not read_data({**REPLICA, "master_link_status": "down"}).link
