"""The entrypoint's scripts as processes of this machine: no Docker, a real redis-server, one directory per node."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from redis_ha.plan.acl import internal_password

CONFIGS: Final = Path(__file__).parents[2] / "configs"
PASSWORD: Final = "password-of-these-tests"
INTERNAL: Final = internal_password(PASSWORD, None)
HOST: Final = "127.0.0.1"
T = TypeVar("T")


def shell() -> list[str]:
    """What runs the scripts: busybox ash as in the image, where there is one."""
    chosen = os.environ.get("REDIS_HA_TEST_SHELL")
    if chosen:
        return chosen.split()
    return ["busybox", "sh"] if shutil.which("busybox") else ["sh"]


def eventually(probe: Callable[[], T], seconds: float, what: str) -> T:
    """The first true answer of `probe`; AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {seconds} s: {what}; last: {answer!r}"
        time.sleep(0.02)


@dataclass
class Node:
    """One container's worth of files, environment and processes. `role` is the declared one."""

    name: str
    role: str
    port: int
    root: Path
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        for part in ("data", "run", "etc/node"):
            (self.root / part).mkdir(parents=True, exist_ok=True)
        for template in CONFIGS.glob("*.conf"):
            shutil.copy(template, self.root / "etc")

    @property
    def endpoint(self) -> str:
        return f"{HOST}:{self.port}"

    def start(self, **env: str) -> None:
        """Start the entrypoint; `env` adds to the node's own."""
        assert self.process is None or self.process.poll() is not None, f"{self.name} is running"
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*shell(), str(CONFIGS / "bin" / "redis-ha"), self.role],
                env=self.environment() | env,
                cwd=self.root / "data",
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self, seconds: float = 20) -> int:
        """SIGTERM as `docker stop` sends it, to the entrypoint alone; its exit code."""
        assert self.process
        self.process.terminate()
        code = self.process.wait(seconds)
        # In a container nothing outlives process 1.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return code

    def kill(self) -> None:
        """SIGKILL to all processes, as when a container is killed."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def health(self) -> tuple[int, str]:
        """The health check's exit code and its line."""
        done = subprocess.run(
            [*shell(), str(CONFIGS / "bin" / "redis-ha-health")],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    def joined(self) -> bool:
        return self.health()[0] == 0

    def client(self, user: str = "default", timeout: float = 2) -> redis.Redis:
        """A connection as `user`; the one named `handover` sees configuration and replication."""
        secrets = (self.root / "etc/node/users.acl").exists()
        password = (PASSWORD if user == "default" else INTERNAL) if secrets else None
        return redis.Redis(
            host=HOST,
            port=self.port,
            username=user if secrets else None,
            password=password,
            decode_responses=True,
            socket_timeout=timeout,
            retry=Retry(NoBackoff(), 0),  # redis-py's default goes on for seconds
        )

    def role_now(self) -> str:
        """`master`, `slave` or, where nothing answers, an empty string."""
        try:
            return str(self.client("handover").execute_command("ROLE")[0])
        except redis.RedisError:
            return ""

    def follows(self, port: int) -> bool:
        """Whether it replicates from the master at `port`, the link being up."""
        try:
            answer = self.client("handover").execute_command("ROLE")
        except redis.RedisError:
            return False
        return bool(answer[0] == "slave" and answer[2] == port and answer[3] == "connected")

    def min_replicas(self) -> str:
        return str(self.client("handover").config_get("min-replicas-to-write")["min-replicas-to-write"])

    @contextmanager
    def hung(self) -> Iterator[None]:
        """redis-server does not run meanwhile; its connections stay open."""
        pid = int(self.client("handover").info("server")["process_id"])
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def log(self) -> str:
        return (self.root / "log").read_text(errors="replace")

    def lose_volume(self) -> None:
        shutil.rmtree(self.root / "data")
        (self.root / "data").mkdir()

    def environment(self) -> dict[str, str]:
        return self.env | {
            "PATH": os.environ["PATH"],
            "REDIS_HA_LIB": str(CONFIGS / "lib"),
            "REDIS_HA_ETC": str(self.root / "etc"),
            "REDIS_HA_DATA": str(self.root / "data"),
            "REDIS_HA_RUN": str(self.root / "run"),
        }
