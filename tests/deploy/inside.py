"""Commands inside a container."""

from docker.models.containers import Container

from drills.target.waiting import until


def inside(container: Container, *words: str, user: str = "") -> tuple[int, str]:
    """Exit code and output of a command that is run in a container, as its own user unless told otherwise."""
    done = container.exec_run(list(words), user=user)
    assert isinstance(done.output, bytes)
    return int(done.exit_code or 0), done.output.decode(errors="replace").strip()


def output_of(container: Container, *words: str, user: str = "") -> str:
    """The output of a command that has something to say in any case.

    The command is run again where nothing came: Docker can lose the output of one that ends at once (moby#27289), and
    a test that looks for what must not be there would take that for good.
    """
    what = f"{words[0]} in {container.name} to print something"
    return until(lambda: inside(container, *words, user=user)[1], what, 10)
