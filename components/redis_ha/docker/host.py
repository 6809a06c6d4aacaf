"""The program's own look at Docker: what is there of a stack, and which base image its nodes can be built on."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

import pulumi

from redis_ha.docker.clients import docker_client, left_out
from redis_ha.plan import labels
from redis_ha.settings.hosts import Host

# Made by bootstrap/base-image, for the official images.
STAND_INS = {"redis": "redis-ha-stand-in", "haproxy": "redis-ha-stand-in-haproxy"}
LABEL_BUILD = "redis-ha.build"  # of our image; see Base.build


def refuse_switching_tls(stack: str, tls: bool, hosts: Iterable[Host | None] = (None,)) -> None:
    """A node with TLS cannot replicate from one without it: the roll-out would stop at the first node.

    Raises pulumi.RunError when containers of `stack` exist that differ. No daemon, no containers: no error here.
    """
    if any(_differs(stack, tls, host) for host in hosts):
        raise pulumi.RunError(
            f"tls: cannot be switched {'on' if tls else 'off'} while stack {stack} is up, since nodes with and "
            "without it do not understand each other. Destroy the stack first; with retainData its data stays"
        )


def _differs(stack: str, tls: bool, host: Host | None) -> bool:
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    if host is not None and host.name in left_out():
        return False
    filters: dict[str, str | list[str] | bool] = {"label": [f"{labels.STACK}={stack}", labels.TRANSPORT]}
    try:
        # One call, without a look at each container: this is done in every preview.
        nodes = docker_client(host).api.containers(all=True, filters=filters)
        return any((node["Labels"][labels.TRANSPORT] == "tls") != tls for node in nodes)
    except (DockerException, RequestException):
        return False


@dataclass(frozen=True)
class Base:
    """What a host's image is built on."""

    image: str
    build: str = ""
    """Changes when a host among several has lost its image: Pulumi does not look whether it is still there."""


def base_of(host: Host | None, base_image: str, image: str) -> Base:
    """What to build our `image` on at `host`.

    Raises pulumi.RunError as resolve_base_image does. A host that is left out is not asked.
    """
    if host is None:
        return Base(resolve_base_image(base_image))
    if host.name in left_out():
        return Base(base_image)
    return Base(resolve_base_image(base_image, host), _build_of(image, host))


def _build_of(image: str, host: Host) -> str:
    from docker.errors import ImageNotFound

    try:
        labels = docker_client(host).images.get(image).labels
    except ImageNotFound:
        return secrets.token_hex(4)
    return str(labels.get(LABEL_BUILD) or secrets.token_hex(4))


def resolve_base_image(base_image: str, host: Host | None = None, setting: str = "baseImage") -> str:
    """The image that `setting` asks for: `base_image`, or the stand-in that `pulumiw` has made for it.

    Raises pulumi.RunError when neither is there and `base_image` cannot be pulled.
    """
    from docker.errors import APIError, DockerException, ImageNotFound
    from requests.exceptions import RequestException

    where = "this machine" if host is None else f"host {host.name}"
    try:
        images = docker_client(host).images
        for candidate in (base_image, *_stand_ins(base_image)):
            try:
                images.get(candidate)
                return candidate
            except ImageNotFound:
                continue
        pulumi.log.info(f"pulling {base_image}" + (f" on {where}" if host else ""))
        images.pull(base_image)
        return base_image
    except (APIError, ImageNotFound) as error:
        raise pulumi.RunError(
            f"{setting}: {base_image!r} is not on {where} and cannot be pulled: "
            f"{error.explanation or error}. Allowed: an image that Docker has or can pull"
        ) from None
    except (DockerException, RequestException) as error:
        raise pulumi.RunError(f"Docker cannot be reached: {error}. Is the daemon running?") from None


def image_id(endpoint_image: str, host: Host | None) -> str:
    """The id of the endpoint's image at `host`: its container changes exactly when the image does, whatever its name.

    Raises pulumi.RunError as resolve_base_image does. A host that is left out is not asked.
    """
    if host is not None and host.name in left_out():
        return endpoint_image
    return str(docker_client(host).images.get(resolve_base_image(endpoint_image, host, "endpointImage")).id)


def _stand_ins(base_image: str) -> list[str]:
    """The stand-in's name, where `base_image` is the official Redis or HAProxy image of some tag."""
    name = base_image.partition("@")[0]
    for prefix in ("index.docker.io/library/", "docker.io/library/", "docker.io/", "library/", ""):
        repository, _, tag = name.removeprefix(prefix).partition(":")
        if repository in STAND_INS:
            return [f"{STAND_INS[repository]}:{tag or 'latest'}"]
    return []
