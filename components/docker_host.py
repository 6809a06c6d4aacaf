"""The program's own look at the Docker daemon: which base image is there, how a client gets one."""

import functools
import os
from typing import TYPE_CHECKING

import pulumi

from components import labels

if TYPE_CHECKING:
    import docker

# Made by bootstrap/base-image, for the official images.
STAND_INS = {"redis": "redis-ha-stand-in", "haproxy": "redis-ha-stand-in-haproxy"}


@functools.cache
def docker_client() -> "docker.DockerClient":
    """A client of the daemon that the docker command would use: DOCKER_HOST, else the context.

    Raises docker.errors.DockerException when the daemon cannot be reached.
    """
    import docker
    from docker.context import ContextAPI

    if not os.environ.get("DOCKER_HOST"):
        context = ContextAPI.get_current_context()
        host = context.Host if context is not None else None
        if host:
            return docker.DockerClient(base_url=host, tls=context.TLSConfig or False)
    return docker.from_env()


def refuse_switching_tls(stack: str, tls: bool) -> None:
    """A node with TLS cannot replicate from one without it: the roll-out would stop at the first node.

    Raises pulumi.RunError when containers of `stack` exist that differ. No daemon, no containers: no error here.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        # One call, without a look at each container: this is done in every preview.
        nodes = docker_client().api.containers(
            all=True, filters={"label": [f"{labels.STACK}={stack}", labels.TRANSPORT]}
        )
        differ = [node for node in nodes if (node["Labels"][labels.TRANSPORT] == "tls") != tls]
    except (DockerException, RequestException):
        return
    if differ:
        raise pulumi.RunError(
            f"tls: cannot be switched {'on' if tls else 'off'} while stack {stack} is up, since nodes with and "
            "without it do not understand each other. Destroy the stack first; with retainData its data stays"
        )


def resolve_base_image(base_image: str, setting: str = "baseImage") -> str:
    """The image that `setting` asks for: `base_image`, or the stand-in that `pulumiw` has made for it.

    Raises pulumi.RunError when neither is there and `base_image` cannot be pulled.
    """
    from docker.errors import APIError, DockerException, ImageNotFound
    from requests.exceptions import RequestException

    try:
        images = docker_client().images
        for candidate in (base_image, *_stand_ins(base_image)):
            try:
                images.get(candidate)
                return candidate
            except ImageNotFound:
                continue
        pulumi.log.info(f"pulling {base_image}")
        images.pull(base_image)
        return base_image
    except (APIError, ImageNotFound) as error:
        raise pulumi.RunError(
            f"{setting}: {base_image!r} is not on this machine and cannot be pulled: "
            f"{error.explanation or error}. Allowed: an image that Docker has or can pull"
        ) from None
    except (DockerException, RequestException) as error:
        raise pulumi.RunError(f"Docker cannot be reached: {error}. Is the daemon running?") from None


def image_id(image: str) -> str:
    """The id of an image that Docker has: a container of it changes exactly when the image does, whatever its name."""
    return str(docker_client().images.get(image).id)


def _stand_ins(base_image: str) -> list[str]:
    """The stand-in's name, where `base_image` is the official Redis or HAProxy image of some tag."""
    name = base_image.partition("@")[0]
    for prefix in ("index.docker.io/library/", "docker.io/library/", "docker.io/", "library/", ""):
        repository, _, tag = name.removeprefix(prefix).partition(":")
        if repository in STAND_INS:
            return [f"{STAND_INS[repository]}:{tag or 'latest'}"]
    return []
