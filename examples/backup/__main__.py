"""A cluster as one runs it for years: backed up elsewhere, watched, its data protected."""

import pulumi

from redis_ha import RedisHa

config = pulumi.Config()
orders = RedisHa(
    "orders",
    {
        "replicas": 2,
        "password": config.require_secret("password"),
        "system_password": config.require_secret("systemPassword"),
        "protect_data": True,
        "resources": {"memory": "512m"},
        "metrics": True,
        "backup": {
            "repository": config.require("repository"),
            "password": config.require_secret("backupPassword"),
            "every": "6h",
            "keep": {"last": 4, "daily": 14, "monthly": 12},
            "environment": {
                "AWS_ACCESS_KEY_ID": config.require("accessKey"),
                "AWS_SECRET_ACCESS_KEY": config.require_secret("secretKey"),
            },
        },
        "ports": {"master": 24379, "replica": 24380, "sentinel": 24381, "metrics": 24376, "figures": 24375},
    },
)

pulumi.export("sentinels", orders.sentinels)
pulumi.export("url", orders.sentinel_url)
pulumi.export("metrics", orders.metrics)
