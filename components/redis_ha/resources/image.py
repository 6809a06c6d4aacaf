"""The images: of all nodes, from `agent/` and `configs/` on a Redis image; of what runs beside them, as they are."""

import secrets
from collections.abc import Mapping
from pathlib import PurePosixPath

import pulumi
import pulumi_docker as docker

from redis_ha.docker.host import image_is_lost
from redis_ha.image_files import context
from redis_ha.plan.identity import Identity
from redis_ha.resources.place import Place
from redis_ha.settings.given import Given
from redis_ha.settings.model import Settings
from redis_ha.settings.posix_tz import posix_tz


def image_name(settings: Settings, identity: Identity, suffix: str = "") -> str:
    """The name that an image gets: that of the cluster, where none is set, and the registry's before it."""
    own = f"{identity.repository}{suffix}:{identity.stack}"
    name = own if suffix else settings.image_name or own
    return name if settings.registry is None else f"{settings.registry}/{name}"


def redis_image(place: Place) -> pulumi.Output[str]:
    """The image of all roles: its id, or its digest where it is pushed."""
    args = {
        "BASE": place.given.of(lambda settings: settings.base_image),
        "TZ": place.given.of(lambda settings: posix_tz(settings.time_zone)),
    }
    return _built(place, "image", image_name(place.given.now, place.identity), ".", "configs/Dockerfile", args)


def endpoint_image(place: Place) -> pulumi.Output[str]:
    """The endpoint's: HAProxy's, with the agent that tells it where clients go."""
    name = image_name(place.given.now, place.identity, "-endpoint")
    args = {"BASE": place.given.of(lambda settings: settings.endpoint_image)}
    return _built(place, "endpoint-image", name, ".", "configs/endpoint/Dockerfile", args)


def exporter_image(place: Place) -> pulumi.Output[str]:
    """The redis_exporter's, with nothing added."""
    where = "configs/exporter"
    name = image_name(place.given.now, place.identity, "-exporter")
    args = {"BASE": place.given.of(lambda settings: settings.exporter_image)}
    return _built(place, "exporter-image", name, where, f"{where}/Dockerfile", args)


def backup_image(place: Place, of: pulumi.Input[str]) -> pulumi.Output[str]:
    """The nodes' image, whose id is `of`, with restic in it."""
    given, identity = place.given, place.identity
    args: dict[str, pulumi.Input[str]] = {
        # By its name, since a builder takes no id; by its id it is built again.
        "BASE": pulumi.Output.from_input(of).apply(lambda _: image_name(given.now, identity)),
        "OF": of,
        "RESTIC": given.of(lambda settings: settings.restic_image),
    }
    where = "backup"
    name = image_name(given.now, identity, "-backup")
    return _built(place, "backup-image", name, where, f"{where}/Dockerfile", args)


def _built(
    place: Place, what: str, name: str, folder: str, dockerfile: str, args: Mapping[str, pulumi.Input[str]]
) -> pulumi.Output[str]:
    """Built at the place's Docker, of the files in `folder`."""
    given, host = place.given, place.host
    registry = given.now.registry
    # Pulumi does not look whether a host still has its image. Where it is lost, another argument has it built again;
    # in all other runs, and in previews, which ask nothing, the argument stays what it was.
    lost = host is not None and not pulumi.runtime.is_dry_run() and image_is_lost(name, host)
    base = PurePosixPath(context())
    return docker.Image(
        place.resource(what),
        image_name=name,
        build=docker.DockerBuildArgs(
            context=str(base / folder),
            dockerfile=str(base / dockerfile),
            args={**args, **({"BUILD": secrets.token_hex(4)} if lost else {})},
        ),
        skip_push=registry is None,
        registry=docker.RegistryArgs(
            server=registry.partition("/")[0],
            username=given.of(lambda settings: settings.registry_user),
            password=registry_password(given),
        )
        if registry
        else None,
        opts=place.options(what, ignore_changes=["build.args.BUILD"] if host is not None and not lost else []),
    ).repo_digest


def registry_password(given: Given) -> pulumi.Output[str | None]:
    """The password at the registry, where there is one."""

    def read(settings: Settings) -> str | None:
        return settings.registry_password.get_secret_value() if settings.registry_password else None

    return pulumi.Output.secret(given.of(read))
