"""The program's own look at the Docker daemon: which base image is there, how a client gets one."""

import functools
import os
from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    import docker

STAND_IN_LABEL = "redis-ha.stand-in"
TLS_ENVIRONMENT = "transport=tls"  # of every container that speaks nothing else
STAND_IN_NAME = "redis-ha-stand-in:"


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

    labels = [f"redis-ha.stack={stack}", "redis-ha.node"]
    try:
        containers = docker_client().containers.list(all=True, filters={"label": labels})
        differ = [c for c in containers if (TLS_ENVIRONMENT in c.attrs["Config"]["Env"]) != tls]
    except (DockerException, RequestException):
        return
    if differ:
        raise pulumi.RunError(
            f"tls: cannot be switched {'on' if tls else 'off'} while stack {stack} is up, since nodes with and "
            "without it do not understand each other. Destroy the stack first; with retainData its data stays"
        )


def resolve_base_image(base_image: str) -> str:
    """The image to build on: `base_image`, or the stand-in that `pulumiw` has made for it.

    Raises pulumi.RunError when neither is there and `base_image` cannot be pulled.
    """
    from docker.errors import APIError, DockerException, ImageNotFound
    from requests.exceptions import RequestException

    try:
        images = docker_client().images
        try:
            images.get(base_image)
            return base_image
        except ImageNotFound:
            labelled = images.list(filters={"label": f"{STAND_IN_LABEL}={base_image}"})
        # Images that were built on a stand-in have inherited its label.
        tags = [tag for image in labelled for tag in image.tags]
        stand_ins = sorted(tag for tag in tags if tag.startswith(STAND_IN_NAME))
        if stand_ins:
            return stand_ins[-1]
        pulumi.log.info(f"pulling base image {base_image}")
        images.pull(base_image)
        return base_image
    except (APIError, ImageNotFound) as error:
        raise pulumi.RunError(
            f"baseImage: {base_image!r} is not on this machine and cannot be pulled: "
            f"{error.explanation or error}. Allowed: an image that Docker has or can pull"
        ) from None
    except (DockerException, RequestException) as error:
        raise pulumi.RunError(f"Docker cannot be reached: {error}. Is the daemon running?") from None
