"""Faults of whole hosts: powered off in silence, cut off, back with an empty disk, most of them lost at once.

The host is the master's: that is what clients feel.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drills.errors import DrillError
from drills.faults.base import Fault, Scene
from drills.hosts import HostControl


def host_of_master(scene: Scene) -> str:
    """The host that the master is on. Raises DrillError where a stack has no hosts."""
    name = scene.cluster.master().host_name
    if name is None:
        raise DrillError("the stack is on one machine")
    return name


def _control(scene: Scene) -> HostControl:
    if scene.hosts is None:
        raise DrillError("nobody has the hosts' power switches")
    return scene.hosts


@contextmanager
def powered_off(scene: Scene) -> Iterator[None]:
    """Silence from the master's host: its connections are not even closed."""
    with _off(scene, [host_of_master(scene)]):
        yield


@contextmanager
def most_powered_off(scene: Scene) -> Iterator[None]:
    """The master's host and so many others that no majority is left."""
    first = host_of_master(scene)
    others = [host.name for host in scene.cluster.outputs.hosts if host.name != first]
    with _off(scene, [first, *others[: len(scene.cluster.outputs.hosts) // 2]]):
        yield


@contextmanager
def _off(scene: Scene, hosts: list[str]) -> Iterator[None]:
    control, off = _control(scene), list[str]()
    try:
        scene.timeline.mark("fault", f"{', '.join(hosts)} powered off")
        for host in hosts:
            off.append(host)
            control.power_off(host)
        yield
    finally:
        scene.timeline.mark("undo", f"{', '.join(off)} powered on")
        for host in off:
            control.power_on(host)


@contextmanager
def cut_off(scene: Scene) -> Iterator[None]:
    """The master's host hears and says nothing any more, while what is on it still talks to each other."""
    control, host = _control(scene), host_of_master(scene)
    try:
        scene.timeline.mark("fault", f"{host} cut off")
        control.cut_off(host)
        yield
    finally:
        scene.timeline.mark("undo", f"{host} back on the network")
        control.heal(host)


@contextmanager
def back_blank(scene: Scene) -> Iterator[None]:
    """The master's host powered off; it comes back with an empty disk, and a deployment makes it whole."""
    stack, control, host = scene.stack, _control(scene), host_of_master(scene)
    if stack is None:
        raise DrillError("a blank host needs a stack that is deployed to it again")
    try:
        scene.timeline.mark("fault", f"{host} powered off")
        control.power_off(host)
        yield
    finally:
        control.power_on_blank(host)
        scene.timeline.mark("undo", f"{host} powered on, blank")
        stack.up("--refresh")
        scene.timeline.mark("rebuilt", host)


def _needs(*actions: str, stack: bool = False) -> Callable[[Scene], str | None]:
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
