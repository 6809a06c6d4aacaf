"""A cache and a store of orders, each a cluster of its own, and an application that uses the store by its Sentinels."""

import pulumi
import pulumi_docker as docker

from redis_ha import RedisHa

config = pulumi.Config()
cache = RedisHa(
    "cache",
    {
        "replicas": 1,
        "password": config.require_secret("cachePassword"),
        "append_only": False,
        "max_memory": "64mb",
        "ports": {"master": 20379, "replica": 20380, "sentinel": 20381},
    },
)
orders = RedisHa(
    "orders",
    {
        "replicas": 1,
        "password": config.require_secret("ordersPassword"),
        "ports": {"master": 21379, "replica": 21380, "sentinel": 21381},
    },
)

# The application of this example is a client that asks the Sentinels once and then pings the master.
ASK = """
host=${SENTINELS%%:*}; port=${SENTINELS#*:}; port=${port%% *}
set -- $(redis-cli -h $host -p $port -a "$PASSWORD" --no-auth-warning sentinel get-master-addr-by-name $MASTER)
redis-cli -h $1 -p $2 -a "$PASSWORD" --no-auth-warning ping
sleep infinity
"""
application = docker.Container(
    "application",
    image=orders.image,
    entrypoints=["sh", "-c", ASK],
    envs=[
        pulumi.Output.concat("MASTER=", orders.master_name),
        orders.sentinels.apply(lambda found: f"SENTINELS={' '.join(found)}"),
        pulumi.Output.concat("PASSWORD=", orders.password),
    ],
    network_mode="host",
    must_run=True,
    destroy_grace_seconds=1,
    opts=pulumi.ResourceOptions(depends_on=[orders]),
)

pulumi.export("cache", cache.sentinels)
pulumi.export("orders", orders.sentinels)
pulumi.export("ordersUrl", orders.url)
pulumi.export("application", application.name)
