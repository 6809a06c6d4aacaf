"""The endpoint: HAProxy, for clients that do not ask the Sentinels."""

import pulumi
import pulumi_docker as docker

from redis_ha.plan import labels
from redis_ha.plan.endpoint_config import CONFIG_FILE, GATE_ADDRESS, endpoint_files
from redis_ha.plan.topology import Endpoint
from redis_ha.resources.node_container import Shared, published
from redis_ha.resources.node_files import FOLDER, node_files

MEMORY_MB = 256  # 4000 connections with full buffers
STOP_SECONDS = 5


def endpoint_container(shared: Shared, endpoint: Endpoint) -> docker.Container:
    """Declare `endpoint` on this host, after all nodes; created is one that has a master to send to.

    It knows the whole topology, so scaling replaces it: a gap of about a second for its clients.
    """
    given, topology, identity = shared.given, shared.topology, shared.identity
    machine = shared.machines.endpoint_at(endpoint.host)
    files = node_files(
        shared,
        "endpoint",
        endpoint.host,
        machine,
        endpoint_files(given.now, topology, endpoint),
    )
    bridge = endpoint.fixed_address is not None
    # Any answer but 200 is a failure of wget.
    health_check = ["wget", "-q", "-T", "2", "-O", "/dev/null", f"http://{GATE_ADDRESS}:{endpoint.write}/"]
    return docker.Container(
        identity.resource("endpoint", endpoint.host_name),
        name=endpoint.container,
        image=machine.image,
        command=["haproxy", "-f", f"{FOLDER}/{CONFIG_FILE}"],
        labels=[
            docker.ContainerLabelArgs(label=label, value=value)
            for label, value in {
                **identity.labels("endpoint", "endpoint"),
                labels.TRANSPORT: "tls" if topology.tls else "plain",
            }.items()
        ],
        volumes=[docker.ContainerVolumeArgs(container_path=FOLDER, volume_name=files.volume, read_only=True)],
        read_only=True,
        networks_advanced=(
            [docker.ContainerNetworksAdvancedArgs(name=shared.network, ipv4_address=endpoint.fixed_address)]
            if bridge and shared.network is not None
            else None
        ),
        network_mode=None if bridge else "host",
        ports=(given.of(lambda settings: published(settings, [endpoint.write, endpoint.read])) if bridge else None),
        healthcheck=docker.ContainerHealthcheckArgs(
            tests=["CMD", *health_check], interval="15s", timeout="3s", start_period="10s"
        ),
        restart=given.of(lambda settings: settings.restart),
        memory=MEMORY_MB,
        memory_swap=MEMORY_MB,
        capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        security_opts=["no-new-privileges:true"],
        log_driver="json-file",
        log_opts={"max-size": "10m", "max-file": "3"},
        stop_signal="SIGTERM",  # the image's own would wait for the clients to leave
        stop_timeout=STOP_SECONDS,
        destroy_grace_seconds=STOP_SECONDS,
        opts=pulumi.ResourceOptions(
            parent=shared.parent,
            provider=machine.provider,
            depends_on=shared.rollout.after(endpoint, files.carrier),
            delete_before_replace=True,
            aliases=[pulumi.Alias(name=old) for old in identity.former("endpoint", endpoint.host_name)],
            replace_on_changes=["healthcheck"],  # the provider would change it in its state only
            hooks=shared.rollout.until_joined(endpoint, health_check),
        ),
    )
