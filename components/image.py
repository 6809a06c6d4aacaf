"""The Redis image, built from `configs/` on the base image."""

import pulumi
import pulumi_docker as docker

from components.posix_tz import posix_tz
from components.settings import Settings

# Relative, since the paths are part of the image's inputs: the same in every checkout.
CONTEXT = "configs"
DOCKERFILE = "configs/Dockerfile"


def redis_image(settings: Settings, base_image: str, stack: str, opts: pulumi.ResourceOptions) -> docker.Image:
    """The image of all roles; pushed only where `registry` is set."""
    name = settings.image_name or f"redis-ha:{stack}"
    build = docker.DockerBuildArgs(
        context=CONTEXT,
        dockerfile=DOCKERFILE,
        args={"BASE": base_image, "TZ": posix_tz(settings.time_zone)},
    )
    if settings.registry is None:
        return docker.Image("image", image_name=name, build=build, skip_push=True, opts=opts)
    password = settings.registry_password
    return docker.Image(
        "image",
        image_name=f"{settings.registry}/{name}",
        build=build,
        skip_push=False,
        registry=docker.RegistryArgs(
            server=settings.registry.partition("/")[0],
            username=settings.registry_user,
            password=pulumi.Output.secret(password.get_secret_value()) if password else None,
        ),
        opts=opts,
    )
