"""A cluster over the machines that the stack's config names: where nodes are is decided by it, and has to be known."""

import pulumi

from redis_ha import RedisHa

config = pulumi.Config()
orders = RedisHa(
    "orders",
    {
        "hosts": config.require_object("hosts"),
        "replicas": 2,
        "sentinels": 3,
        "password": config.require_secret("password"),
        "durability": "consistent",
        "retain_data": True,
    },
)

pulumi.export("sentinels", orders.sentinels)
pulumi.export("hosts", orders.hosts)
pulumi.export("url", orders.sentinel_url)
