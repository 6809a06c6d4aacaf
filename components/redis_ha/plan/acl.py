"""The users of data nodes and Sentinels, as Redis ACL files; passwords only as SHA-256 hashes."""

import hashlib
from collections.abc import Callable

from redis_ha.settings.model import Settings

# No pattern can forbid one channel, so these allow every channel that does not begin as the Sentinels' hello channel
# and the agents' own do: nobody else speaks there. Redis holds a pattern subscription against the patterns to the
# letter, so a selector allows every pattern, and with it nothing but to subscribe.
_APPLICATION_CHANNELS = "resetchannels &[^_]* &_[^_]* &__[^sr]* &__s[^e]* &__r[^e]*"
_APPLICATION_PATTERNS = "(allchannels -@all +psubscribe +punsubscribe)"
_DANGEROUS = (
    "-flushall -flushdb -debug -shutdown -keys -swapdb -function|flush -function|restore -monitor -pfdebug -pfselftest "
    "-client|no-evict -client|unblock -latency -slowlog|reset"
)
# What would get between Redis and Sentinel is denied to the application in any case. CONFIG GET tells the password of
# replication; a script under SCRIPT DEBUG makes the whole server wait for that one client.
_CLUSTER_ONLY = (
    "-config -script|debug "
    "-replicaof -slaveof -failover -sync -psync -replconf -module -cluster -migrate -acl "
    "+acl|whoami -save -bgsave -bgrewriteaof -client|kill -client|pause -client|unpause"
)
# The minimal set of facts on Sentinel's own connections to the nodes it watches.
_SENTINEL_ON_NODE = (
    "resetchannels &__sentinel__:hello -@all +multi +slaveof +ping +exec +subscribe "
    "+config|rewrite +role +publish +info +client|setname +client|kill +script|kill"
)
_HANDOVER_ON_NODE = (
    "resetchannels &__redis-ha__ -@all +ping +info +role +replicaof +multi +exec +discard +publish +subscribe "
    "+script|kill +function|kill +client|pause +client|unpause +client|kill +client|list +client|setname "
    "+client|no-evict +config|set +config|get +config|rewrite +bgsave +shutdown"
)
# No CONFIG GET: it has the password of replication in it. No SLOWLOG GET: it has keys and values.
_EXPORTER_ON_NODE = "resetchannels -@all +ping +info +client|setname +latency|latest +latency|histogram +slowlog|len"
_EXPORTER_ON_SENTINEL = (
    "resetchannels -@all +auth +ping +info +client|setname "
    "+sentinel|masters +sentinel|sentinels +sentinel|slaves +sentinel|ckquorum"
)
# What a replica needs for a copy, and how many keys there are.
_BACKUP_ON_NODE = "resetchannels -@all +ping +info +sync +psync +replconf"
# Puts all data in the place of what is there, and reads it to compare.
_RESTORE_ON_NODE = (
    "~* resetchannels -@all +ping +info +select +dbsize +restore +unlink +wait +flushdb +swapdb +multi +exec "
    "+function|restore +function|list +type +get +lrange +smembers +hgetall +zrange +xrange +dump"
)
_ENDPOINT_ON_NODE = "resetchannels -@all +ping +role +client|no-evict"
_ENDPOINT_ON_SENTINEL = (
    "resetchannels -@all +auth +ping +client|no-evict +sentinel|get-master-addr-by-name +sentinel|master"
)
# Redis 7.0 refuses the names of subcommands that it does not have, such as SETINFO: so all but some.
_CLIENT_ON_SENTINEL = (
    "allchannels -@all +auth +hello +ping +info +role +command +client -client|kill -client|pause "
    "-client|unpause -client|unblock +subscribe +psubscribe +unsubscribe +punsubscribe "
    "+sentinel|get-master-addr-by-name +sentinel|master +sentinel|masters +sentinel|replicas "
    "+sentinel|slaves +sentinel|sentinels +sentinel|ckquorum +sentinel|myid"
)
_SENTINEL_ON_SENTINEL = (
    "&__sentinel__:hello -@all +auth +hello +ping +info +publish +client|setname +sentinel|is-master-down-by-addr"
)
_HANDOVER_ON_SENTINEL = (
    "allchannels -@all +auth +hello +ping +info +role +publish +client|setname +client|list +client|kill "
    "+client|no-evict "
    "+sentinel|get-master-addr-by-name +sentinel|master +sentinel|masters +sentinel|replicas "
    "+sentinel|sentinels +sentinel|is-master-down-by-addr +sentinel|failover +sentinel|ckquorum "
    "+sentinel|myid +sentinel|debug +subscribe +psubscribe"
)


def internal_password(password: str, system_password: str | None) -> str:
    """What replication, Sentinels and hand-overs log in with: 64 hex digits.

    Derived, so that a password of any letters never has to be quoted in a configuration file.
    """
    return _sha256(f"redis-ha/internal/{system_password or password}")


def internal_hashes(settings: Settings) -> list[str]:
    """What is accepted for it, as ACL files have it: two nodes that have none in common do not let each other in."""
    return _internal_passwords(settings, derived(settings, internal_password)).split()


def endpoint_password(password: str, system_password: str | None) -> str:
    """What the endpoint logs in with, to ask for roles: derived as the internal one is, and no way to that."""
    return _sha256(f"redis-ha/endpoint/{system_password or password}")


def exporter_password(password: str, system_password: str | None) -> str:
    """What the exporter logs in with, to ask for figures: derived as the others are, and no way to them."""
    return _sha256(f"redis-ha/exporter/{system_password or password}")


def backup_password(password: str, system_password: str | None) -> str:
    """What snapshots are taken with: derived as the others are, and no way to them."""
    return _sha256(f"redis-ha/backup/{system_password or password}")


def restore_password(password: str, system_password: str | None) -> str:
    """What one is restored with."""
    return _sha256(f"redis-ha/restore/{system_password or password}")


def operator_password(password: str, system_password: str | None) -> str:
    """What an operator logs in to the Sentinels with, as `operator`: derived as the others are, and no way to them."""
    return _sha256(f"redis-ha/operator/{system_password or password}")


def derived(settings: Settings, password: Callable[[str, str | None], str]) -> str:
    """What one of these functions makes of the settings' passwords."""
    system = settings.system_password
    return password(settings.password.get_secret_value(), system.get_secret_value() if system else None)


def data_node_acl(settings: Settings, internal: str) -> str:
    """The ACL file of a data node."""
    allowed = "+@all" if settings.allow_dangerous_commands else f"+@all {_DANGEROUS}"
    system = _internal_passwords(settings, internal)
    application = f"~* {_APPLICATION_CHANNELS} {allowed} {_CLUSTER_ONLY} {_APPLICATION_PATTERNS}"
    return _acl_file(
        f"default on {_passwords(settings)} {application}",
        f"replication on {system} resetchannels -@all +psync +replconf +ping",
        f"sentinel on {system} {_SENTINEL_ON_NODE}",
        f"handover on {system} {_HANDOVER_ON_NODE}",
        f"endpoint on {_derived_hashes(settings, endpoint_password)} {_ENDPOINT_ON_NODE}",
        f"exporter on {_derived_hashes(settings, exporter_password)} {_EXPORTER_ON_NODE}",
        f"backup on {_derived_hashes(settings, backup_password)} {_BACKUP_ON_NODE}",
        f"restore on {_derived_hashes(settings, restore_password)} {_RESTORE_ON_NODE}",
        *(
            f"{name} on {_hash(user.password.get_secret_value())} resetchannels -@all {user.rules}"
            for name, user in sorted(settings.users.items())
        ),
    )


def sentinel_acl(settings: Settings, internal: str) -> str:
    """The ACL file of a Sentinel. Clients cannot change what it monitors, nor forge hellos."""
    system = _internal_passwords(settings, internal)
    return _acl_file(
        f"default on {_passwords(settings)} {_CLIENT_ON_SENTINEL}",
        f"sentinel on {system} {_SENTINEL_ON_SENTINEL}",
        f"handover on {system} {_HANDOVER_ON_SENTINEL}",
        f"endpoint on {_derived_hashes(settings, endpoint_password)} {_ENDPOINT_ON_SENTINEL}",
        f"exporter on {_derived_hashes(settings, exporter_password)} {_EXPORTER_ON_SENTINEL}",
        f"operator on {_derived_hashes(settings, operator_password)} {_CLIENT_ON_SENTINEL} +sentinel|failover",
    )


def _passwords(settings: Settings) -> str:
    """The application's password, and during a rotation the one before it."""
    accepted = [settings.password, settings.previous_password]
    return " ".join(_hash(one.get_secret_value()) for one in accepted if one is not None)


def _internal_passwords(settings: Settings, internal: str) -> str:
    """The internal password, and while the system password is changed the one that follows from the other."""
    other = settings.other_system_password
    accepted = [internal] if other is None else [internal, internal_password("", other.get_secret_value())]
    return " ".join(_hash(one) for one in accepted)


def _derived_hashes(settings: Settings, password: Callable[[str, str | None], str]) -> str:
    """A user's derived password, and while the system password is changed the one that follows from the other."""
    given = [settings.system_password or settings.password, settings.other_system_password]
    return " ".join(_hash(password("", one.get_secret_value())) for one in given if one is not None)


def _acl_file(*users: str) -> str:
    return "".join(f"user {user}\n" for user in users)


def _hash(password: str) -> str:
    return f"#{_sha256(password)}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
