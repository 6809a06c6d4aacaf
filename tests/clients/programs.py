"""The clients' programs while they run, and what they have said. All times are seconds since the epoch."""

import itertools
import json
import os
import subprocess
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from redis.exceptions import RedisError

from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.waiting import until
from redis_ha.outputs import Outputs
from tests.clients.tools import PATH, PROJECT

KINDS = ("blpop", "xread", "message")  # an element, an entry, a message
EVERY = 0.05  # seconds between two things for each to receive


class Program:
    """One client: it writes all the time, waits for elements and entries, and has subscribed to a channel."""

    def __init__(self, name: str, command: list[str], outputs: Outputs, folder: Path) -> None:
        self.name = name
        self.prefix = f"clients:{uuid.uuid4().hex[:8]}"
        self.said: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self.errors: list[str] = []
        self._complaints = (folder / f"{name}.stderr").open("w+")
        self._process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**os.environ, "PATH": PATH},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )
        assert self._process.stdin
        # Not as an argument or in the environment: those are for everybody to read.
        self._process.stdin.write(json.dumps(self._settings(outputs)) + "\n")
        self._process.stdin.flush()
        threading.Thread(target=self._read, daemon=True).start()

    def _settings(self, outputs: Outputs) -> dict[str, Any]:
        sentinels = [f"{host}:{port}" for host, port in outputs.sentinels]
        password = outputs.password or ""
        return {
            "url": f"redis+sentinel://:{quote(password, safe='')}@{','.join(sentinels)}/{outputs.master_name}",
            "sentinels": sentinels,
            "master": outputs.master_name,
            "password": password,
            "endpoint": ":".join(map(str, outputs.write or ())),
            "prefix": self.prefix,
        }

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            kind, _, rest = line.strip().partition(" ")
            if kind == "error":
                self.errors.append(rest)
            else:
                number, _, at = rest.partition(" ")
                self.said[kind].append((int(number), int(at) / 1e9))

    def check(self) -> None:
        """It still runs. Fails with its last words otherwise."""
        if self._process.poll() is not None:
            self._complaints.seek(0)
            raise AssertionError(
                f"{self.name} ended with {self._process.returncode}:\n{self._complaints.read()[-3000:]}"
            )

    def wrote_since(self, moment: float) -> int:
        """The number of writes acknowledged since then."""
        return sum(at > moment for _, at in self.said["ack"])

    def outage(self, since: float, until_: float) -> float:
        """The longest time between two acknowledgements, in seconds, of those that reach into the period."""
        times = [at for _, at in self.said["ack"]]
        return max(b - a for a, b in itertools.pairwise(times) if b > since and a < until_)

    def lost(self, master: Any) -> list[int]:
        """The acknowledged writes that a node does not have."""
        missing = []
        acknowledged = list(self.said["ack"])
        for start in range(0, len(acknowledged), 1000):
            batch = acknowledged[start : start + 1000]
            values = master.mget([f"{self.prefix}:{number}" for number, _ in batch])
            missing += [number for (number, _), value in zip(batch, values, strict=True) if value != str(number)]
        return missing

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._complaints.close()


class Programs:
    """All clients at the same time, and one more that gives each of them something to receive."""

    def __init__(self, commands: dict[str, list[str]], cluster: Cluster) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="redis-ha-clients-")
        self._master = clients.master(cluster.outputs)
        self._ended = threading.Event()
        self.fed: list[tuple[int, float]] = []
        self.all: dict[str, Program] = {}
        self._commands, self._cluster = commands, cluster
        self._feeder = threading.Thread(target=self._feed, daemon=True)

    def __enter__(self) -> "Programs":
        try:
            # One after the other: several that start at once keep each other from it.
            for name, words in self._commands.items():
                self.all[name] = Program(name, words, self._cluster.outputs, Path(self._folder.name))
                until(lambda: self._each_wrote(20, 0), "each client to write", 120, because=self._why)
            self._feeder.start()
            until(
                lambda: all(p.said[k] for p in self.all.values() for k in KINDS), "each to receive", 60, 0.1, self._why
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._feeder.is_alive():
            self._feeder.join(30)
        for program in self.all.values():
            program.stop()
        self._folder.cleanup()

    def _each_wrote(self, writes: int, since: float) -> bool:
        for program in self.all.values():
            program.check()
        return all(program.wrote_since(since) >= writes for program in self.all.values())

    def go_on(self, timeout: float = 60) -> None:
        """Wait until each has written again, and has received something that came later than now."""
        now = time.time()
        until(lambda: self._each_wrote(20, now), "each client to write again", timeout, because=self._why)

    def _why(self) -> str:
        return "; ".join(
            f"{p.name}: {len(p.said['ack'])} writes, "
            + ", ".join(f"{len(p.said[k])} {k}" for k in KINDS)
            + f", {p.errors[-1:]}"
            for p in self.all.values()
        )

    def _feed(self) -> None:
        for number in itertools.count():
            with self._master.pipeline(transaction=False) as pipeline:
                for program in self.all.values():
                    pipeline.rpush(f"{program.prefix}:list", number)
                    pipeline.xadd(f"{program.prefix}:stream", {"number": number}, maxlen=1000)
                    pipeline.publish(f"{program.prefix}:channel", number)
                try:
                    pipeline.execute()
                except RedisError:
                    continue
            self.fed.append((number, time.time()))
            if self._ended.wait(EVERY):
                return

    def silence(self, program: Program, kind: str, since: float, until_: float) -> float:
        """The longest time from when something was there to receive until something was received, in seconds."""
        came = [at for _, at in program.said[kind]]
        worst, i = 0.0, 0
        for _, at in self.fed:
            if not since < at < until_:
                continue
            # What came a moment before its sender had the answer counts.
            while i < len(came) and came[i] < at - EVERY:
                i += 1
            worst = max(worst, (came[i] if i < len(came) else float("inf")) - at)
        return worst
