"""What the tasks of a Swarm service read: its files as the Swarm keeps them."""

import base64
from functools import partial

import pulumi
import pulumi_docker as docker

from redis_ha.plan.topology import FOLDER, Kind, Topology
from redis_ha.resources.node_files import DIRECTIVES, Reader, texts_of
from redis_ha.resources.place import Place, labelled
from redis_ha.settings.model import Settings


def swarm_files(
    place: Place, topology: Topology, kind: Kind
) -> tuple[
    list[docker.ServiceTaskSpecContainerSpecConfigArgs],
    list[docker.ServiceTaskSpecContainerSpecSecretArgs],
]:
    """The directives as a Swarm config, all else as Swarm secrets: both can be changed by a new one only.

    They have no names of their own, so that a new one stands beside the old one until all tasks have it.
    """
    configs, secrets = [], []
    identity = place.identity
    marks = identity.labels(kind)
    for file, text in texts_of(topology, kind).items():
        data = place.given.of(partial(_encoded, text))
        name = place.resource(f"{kind}-{file}")
        child = place.options(f"{identity.prefix}-{kind}-{file}")
        path = f"{FOLDER}/{file}"
        if file == DIRECTIVES:
            config = docker.ServiceConfig(
                name,
                data=data,
                labels=labelled(docker.ServiceConfigLabelArgs, marks),
                opts=child,
            )
            configs.append(
                docker.ServiceTaskSpecContainerSpecConfigArgs(
                    config_id=config.id, config_name=config.name, file_name=path, file_mode=0o444
                )
            )
            continue
        secret = docker.Secret(
            name,
            data=pulumi.Output.secret(data),
            labels=labelled(docker.SecretLabelArgs, marks),
            opts=child,
        )
        secrets.append(
            docker.ServiceTaskSpecContainerSpecSecretArgs(
                secret_id=secret.id, secret_name=secret.name, file_name=path, file_mode=0o444
            )
        )
    return configs, secrets


def _encoded(text: Reader, settings: Settings) -> str:
    return base64.b64encode(text(settings).encode()).decode()
