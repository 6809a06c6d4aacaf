"""A highly available Redis in Docker, as a Pulumi component: `RedisHa("cache", {"replicas": 2, "password": secret})`.

What a program needs is here; it is loaded when it is first asked for, since the SDK takes a second.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis_ha.resources.component import RedisHa
    from redis_ha.resources.interrupts import end_quietly_when_interrupted
    from redis_ha.settings.arguments import RedisHaArgs
    from redis_ha.settings.loader import config_arguments

__all__ = ["RedisHa", "RedisHaArgs", "config_arguments", "end_quietly_when_interrupted"]
_ROOMS = {
    "RedisHa": "redis_ha.resources.component",
    "RedisHaArgs": "redis_ha.settings.arguments",
    "config_arguments": "redis_ha.settings.loader",
    "end_quietly_when_interrupted": "redis_ha.resources.interrupts",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_ROOMS[name]), name)
