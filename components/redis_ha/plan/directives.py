"""The lines of redis.conf and sentinel.conf that follow from the settings."""

from redis_ha.settings.memory import backlog, fitting_max_memory, replica_buffer
from redis_ha.settings.model import Settings
from redis_ha.settings.types import size_in_bytes

# What clients may be at most: Redis' own default, and as many as fit into most of what `maxmemory-clients` gives all of
# them. Else those that never log in have others evicted for them, the busiest first: the Sentinels, which then find no
# place to come back to, and take the master for down.
MAX_CLIENTS = 10_000
CLIENTS_SHARE = 0.75 * 0.2
"""Of `maxmemory`: what clients that have just connected may take; `maxmemory-clients` is a fifth."""
MIN_CLIENTS = 250
CLIENT_BYTES = 20 * 1024  # measured: a client that has just connected
# Replicas acknowledge once a second, so 1 would stop writes at every hiccup; measured: the
# seconds of writes that an isolated master can still acknowledge and lose.
CONSISTENT_MAX_LAG_SECONDS = 2
# Of down-after: a script that has run for so long is ended by its node's agent, before it costs a failover.
BUSY_SHARE = 0.4
_PER_MASTER = frozenset(
    [
        "notification-script",
        "client-reconfig-script",
        "master-reboot-down-after-period",
        "rename-command",
    ]
)
_SENTINEL_GLOBAL = frozenset(["deny-scripts-reconfig"])


def redis_directives(settings: Settings) -> str:
    """What is appended to the image's redis.conf template."""
    lines = [
        f"appendonly {'yes' if settings.append_only else 'no'}",
        f"appendfsync {settings.append_fsync}",
        f"busy-reply-threshold {int(settings.timing.down_after * BUSY_SHARE)}",
    ]
    limit = _max_memory(settings)
    if limit is not None:
        lines += [f"maxmemory {limit}", f"maxclients {_clients(int(limit * CLIENTS_SHARE))}"]
    if settings.resources.memory is not None:
        lines += _within(size_in_bytes(settings.resources.memory))
    if settings.durability == "consistent":
        lines += [
            "min-replicas-to-write 1",
            f"min-replicas-max-lag {CONSISTENT_MAX_LAG_SECONDS}",
        ]
    lines += _client_certificates(settings)
    lines += [f"{name} {value}" for name, value in sorted(settings.redis_config.items())]
    return "".join(f"{line}\n" for line in lines)


def sentinel_directives(settings: Settings) -> str:
    """What is appended to the image's sentinel.conf template."""
    name, timing = settings.master_name, settings.timing
    lines = [
        f"sentinel down-after-milliseconds {name} {timing.down_after}",
        f"sentinel failover-timeout {name} {timing.failover_timeout}",
        f"sentinel parallel-syncs {name} {settings.parallel_syncs}",
        # A master that restarts and loads its data answers, and would be waited for without this.
        f"sentinel master-reboot-down-after-period {name} {timing.down_after}",
        f"maxclients {_clients(size_in_bytes(settings.resources.sentinel_memory) // 2)}",
        *_client_certificates(settings),
    ]
    for directive, value in sorted(settings.sentinel_config.items()):
        if directive in _PER_MASTER:
            lines.append(f"sentinel {directive} {name} {value}")
        elif directive in _SENTINEL_GLOBAL:
            lines.append(f"sentinel {directive} {value}")
        else:
            lines.append(f"{directive} {value}")
    return "".join(f"{line}\n" for line in lines)


def _client_certificates(settings: Settings) -> list[str]:
    """Whether clients must show one. The image's scripts write the other directives of TLS."""
    if settings.tls is None:
        return []
    spelled = {"none": "no", "optional": "optional", "required": "yes"}
    return [f"tls-auth-clients {spelled[settings.tls.client_auth]}"]


def _within(memory: int) -> list[str]:
    """Limits that leave a container of `memory` bytes alive: together they fit beside `maxmemory`.

    Replicas share one buffer, so it counts once; what is left is for copy-on-write.
    """
    mb = 1024**2
    return [
        f"repl-backlog-size {backlog(memory)}",
        *(
            f"client-output-buffer-limit {kind} {hard} {hard // 2} 60"
            for kind, hard in (
                ("normal", max(mb, memory // 5)),
                ("replica", replica_buffer(memory)),
                ("pubsub", max(mb, min(32 * mb, memory // 10))),
            )
        ),
    ]


def _max_memory(settings: Settings) -> int | None:
    if settings.max_memory is not None:
        return size_in_bytes(settings.max_memory)
    if settings.resources.memory is not None:
        return fitting_max_memory(size_in_bytes(settings.resources.memory))
    return None


def _clients(memory: int) -> int:
    """How many clients fit into `memory` bytes."""
    return max(MIN_CLIENTS, min(MAX_CLIENTS, memory // CLIENT_BYTES))
