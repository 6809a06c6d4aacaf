"""What only Docker can tell before anything is changed: `up` stops with the reason.

A preview says what it could not see: it may run where neither Docker nor any host is reached, as for a pull request.
"""

import os

import pulumi

from redis_ha.docker.clients import check_hosts, left_out, why_unreachable
from redis_ha.docker.data import (
    refuse_another_master_name,
    refuse_older_redis,
    refuse_strange_password,
    warn_of_removed_data,
)
from redis_ha.docker.host import refuse_switching_tls
from redis_ha.docker.nobody import NO_DOCKER
from redis_ha.docker.swarm_nodes import check_swarm
from redis_ha.docker.there import warn_of_outage
from redis_ha.plan.topology import Topology
from redis_ha.settings.given import Given
from redis_ha.settings.hosts import Host


def look(given: Given, topology: Topology) -> frozenset[Host | None]:
    """The machines that a preview of Pulumi needs somebody to stand for; None is the only one.

    Raises pulumi.RunError when a host does not answer, a Swarm has other nodes, TLS would be switched, or the master's
    name or the nodes' own password changed. And when the base image is older than the data. Warns of data that would be
    removed; in a preview of an outage, too.
    """
    swarm = given.now.swarm
    preview = pulumi.runtime.is_dry_run()
    hosts = [host for host in topology.hosts if host is not None]
    if swarm or not hosts:
        missing = (os.environ.get(NO_DOCKER) or why_unreachable(None)) if preview else ""
        if missing:
            pulumi.log.warn(
                f"Docker cannot be reached: {missing}. This preview has not looked at what is there; `up` will"
            )
            return frozenset() if _embedded() or NO_DOCKER in os.environ else frozenset({None})
    unseen: frozenset[Host | None] = frozenset()
    if swarm:
        check_swarm(hosts)
    else:
        unseen = check_hosts(hosts)
        if preview and not unseen and not left_out():
            warn_of_outage(topology)
    refuse_switching_tls(topology, swarm)
    given.of(lambda settings: refuse_another_master_name(settings.master_name, topology, swarm))
    given.of(lambda settings: refuse_strange_password(settings, topology, swarm))
    given.of(lambda settings: refuse_older_redis(settings.base_image, topology, swarm))
    if not (swarm or given.now.retain_data):
        warn_of_removed_data(topology)
    return frozenset() if _embedded() else unseen


def _embedded() -> bool:
    """Whether the embedded engine runs this: it shows what it does not reach as new."""
    return os.environ.get("REDIS_HA_ENGINE") == "embedded"


def refuse_other_dockers(component: pulumi.ComponentResource) -> None:
    """Nodes are waited for at the Docker that they were made at: by another way to name it they would not be found.

    Raises pulumi.RunError naming what is set.
    """
    instead = "name the machine by DOCKER_HOST, a Docker context, or the argument `hosts`"
    config = {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}
    found = sorted(key for key in config if key.startswith("docker:"))
    if found:
        raise pulumi.RunError(f"{', '.join(found)}: set in the config of the stack, and not read by RedisHa; {instead}")
    if "docker" in component._providers:
        raise pulumi.RunError(f"a docker provider among the options of RedisHa is not used by all of it; {instead}")
