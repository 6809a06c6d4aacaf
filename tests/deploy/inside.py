"""Commands inside a container."""

from docker.models.containers import Container

from drills.target.waiting import until


def inside(container: Container, *words: str, user: str = "") -> tuple[int, str]:
    """Exit code and output of a command that is run in a container, as its own user unless told otherwise."""
    assert container.client
    api = container.client.api
    number = api.exec_create(container.id, list(words), user=user)["Id"]
    output = api.exec_start(number)

    def ended() -> tuple[int, str] | None:
        code = api.exec_inspect(number)["ExitCode"]
        return None if code is None else (int(code), output.decode(errors="replace").strip())

    # Docker may have no code yet when the output has ended: that is none of success.
    return until(ended, f"an exit code of {words[0]} in {container.name}", 10)


def answer_of(container: Container, *words: str, user: str = "") -> tuple[int, str]:
    """Exit code and output of a command that has something to say in any case.

    The command is run again where nothing came: Docker can lose the output of one that ends at once (moby#27289), and
    a test that looks for what must not be there would take that for good.
    """
    what = f"{words[0]} in {container.name} to print something"

    def answer() -> tuple[int, str] | None:
        found = inside(container, *words, user=user)
        return found if found[1] else None

    return until(answer, what, 10)


def output_of(container: Container, *words: str, user: str = "") -> str:
    """The output alone of such a command."""
    return answer_of(container, *words, user=user)[1]


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
