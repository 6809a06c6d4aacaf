"""The picture of the placement that `make status` prints."""

from typing import Any

from bootstrap.status_of_hosts import Lines, picture


def test_a_row_for_each_node_and_a_column_for_each_host() -> None:
    hosts: list[dict[str, Any]] = [{"name": "a"}, {"name": "b", "drain": True}, {"name": "c"}]
    found: list[Lines | None] = [
        [("redis-0", "running", "master of 1 replicas"), ("sentinel-0", "running", "watching 10.0.0.1:16379")],
        [("redis-10", "exited", "-"), ("redis-2", "running", "NOT JOINED: loading its data")],
        None,
    ]
    assert picture(hosts, found).splitlines() == [
        "            a       b           c",
        "                    drained     no answer",
        "redis-0     master  ·           ·",
        "redis-2     ·       not joined  ·",
        "redis-10    ·       exited      ·",
        "sentinel-0  up      ·           ·",
    ]
