"""A cluster that gives figures of itself, and beside it a Prometheus that is told by the outputs where they are."""

import json

import pulumi
import pulumi_docker as docker

from redis_ha import RedisHa

cache = RedisHa(
    "cache",
    {
        "replicas": 1,
        "metrics": True,
        "password": pulumi.Config().require_secret("password"),
        "ports": {"master": 23379, "replica": 23380, "sentinel": 23381},
    },
)


# As JSON the output is what a Prometheus reads targets from.
FOLDER = "/etc/prometheus"
CONFIG = {
    "global": {"scrape_interval": "5s"},
    "scrape_configs": [{"job_name": "redis-ha", "file_sd_configs": [{"files": [f"{FOLDER}/targets.json"]}]}],
}
docker.Container(
    "prometheus",
    image="prom/prometheus:v3.5.0",
    uploads=[
        docker.ContainerUploadArgs(file=f"{FOLDER}/prometheus.yml", content=json.dumps(CONFIG)),
        docker.ContainerUploadArgs(file=f"{FOLDER}/targets.json", content=pulumi.Output.json_dumps(cache.metrics)),
    ],
    network_mode="host",
    must_run=True,
    opts=pulumi.ResourceOptions(depends_on=[cache]),
)

pulumi.export("metrics", cache.metrics)
pulumi.export("url", cache.sentinel_url)
