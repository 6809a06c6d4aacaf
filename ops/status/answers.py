"""What data nodes and Sentinels answer to `INFO` and the like."""

from typing import Any

from ops.redis import direct, record
from ops.status.facts import Data, Replica, Watch
from redis_ha.outputs import Address, Outputs


def data(at: Address, outputs: Outputs, within: float) -> Data:
    """What a data node answers. Raises redis.RedisError or OSError."""
    client = direct(at, outputs, within)
    try:
        return read_data(client.info())
    finally:
        client.close()


def watch(at: Address, outputs: Outputs, within: float) -> Watch:
    """What a Sentinel answers. Raises redis.RedisError or OSError."""
    client = direct(at, outputs, within)
    try:
        seen = record(client.execute_command("SENTINEL", "MASTER", outputs.master_name))
        info = client.info("sentinel")
    finally:
        client.close()
    return Watch(
        master=(seen["ip"], int(seen["port"])),
        flags=tuple(seen["flags"].split(",")),
        quorum=int(seen["quorum"]),
        replicas=int(seen["num-slaves"]),
        sentinels=int(seen["num-other-sentinels"]),
        epoch=int(seen["config-epoch"]),
        tilt=bool(int(info.get("sentinel_tilt", 0))),
    )


def read_data(info: dict[str, Any]) -> Data:
    """From redis-py's INFO."""
    master = info["role"] == "master"
    replicas = (info[f"slave{number}"] for number in range(int(info.get("connected_slaves", 0))))
    good = info.get("min_slaves_good_slaves")
    return Data(
        role="master" if master else "replica",
        version=_version(info),
        offset=int(info["master_repl_offset"] if master else info.get("slave_repl_offset", 0)),
        memory=int(info["used_memory"]),
        max_memory=int(info.get("maxmemory", 0)),
        evicts=info.get("maxmemory_policy", "noeviction") != "noeviction",
        stores=info.get("aof_last_write_status", "ok") == "ok",
        priority=int(info.get("slave_priority", 100)),
        loading=bool(int(info.get("loading", 0))),
        follows=None if master else (str(info["master_host"]), int(info["master_port"])),
        link=info.get("master_link_status") == "up",
        replicas=tuple(
            Replica((str(one["ip"]), int(one["port"])), one["state"] == "online", int(one["lag"]), int(one["offset"]))
            for one in replicas
        ),
        in_sync=None if good is None else int(good),
    )


def _version(info: dict[str, Any]) -> str:
    if "valkey_version" in info:
        return f"valkey {info['valkey_version']}"
    return str(info["redis_version"])
