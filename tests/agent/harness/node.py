"""Process 1 and its server as processes of this machine: no Docker, the base image's Redis, one folder per node."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from agent.serve import memory_file
from redis_ha.plan.acl import internal_password

CONFIGS: Final = Path(__file__).parents[3] / "configs"
LAUNCH: Final = Path(__file__).with_name("launch.py")
PASSWORD: Final = "password-of-these-tests"
INTERNAL: Final = internal_password(PASSWORD, None)
HOST: Final = "127.0.0.1"
PATIENCE: Final = float(os.environ.get("REDIS_HA_TEST_PATIENCE", "3"))
"""For a busy machine: how many times longer a test waits for what must come. No measured time is compared with it."""
T = TypeVar("T")


def eventually(probe: Callable[[], T | None], seconds: float, what: str, every: float = 0.05) -> T:
    """The first true answer of `probe`, which is asked `every` so many seconds.

    AssertionError after `seconds` (times PATIENCE).
    """
    end = time.monotonic() + seconds * PATIENCE
    while True:
        answer = probe()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {seconds * PATIENCE} s: {what}; last: {answer!r}"
        time.sleep(every)


def stays(probe: Callable[[], T], seconds: float, what: str) -> None:
    """AssertionError if `probe` is false at any time within `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = probe()
        assert answer, f"not any more: {what}; last: {answer!r}"
        time.sleep(0.05)


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

    def say_first_start(self) -> None:
        """What the deployment does where there has never been any data."""
        (self.root / "run/first-start").touch()

    def start(self, **env: str) -> None:
        """Start process 1; `env` adds to the node's own."""
        assert self.process is None or self.process.poll() is not None, f"{self.name} is running"
        for said in ("state.json", "health"):  # by the process before this one
            (self.root / "run" / said).unlink(missing_ok=True)
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LAUNCH), self.role],
                env=self.environment() | env,
                cwd=self.root,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_without_agent(self) -> None:
        """A Redis that somebody has started by hand in its place: a master without data, with the same users."""
        users = str(self.root / "etc/node/users.acl")
        words = ["redis-server", "--port", str(self.port), "--bind", HOST, "--dir", str(self.root), "--aclfile", users]
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen(
                words, env=self.environment(), cwd=self.root, stdout=log, stderr=log, start_new_session=True
            )

    def terminate(self) -> None:
        """SIGTERM as `docker stop` sends it, to process 1 alone."""
        assert self.process
        self.process.terminate()

    def ended(self, seconds: float = 20) -> int:
        """Wait for the end of process 1; its exit code. In a container nothing outlives it."""
        assert self.process
        code = self.process.wait(seconds * PATIENCE)
        self._kill_rest()
        return code

    def stop(self, seconds: float = 20) -> int:
        """SIGTERM, and wait for the end; the exit code."""
        self.terminate()
        return self.ended(seconds)

    def kill(self) -> None:
        """SIGKILL to all processes, as when a container is killed."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._kill_rest()

    def kill_server(self) -> None:
        """SIGKILL to the server alone, as by the kernel for its memory."""
        os.kill(self.server_pid(), signal.SIGKILL)

    def server_pid(self) -> int:
        return int(self.client("handover").info("server")["process_id"])

    def agent_pid(self) -> int:
        assert self.process
        return self.process.pid

    def health(self) -> tuple[int, str]:
        """The health check's exit code and its line."""
        done = subprocess.run(
            ["sh", str(CONFIGS / "bin" / "redis-ha-health")],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=10 * PATIENCE,
            check=False,
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    def state(self) -> dict[str, Any]:
        """The state file; empty where there is none."""
        try:
            found: dict[str, Any] = json.loads((self.root / "run/state.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def noted(self, offset: int) -> bool:
        """Whether its volume says that it has whole data, up to this offset: an agent notes that once a second."""
        kept = memory_file.read(self.root / "data/redis-ha.json")
        return kept is not None and bool(kept["whole"]) and int(kept["offset"]) >= offset

    def why(self) -> str:
        """What it is, or waits for."""
        return str(self.state().get("why", ""))

    def joined(self) -> bool:
        return bool(self.state().get("joined"))

    def client(self, user: str = "default", timeout: float = 2 * PATIENCE) -> redis.Redis:
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

    def setting(self, name: str) -> str:
        """A directive of the running server."""
        return str(self.client("handover").config_get(name)[name])

    @contextmanager
    def hung(self) -> Iterator[None]:
        """redis-server does not run meanwhile; its connections stay open."""
        pid = self.server_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):  # its agent may have ended it
                os.kill(pid, signal.SIGCONT)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Neither process 1 nor the server runs meanwhile, as in a paused container."""
        pids = self.pids()
        # One that has been started for a moment, such as a health check, may be gone by now.
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def log(self) -> str:
        return (self.root / "log").read_text(errors="replace")

    def lose_volume(self) -> None:
        """Its volume is gone; the container is a new one."""
        for file in (self.root / "run").iterdir():
            file.unlink()
        shutil.rmtree(self.root / "data")
        (self.root / "data").mkdir()

    def environment(self) -> dict[str, str]:
        return self.env | {
            "PATH": os.environ["PATH"],
            "REDIS_HA_ETC": str(self.root / "etc"),
            "REDIS_HA_DATA": str(self.root / "data"),
            "REDIS_HA_RUN": str(self.root / "run"),
        }

    def pids(self) -> list[int]:
        """Process 1, the server and what these have started, by the folder that they are in."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "cwd").readlink().is_relative_to(self.root):
                    found.append(int(process.name))
        return sorted(found)

    def _kill_rest(self) -> None:
        while pids := self.pids():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
