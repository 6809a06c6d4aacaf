"""After `make destroy`: removes the stack's images from each of its hosts. `python -m ops.images STACK`.

And the embedded engine's note that the stack is Pulumi's, where it has been handed over: there is none any more.
"""

import sys

from bootstrap.wrapper import stack_file
from engine.docker.labels import LABEL_STACK
from engine.docker.notes import LABEL_GIVEN
from ops.stack import OpsError, daemons, file_of
from redis_ha.docker.daemon import Daemon, DaemonError

ANSWER_SECONDS = 30


def names(stack: str) -> list[str]:
    """What the program calls the images of this project's own cluster, where no registry has them."""
    settings = stack_file.settings(stack_file.load(file_of(stack)))
    name = stack.rpartition("/")[2]
    beside = [f"redis-ha-{what}:{name}" for what in ("endpoint", "exporter", "backup")]
    return [str(settings.get("imageName") or f"redis-ha:{name}"), *beside]


def _forget_hand_over(daemon: Daemon, name: str) -> None:
    """Not where a part of the stack is left, such as by `--target`: that is Pulumi's still."""
    try:
        if not daemon.any_container(f"{LABEL_STACK}={name}"):
            daemon.remove_volumes(f"{LABEL_GIVEN}={name}")
    except DaemonError as error:
        sys.stderr.write(f"the note of its hand-over stays: {error}\n")


def main(stack: str) -> int:
    """An image that is still used stays, and so does what is on a host that does not answer: each is said."""
    try:
        for daemon in daemons(stack, ANSWER_SECONDS):
            _forget_hand_over(daemon, f"{stack_file.PROJECT}/{stack.rpartition('/')[2]}")
            for name in names(stack):
                try:
                    daemon.remove_image(name)
                except DaemonError as error:
                    where = f" on host {daemon.host.name}" if daemon.host else ""
                    sys.stderr.write(f"image {name}{where} stays: {error}\n")
    except OpsError as error:
        sys.stderr.write(f"the images stay: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
