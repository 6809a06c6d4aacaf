"""Faults of whole hosts: powered off in silence, cut off, back with an empty disk, most of them lost at once.

The host is the master's: that is what clients feel.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from drills.faults.base import Fault, Scene
from drills.faults.power import Action, HostControl
from drills.target.errors import DrillError


def host_of_master(scene: Scene) -> str:
    """The host that the master is on. Raises DrillError where a stack has no hosts."""
    if (name := scene.cluster.master().host_name) is None:
        raise DrillError("the stack is on one machine")
    return name


def _control(scene: Scene) -> HostControl:
    if scene.hosts is None:
        raise DrillError("nobody has the hosts' power switches")
    return scene.hosts


@contextmanager
def _taken(scene: Scene, hosts: list[str], action: Action, undo: Action, said: tuple[str, str]) -> Iterator[None]:
    """`action` on each of the hosts, and `undo` at the end; `said` is what the time line calls the two."""
    control, taken = _control(scene), list[str]()
    try:
        scene.timeline.mark("fault", f"{', '.join(hosts)} {said[0]}")
        for host in hosts:
            taken.append(host)
            control.do(action, host)
        yield
    finally:
        scene.timeline.mark("undo", f"{', '.join(taken)} {said[1]}")
        with ExitStack() as undone:  # each of them, though one fails
            for host in reversed(taken):
                undone.callback(control.do, undo, host)


def _off(scene: Scene, hosts: list[str], undo: Action = "powerOn") -> AbstractContextManager[None]:
    return _taken(scene, hosts, "powerOff", undo, ("powered off", "powered on"))


def powered_off(scene: Scene) -> AbstractContextManager[None]:
    """Silence from the master's host: its connections are not even closed."""
    return _off(scene, [host_of_master(scene)])


def most_powered_off(scene: Scene) -> AbstractContextManager[None]:
    """The master's host and so many others that no majority is left."""
    first, hosts = host_of_master(scene), [host.name for host in scene.cluster.outputs.hosts]
    return _off(scene, [first, *[host for host in hosts if host != first][: len(hosts) // 2]])


def cut_off(scene: Scene) -> AbstractContextManager[None]:
    """The master's host hears and says nothing any more, while what is on it still talks to each other."""
    return _taken(scene, [host_of_master(scene)], "cutOff", "heal", ("cut off", "back on the network"))


@contextmanager
def back_blank(scene: Scene) -> Iterator[None]:
    """The master's host powered off; it comes back with an empty disk, and a deployment makes it whole."""
    stack, host = scene.stack, host_of_master(scene)
    if stack is None:
        raise DrillError("a blank host needs a stack that is deployed to it again")
    try:
        with _off(scene, [host], "powerOnBlank"):
            yield
    finally:
        stack.up("--refresh")
        scene.timeline.mark("rebuilt", host)


def _needs(*actions: Action, stack: bool = False) -> Callable[[Scene], str | None]:
    def refused(scene: Scene) -> str | None:
        if not scene.cluster.outputs.hosts:
            return "the stack is on one machine"
        if stack and scene.stack is None:
            return "it needs a stack of this project"
        if scene.hosts is None:
            return "nobody has the hosts' power switches"
        return scene.hosts.lacks(*actions)

    return refused


HOSTS = (
    Fault(
        "host-off", "the master's host powered off", powered_off, failover=True, refused=_needs("powerOff", "powerOn")
    ),
    Fault(
        "host-cut-off",
        "the master's host cut off the network",
        cut_off,
        failover=True,
        refused=_needs("cutOff", "heal"),
    ),
    Fault(
        "host-blank",
        "the master's host powered off, back with an empty disk",
        back_blank,
        failover=True,
        refused=_needs("powerOff", "powerOnBlank", stack=True),
    ),
    Fault(
        "hosts-lost",
        "most hosts powered off, the master's among them",
        most_powered_off,
        refused=_needs("powerOff", "powerOn"),
    ),
)
