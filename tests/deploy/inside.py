"""Commands inside a container."""

from docker.models.containers import Container


def inside(container: Container, *words: str, user: str = "") -> tuple[int, str]:
    """Exit code and output of a command that is run in a container, as its own user unless told otherwise."""
    done = container.exec_run(list(words), user=user)
    assert isinstance(done.output, bytes)
    return int(done.exit_code or 0), done.output.decode(errors="replace").strip()
