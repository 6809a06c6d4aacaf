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


def processes(container: Container) -> list[dict[str, str]]:
    """What /proc says of each process in a container, by the names in its `status`.

    Without one that Docker is about to make another command of, such as a health check: it is root for a moment.
    """
    found: list[dict[str, str]] = []
    for line in output_of(container, "sh", "-c", "cat /proc/[0-9]*/status").splitlines():
        name, colon, value = line.partition(":")
        if name == "Name":
            found.append({})
        if colon and found:
            found[-1][name] = value.strip()
    return [one for one in found if not one["Name"].startswith("runc:")]
