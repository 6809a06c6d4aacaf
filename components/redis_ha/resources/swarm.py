"""The nodes as Docker Swarm services: one for the data nodes, one for the Sentinels, never two of one on a host.

All tasks of a service are told the same. What differs follows from the host that a task runs on, whose name Swarm fills
in: the task looks its address and port up in a table of all hosts (agent/serve/environment.py), and finds its data
there.
Host networking: on an overlay network addresses change with each restart, which Sentinel does not survive.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from redis_ha.docker import swarm_rollout
from redis_ha.plan import labels
from redis_ha.plan.topology import Kind, Node, Topology
from redis_ha.resources.image import redis_image, registry_password
from redis_ha.resources.node import RUN_FOLDER, SCRATCH_SIZE, STOP_SECONDS
from redis_ha.resources.place import Place, labelled
from redis_ha.resources.swarm_files import swarm_files
from redis_ha.settings.given import Given
from redis_ha.settings.model import Settings
from redis_ha.settings.types import size_in_bytes

NETWORK = "host"
# Swarm kills what its health check calls unhealthy. A node that has joined once stays healthy, whatever becomes of the
# others; one that has not may take its time to copy the data, while the roll-out waits at it.
HEALTH_CHECK = ["CMD", "redis-ha-health", "once"]
START_PERIOD = "24h"
RESTART = {"no": "none", "on-failure": "on-failure", "always": "any", "unless-stopped": "any"}


@dataclass(frozen=True)
class Swarm:
    """What both services are made of."""

    place: Place
    topology: Topology
    image: pulumi.Input[str]
    together: bool
    """There are no Sentinels yet: the data nodes need them to agree on a first master, and are not waited for alone."""


def service_name(topology: Topology, kind: Kind) -> str:
    """The name of the service, and of the volume that each of its nodes has on its host."""
    return f"{topology.identity.prefix}-{kind}"


def swarm_services(place: Place, topology: Topology) -> pulumi.Output[str]:
    """Declare both: the Sentinels are touched only when the data nodes have joined. The image that they run.

    At a first start both begin together, and are waited for then.
    """
    image = redis_image(place)
    together = not swarm_rollout.is_there(service_name(topology, "sentinel"))
    swarm = Swarm(place, topology, image, together)
    data = _service(
        swarm,
        "redis",
        topology.data_nodes,
        lambda settings: {
            "redis_port": str(topology.master.port),
            "sentinels": " ".join(slot.endpoint for slot in topology.sentinel_slots[: len(topology.sentinels)]),
            "durability": settings.durability,
            "down_after": str(settings.timing.down_after),
        },
    )
    _service(
        swarm,
        "sentinel",
        topology.sentinels,
        lambda settings: {
            "sentinel_port": str(settings.ports.sentinel),
            "quorum": str(settings.effective_quorum),
            "sentinel_periods": settings.timing.periods,
            "data_nodes": " ".join(f"{peer.name}={peer.endpoint}" for peer in topology.data_nodes),
            "sentinels": " ".join(f"{peer.endpoint}:{topology.sentinel_id(peer)}" for peer in topology.sentinels),
        },
        after=data,
    )
    return image


def _service(
    swarm: Swarm,
    kind: Kind,
    nodes: Sequence[Node],
    envs: Callable[[Settings], Mapping[str, str]],
    after: docker.Service | None = None,
) -> docker.Service:
    place, topology = swarm.place, swarm.topology
    given = place.given
    name, data = service_name(topology, kind), service_name(topology, "redis")
    # Of the Sentinels last, when both are there: a Sentinel has joined when it sees a master.
    waited_for = ([data, name] if after else []) if swarm.together else [name]
    configs, secrets = swarm_files(place, topology, kind)
    marks = place.identity.labels(kind)
    return docker.Service(
        place.resource(kind),
        name=name,
        labels=labelled(docker.ServiceLabelArgs, marks),
        mode=docker.ServiceModeArgs(replicated=docker.ServiceModeReplicatedArgs(replicas=len(nodes))),
        task_spec=docker.ServiceTaskSpecArgs(
            container_spec=docker.ServiceTaskSpecContainerSpecArgs(
                image=swarm.image,
                args=["sentinel" if kind == "sentinel" else "replica"],
                env=given.of(lambda settings: {**_environment(settings, topology, nodes), **envs(settings)}),
                labels=labelled(
                    docker.ServiceTaskSpecContainerSpecLabelArgs,
                    {**marks, labels.TRANSPORT: "tls" if topology.tls else "plain"},
                ),
                configs=configs,
                secrets=secrets,
                mounts=_mounts(name, marks),
                read_only=True,
                cap_drops=["ALL"],
                healthcheck=docker.ServiceTaskSpecContainerSpecHealthcheckArgs(
                    tests=HEALTH_CHECK, interval="5s", timeout="3s", start_period=START_PERIOD, retries=3
                ),
                stop_grace_period=f"{STOP_SECONDS}s",
            ),
            placement=docker.ServiceTaskSpecPlacementArgs(constraints=_constraints(topology, nodes), max_replicas=1),
            networks_advanceds=[docker.ServiceTaskSpecNetworksAdvancedArgs(id=NETWORK)],
            resources=given.of(lambda settings: _resources(settings, kind)),
            restart_policy=docker.ServiceTaskSpecRestartPolicyArgs(
                condition=given.of(lambda settings: RESTART[settings.restart]), delay="1s", max_attempts=0, window="0s"
            ),
            log_driver=docker.ServiceTaskSpecLogDriverArgs(
                name="json-file", options={"max-size": "10m", "max-file": "3"}
            ),
        ),
        auth=_login(given),
        # One node at a time; one that does not start ends the roll-out, and the others keep serving.
        update_config=docker.ServiceUpdateConfigArgs(
            parallelism=1, order="stop-first", delay="1s", monitor="5s", failure_action="pause", max_failure_ratio="0.0"
        ),
        opts=place.options(
            kind,
            depends_on=swarm_rollout.after(after, [] if swarm.together else [data]),
            hooks=swarm_rollout.until_joined(name, waited_for),
            # Docker adds to them: the network's own id, and what the image runs on.
            ignore_changes=["taskSpec.networksAdvanceds", "taskSpec.placement.platforms"],
        ),
    )


def _environment(settings: Settings, topology: Topology, nodes: Sequence[Node]) -> dict[str, str]:
    """What the tasks of a service are told; the doubled braces are for Swarm to fill in."""
    return {
        "swarm_host": "{{.Node.Hostname}}",
        "swarm_places": " ".join(f"{node.host.name}={node.endpoint}" for node in nodes if node.host),
        "master_port": str(topology.master.port),
        "master_address": topology.master.address,
        "master_name": settings.master_name,
    }


def _mounts(volume: str, marks: Mapping[str, str]) -> list[docker.ServiceTaskSpecContainerSpecMountArgs]:
    """The volume that is /data, one of this name on each host, and where the agent writes its state."""
    options = docker.ServiceTaskSpecContainerSpecMountVolumeOptionsArgs(
        labels=labelled(docker.ServiceTaskSpecContainerSpecMountVolumeOptionsLabelArgs, marks)
    )
    scratch = docker.ServiceTaskSpecContainerSpecMountTmpfsOptionsArgs(mode=0o777, size_bytes=SCRATCH_SIZE)
    return [
        docker.ServiceTaskSpecContainerSpecMountArgs(
            type="volume", source=volume, target="/data", volume_options=options
        ),
        docker.ServiceTaskSpecContainerSpecMountArgs(type="tmpfs", target=RUN_FOLDER, tmpfs_options=scratch),
    ]


def _constraints(topology: Topology, nodes: Sequence[Node]) -> list[str]:
    """All hosts but those that have a node of this kind."""
    used = {node.host for node in nodes}
    return [f"{swarm_rollout.EXCLUDED}{host.name}" for host in topology.hosts if host and host not in used]


def _login(given: Given) -> docker.ServiceAuthArgs | None:
    """What the hosts show the registry when they pull."""
    registry = given.now.registry
    if registry is None or not given.has("registry_user"):
        return None
    return docker.ServiceAuthArgs(
        server_address=registry.partition("/")[0],
        username=given.of(lambda settings: settings.registry_user or ""),
        password=registry_password(given),
    )


def _resources(settings: Settings, kind: Kind) -> docker.ServiceTaskSpecResourcesArgs | None:
    """The limits of each task, which are those of the containers elsewhere."""
    wanted = settings.resources
    memory, cpus = (wanted.memory, wanted.cpus) if kind == "redis" else (wanted.sentinel_memory, None)
    if memory is None and cpus is None:
        return None
    return docker.ServiceTaskSpecResourcesArgs(
        limits=docker.ServiceTaskSpecResourcesLimitsArgs(
            memory_bytes=size_in_bytes(memory) if memory else None,
            nano_cpus=int(float(cpus) * 10**9) if cpus else None,
        )
    )
