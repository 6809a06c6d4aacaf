"""The lines of redis.conf and sentinel.conf that follow from the settings."""

from components.setting_types import size_in_bytes
from components.settings import Settings

# The rest is for copy-on-write, replication buffers and fragmentation.
MAX_MEMORY_SHARE = 0.6
# Replicas acknowledge once a second, so 1 would stop writes at every hiccup; measured: the
# seconds of writes that an isolated master can still acknowledge and lose.
CONSISTENT_MAX_LAG_SECONDS = 2
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
    ]
    limit = _max_memory(settings)
    if limit is not None:
        lines.append(f"maxmemory {limit}")
    if settings.durability == "consistent":
        lines += [
            "min-replicas-to-write 1",
            f"min-replicas-max-lag {CONSISTENT_MAX_LAG_SECONDS}",
        ]
    lines += [f"{name} {value}" for name, value in sorted(settings.redis_config.items())]
    return "".join(f"{line}\n" for line in lines)


def sentinel_directives(settings: Settings) -> str:
    """What is appended to the image's sentinel.conf template."""
    name = settings.master_name
    lines = [
        f"sentinel down-after-milliseconds {name} {settings.down_after}",
        f"sentinel failover-timeout {name} {settings.failover_timeout}",
        f"sentinel parallel-syncs {name} {settings.parallel_syncs}",
    ]
    for directive, value in sorted(settings.sentinel_config.items()):
        if directive in _PER_MASTER:
            lines.append(f"sentinel {directive} {name} {value}")
        elif directive in _SENTINEL_GLOBAL:
            lines.append(f"sentinel {directive} {value}")
        else:
            lines.append(f"{directive} {value}")
    return "".join(f"{line}\n" for line in lines)


def _max_memory(settings: Settings) -> int | None:
    if settings.max_memory is not None:
        return size_in_bytes(settings.max_memory)
    if settings.resources.memory is not None:
        return int(size_in_bytes(settings.resources.memory) * MAX_MEMORY_SHARE)
    return None
