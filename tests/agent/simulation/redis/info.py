"""What a Redis server says of itself, as far as agents and Sentinels read it."""

from typing import TYPE_CHECKING

from agent.wire.answers import Result, Value

if TYPE_CHECKING:
    from tests.agent.simulation.redis.replication import Replication
    from tests.agent.simulation.redis.server import Server


def role(server: "Server") -> Result:
    """ROLE."""
    stream = server.replication
    if stream.master is None:
        online = [each for each in stream.followers if each.up]
        return ["master", stream.offset, [_online(each) for each in online]]
    state = {"up": "connected", "copying": "sync", "loading": "sync"}.get(stream.state, "connect")
    return ["slave", stream.master.host, stream.master.port, state, stream.offset]


def _online(follower: "Replication") -> list[Value]:
    at = follower.server.address
    return [at.host, str(at.port), str(follower.offset)]


def _rewrites(server: "Server") -> bool:
    after_a_copy = server.volume.log is not server.log and server.replication.up
    return after_a_copy or server.clock.now < server.rewriting_until


def info(server: "Server") -> str:
    """INFO, as far as anybody here reads it."""
    stream, master = server.replication, server.replication.master
    lines = [
        "redis_version:8.0.2",
        f"run_id:{server.run_id}",
        f"uptime_in_seconds:{int(server.clock.now - server.started_at)}",
        f"loading:{server.loading:d}",
        "aof_last_write_status:ok",
        "rdb_last_bgsave_status:ok",
        f"aof_rewrite_in_progress:{_rewrites(server):d}",
    ]
    if master is None:
        lines.append(f"role:master\r\nmaster_repl_offset:{stream.offset}")
    else:
        down = -1 if stream.down_since is None else int(server.clock.now - stream.down_since)
        lines.append(
            f"role:slave\r\nmaster_host:{master.host}\r\nmaster_port:{master.port}\r\n"
            f"master_link_status:{'up' if stream.up else 'down'}\r\n"
            f"master_sync_in_progress:{stream.state in ('copying', 'loading'):d}\r\n"
            f"slave_repl_offset:{stream.offset}\r\nslave_priority:{server.priority}\r\n"
            f"master_repl_offset:{stream.offset}"
        )
        if not stream.up:
            lines.append(f"master_link_down_since_seconds:{down}")
    for number, follower in enumerate(stream.followers):
        at = follower.server.address
        state = "online" if follower.up else "send_bulk"
        lines.append(f"slave{number}:ip={at.host},port={at.port},state={state},offset={follower.offset},lag=0")
    if server.log:
        lines.append(f"db0:keys={len(server.log)},expires=0,avg_ttl=0")
    return "\r\n".join(lines)
