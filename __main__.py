"""A highly available Redis in Docker: the stack's config -> the component -> the stack's outputs."""

import pulumi

from redis_ha import RedisHa, config_arguments, end_quietly_when_interrupted

end_quietly_when_interrupted()
cluster = RedisHa("redis-ha", config_arguments())
for name, value in cluster.outputs.items():
    pulumi.export(name, value)
