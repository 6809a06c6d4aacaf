"""The Redis image, built from `configs/` and `agent/` on the base image."""

import pulumi
import pulumi_docker as docker

from redis_ha.docker.host import Base
from redis_ha.plan.topology import on_host
from redis_ha.settings.hosts import Host
from redis_ha.settings.model import Settings
from redis_ha.settings.posix_tz import posix_tz

# Relative, since the paths are part of the image's inputs: the same in every checkout.
CONTEXT = "."
DOCKERFILE = "configs/Dockerfile"


def image_name(settings: Settings, stack: str) -> str:
    """The name that the image gets."""
    name = settings.image_name or f"redis-ha:{stack}"
    return name if settings.registry is None else f"{settings.registry}/{name}"


def redis_image(
    settings: Settings, base: Base, stack: str, host: Host | None, opts: pulumi.ResourceOptions
) -> docker.Image:
    """The image of all roles, built at `host`; pushed only where `registry` is set."""
    args = {"BASE": base.image, "TZ": posix_tz(settings.time_zone)}
    if base.build:
        args["BUILD"] = base.build
    password = settings.registry_password
    return docker.Image(
        on_host("image", host),
        image_name=image_name(settings, stack),
        build=docker.DockerBuildArgs(context=CONTEXT, dockerfile=DOCKERFILE, args=args),
        skip_push=settings.registry is None,
        registry=docker.RegistryArgs(
            server=settings.registry.partition("/")[0],
            username=settings.registry_user,
            password=pulumi.Output.secret(password.get_secret_value()) if password else None,
        )
        if settings.registry
        else None,
        opts=opts,
    )
