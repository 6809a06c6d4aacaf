"""A single node on a small file system of its own, with the stack's image: what fills its disk hurts nobody else."""

from collections.abc import Iterator
from contextlib import contextmanager

from docker.models.containers import Container

from drills.target.cluster import Cluster
from drills.target.waiting import until
from tests.deploy.inside import inside

PORT = "6379"


@contextmanager
def small_master(cluster: Cluster, network: str | None = None) -> Iterator[Container]:
    """A master of no replicas whose volume has 24 MB; `network` is that of Docker, by default its own."""
    container = cluster.docker.containers.run(
        str(cluster.containers("redis")[0].attrs["Image"]),
        ["master"],
        name=f"redis-ha-{cluster.outputs.stack}-small",
        detach=True,
        labels={"redis-ha.stack": f"{cluster.outputs.stack}-small"},
        environment={"redis_port": PORT},
        tmpfs={"/data": "size=24m,uid=999,gid=1000,mode=0700"},
        network=network,
    )
    try:
        until(lambda: inside(container, "redis-ha-health")[0] == 0, "the node", 20)
        container.reload()
        yield container
    finally:
        container.remove(force=True)
