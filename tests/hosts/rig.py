"""Several Docker hosts on one machine: a daemon each, in namespaces of its own, joined by a network of their own.

    this machine ──┐
    (10.214.0.1)   │  bridge, in a namespace of its own
    host-a ────────┤
    (10.214.0.11)  │  no default route: no packet leaves the machine
    host-b ────────┤
    host-c ────────┘

All that a rig is lies in its directory, in network namespaces and in cgroups of its name, so that another process can
work on it, and an interrupted run can be cleared away: `python -m tests.hosts.rig` (up, down, and the faults).
"""

import argparse
import fcntl
import ipaddress
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import docker

from tests.hosts.host import Host
from tests.hosts.system import RigError, refused, remove_cgroups, run

SUBNET = os.environ.get("REDIS_HA_TEST_RIG", "10.214.0.0/24")
BASE_IMAGES = ("redis:8-alpine", "redis-ha-stand-in:8-alpine")
FIRST_HOST = 11  # the last number of its address


class Rig:
    """Hosts named host-a, host-b, ... with the addresses .11, .12, ... of `subnet`; this machine has .1."""

    def __init__(self, hosts: int = 3, subnet: str = SUBNET) -> None:
        network = ipaddress.ip_network(subnet)
        second, third = network.network_address.packed[1:3]
        self.name = f"rig{second}-{third}"
        self.subnet = subnet
        self.address = str(network[1])
        self.directory = Path(tempfile.gettempdir()) / f"redis-ha-{self.name}"
        self._network = network
        self.hosts: list[Host] = []
        for _ in range(hosts):
            self._next()

    def host(self, name: str) -> Host:
        """The host of that name. Raises RigError when there is none."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise RigError(f"no host {name}; there are {', '.join(h.name for h in self.hosts)}")

    def _next(self) -> Host:
        number = len(self.hosts)
        address = str(self._network[FIRST_HOST + number])
        self.hosts.append(Host(f"host-{chr(ord('a') + number)}", address, self.name, self.directory))
        return self.hosts[-1]

    @contextmanager
    def another(self) -> Iterator[Host]:
        """One more host for a while, with the base image."""
        added = self._next()
        try:
            added.start()
            self.load_base_image([added])
            yield added
        finally:
            added.remove()
            self.hosts.remove(added)

    def up(self) -> None:
        """Clear what an earlier rig has left, build the network and start all hosts. Raises RigError."""
        self.down()
        self.directory.mkdir(mode=0o700)
        # Without the unreachable route, packets for a network that is not there yet would leave by the default route.
        run("ip", "route", "replace", "unreachable", self.subnet, "metric", "4278198272")
        run("ip", "netns", "add", self.name)
        run("ip", "-netns", self.name, "link", "add", "br0", "type", "bridge")
        run("ip", "-netns", self.name, "link", "set", "br0", "up")
        run("ip", "link", "add", self.name, "type", "veth", "peer", "name", "machine", "netns", self.name)
        run("ip", "-netns", self.name, "link", "set", "machine", "master", "br0", "up")
        run("ip", "address", "add", f"{self.address}/24", "dev", self.name)
        run("ip", "link", "set", self.name, "up")
        with ThreadPoolExecutor() as pool:
            list(pool.map(Host.start, self.hosts))

    def down(self) -> None:
        """Remove all of it, also what an interrupted run has left."""
        # Not only the hosts of this object: an earlier rig may have had more.
        left = [Host(d.name, "", self.name, self.directory) for d in self.directory.glob("host-*")]
        for host in left:
            host.remove()
        for line in run("ip", "netns", "list").splitlines():
            name = line.split()[0]
            if name == self.name or name.startswith(f"{self.name}-"):
                run("ip", "netns", "delete", name)
        # Deleting a namespace takes its links along, but later.
        run("ip", "link", "delete", self.name, check=False)
        run("ip", "route", "delete", "unreachable", self.subnet, "metric", "4278198272", check=False)
        remove_cgroups(self.name)
        if self.directory.exists():
            shutil.rmtree(self.directory)

    def load_base_image(self, hosts: Sequence[Host] | None = None) -> None:
        """Copy the base images that this machine's Docker has to the hosts: they have no way to a registry."""
        archive = self._base_images()

        def load(host: Host) -> None:
            command = ["docker", "--host", host.docker_url, "load", "--quiet"]
            with archive.open("rb") as content:
                subprocess.run(command, stdin=content, stdout=subprocess.DEVNULL, check=True, timeout=120)

        with ThreadPoolExecutor() as pool:
            list(pool.map(load, hosts or self.hosts))

    def _base_images(self) -> Path:
        """An archive of them, made once for each rig."""
        archive = self.directory / "base-images.tar"
        if archive.exists():
            return archive
        there = {tag for image in docker.from_env().images.list() for tag in image.tags}
        chosen = [name for name in BASE_IMAGES if name in there]
        if not chosen:
            raise RigError(f"Docker has none of {', '.join(BASE_IMAGES)}: run `make daemon`")
        # Moved into place: another process that works on the rig never finds half of it.
        aside = archive.with_suffix(f".{os.getpid()}")
        with aside.open("wb") as content:
            subprocess.run(["docker", "save", *chosen], stdout=content, check=True, timeout=120)
        return aside.replace(archive)


def lock(rig: Rig) -> int:
    """Hold the rig for this process. Raises RigError when another has it."""
    descriptor = os.open(f"{rig.directory}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise RigError(f"another run has the rig of {rig.subnet}; REDIS_HA_TEST_RIG names another subnet") from None
    return descriptor


def _act(rig: Rig, action: str, name: str) -> None:
    if action in ("up", "down"):
        if reason := refused():
            raise RigError(reason)
        rig.down()
        if action == "up":
            rig.up()
            rig.load_base_image()
    elif action != "status":
        host = rig.host(name)
        actions = {"off": host.power_off, "on": host.come_back, "cut": host.cut, "heal": host.heal}
        if action == "blank":
            host.come_back(blank=True)
            rig.load_base_image([host])
        else:
            actions[action]()


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m tests.hosts.rig up` and so on: a rig to try things on by hand, and the faults as commands."""
    parser = argparse.ArgumentParser(prog="python -m tests.hosts.rig")
    parser.add_argument("action", choices=("up", "down", "status", "off", "on", "blank", "cut", "heal"))
    parser.add_argument("host", nargs="?", help="for off, on, blank (on, with an empty disk), cut and heal")
    parser.add_argument("--hosts", type=int, default=3)
    parser.add_argument("--subnet", default=SUBNET)
    arguments = parser.parse_args(argv)
    rig = Rig(arguments.hosts, arguments.subnet)
    try:
        _act(rig, arguments.action, arguments.host)
    except RigError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    for host in rig.hosts:
        print(f"{host.name}  {host.address}  {host.docker_url}  {'on' if host.is_on() else 'off'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
