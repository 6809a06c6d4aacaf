"""One Docker host of the rig: its start, its ends, and its ways back."""

import shutil
import subprocess
import time
from pathlib import Path

import docker
from docker.errors import DockerException

from tests.hosts.system import PATH, RigError, memory_below, remove_cgroups, run

START_SECONDS = 30.0
DOCKER_PORT = 2375
INIT = Path(__file__).with_name("host-init")
# What `bridge link` calls the states of a bridge's port.
DISABLED, FORWARDING = "0", "3"


class Host:
    """A Docker daemon in net, mount, uts, ipc and pid namespaces of its own, with a disk (`directory`) of its own."""

    def __init__(self, name: str, address: str, rig: str, directory: Path) -> None:
        self.name = name
        self.address = address
        self.docker_url = f"tcp://{address}:{DOCKER_PORT}"
        self.directory = directory / name
        self._bridge = rig
        self._namespace = f"{rig}-{name}"
        self._cgroup = f"{rig}/{name}"

    def start(self) -> None:
        """Switch it on, and return when its Docker answers. Raises RigError with the daemon's last words."""
        if self.is_on():
            raise RigError(f"{self.name} is on")
        (self.directory / "disk").mkdir(parents=True, exist_ok=True)
        (self.directory / "resolv.conf").write_text("# no name server\n")
        (self.directory / "pid").unlink(missing_ok=True)
        self._connect()
        command = ["nsenter", f"--net=/run/netns/{self._namespace}"]
        command += [
            "unshare",
            "--mount",
            "--uts",
            "--ipc",
            "--pid",
            "--fork",
            str(INIT),
            str(self.directory),
            self.name,
        ]
        # Its private key folder, no registry but those of the rig, and cgroups that are told apart from the machine's.
        subnet = f"{self.address.rpartition('.')[0]}.0/24"
        command += [f"--data-root={self.directory / 'disk'}", f"--cgroup-parent=/{self._cgroup}"]
        command += ["--exec-opt=native.cgroupdriver=cgroupfs", f"--insecure-registry={subnet}"]
        # Said outright that there is no TLS, or Docker waits a while to have its warning read.
        command += [f"--host={self.docker_url}", "--host=unix:///run/docker.sock", "--tls=false"]
        with (self.directory / "init.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env={"PATH": PATH}
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RigError(f"{self.name} does not start: {self._last_words()}")
            time.sleep(0.05)

    def docker(self, timeout: float = 60.0) -> docker.DockerClient:
        """A client of its Docker."""
        return docker.DockerClient(base_url=self.docker_url, timeout=int(timeout), version="auto")

    def is_on(self) -> bool:
        """Whether its PID 1 lives."""
        return self._pid() is not None

    def power_off(self) -> None:
        """Without any warning, and in silence: its connections are not closed, nobody answers for it."""
        # The kernel would say goodbye on behalf of the killed processes: the cable goes first.
        self.cut()
        self.crash()

    def crash(self) -> None:
        """Every process of it is killed at once, while its network still answers: connections are reset."""
        pid = self._pid()
        if pid is None:
            raise RigError(f"{self.name} is off")
        run("kill", "-KILL", str(pid))
        deadline = time.monotonic() + START_SECONDS
        # A namespace's first process is gone only when all others in it are.
        while Path(f"/proc/{pid}/ns/pid").exists():
            if time.monotonic() > deadline:
                raise RigError(f"{self.name}: process {pid} does not end")
            time.sleep(0.005)

    def come_back(self, blank: bool = False) -> None:
        """Switch it on again after a power loss; `blank` gives it an empty disk first."""
        if blank:
            shutil.rmtree(self.directory / "disk")
        self.start()

    def cut(self) -> None:
        """The switch passes nothing from or to it any more; what is on the host itself still talks to each other."""
        self._port(DISABLED)

    def heal(self) -> None:
        """Undo `cut`."""
        self._port(FORWARDING)

    def memory(self) -> int:
        """Bytes that its daemon, containers and all else on it use."""
        pid = self._pid()
        return memory_below(pid) if pid is not None else 0

    @property
    def network(self) -> Path:
        """Its network namespace, to be entered."""
        return Path("/run/netns") / self._namespace

    def remove(self) -> None:
        """Power off, and forget all of it."""
        if self.is_on():
            self.crash()
        self._disconnect()
        remove_cgroups(self._cgroup)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _connect(self) -> None:
        """A network namespace as after power-on: one link to the bridge, its address, and nothing else."""
        self._disconnect()
        remove_cgroups(self._cgroup)
        inside = ("ip", "-netns", self._namespace)
        run("ip", "netns", "add", self._namespace)
        # Always the same hardware address: peers remember it for a while.
        hardware = "02:00:" + ":".join(f"{int(part):02x}" for part in self.address.split("."))
        peer = ("peer", "name", "eth0", "address", hardware, "netns", self._namespace)
        run("ip", "-netns", self._bridge, "link", "add", self.name, "type", "veth", *peer)
        run("ip", "-netns", self._bridge, "link", "set", self.name, "master", "br0", "up")
        run(*inside, "address", "add", f"{self.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            run(*inside, "link", "set", device, "up")

    def _disconnect(self) -> None:
        # The link first: a namespace takes its links along, but later, and then its name would still be taken.
        run("ip", "-netns", self._bridge, "link", "delete", self.name, check=False)
        run("ip", "netns", "delete", self._namespace, check=False)

    def _port(self, state: str) -> None:
        run("bridge", "-netns", self._bridge, "link", "set", "dev", self.name, "state", state)

    def _pid(self) -> int | None:
        """Its PID 1, if it lives: the number may be another process' by now."""
        try:
            pid = int((self.directory / "pid").read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if str(self.directory).encode() in command else None

    def _answers(self) -> bool:
        if not self.is_on():
            return False
        try:
            client = self.docker(5)
            client.ping()
            client.close()
        except (DockerException, OSError):
            return False
        return True

    def _last_words(self) -> str:
        logs = [self.directory / "init.log", self.directory / "dockerd.log"]
        return " | ".join(line for log in logs if log.exists() for line in log.read_text().splitlines()[-5:])
