"""A real Prometheus with the rules of monitoring/, quicker: their times, and those between scrapes, by SCALE."""

import json
import math
import os
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from drills.target.waiting import until

MONITORING = Path(__file__).resolve().parents[2] / "monitoring"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "redis-ha"
SCRAPE_S = 15
SCALE = 10
_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
Target = dict[str, Any]


def tool(name: str) -> str:
    """Where prometheus or promtool is: on the PATH, or where bootstrap/monitoring-tools has put it."""
    return shutil.which(name) or str(CACHE / name)


def quicker(duration: str) -> str:
    """A duration such as 45s or 5m, divided by SCALE."""
    return f"{int(duration[:-1]) * _MS[duration[-1]] // SCALE}ms"


def quicker_rules() -> dict[str, Any]:
    """The rules with every `for` and every range that they look back divided by SCALE; all else as it is."""
    found: dict[str, Any] = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    for group in found["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = quicker(rule["for"])
            rule["expr"] = re.sub(r"\[(\d+[smhd])\]", lambda match: f"[{quicker(match[1])}]", rule["expr"])
    return found


class Prometheus:
    """One process, at `address`, which scrapes what `watch` tells it."""

    def __init__(self, address: str, targets: Path) -> None:
        self.address = address
        self._targets = targets

    def watch(self, targets: Iterable[Target]) -> None:
        """Scrape these: what the output `metrics` holds, and more. All of them have been scraped afterwards."""
        wanted = list(targets)
        new = self._targets.with_suffix(".new")
        new.write_text(json.dumps(wanted))
        new.replace(self._targets)  # at once, as `make metrics-targets` does
        until(
            lambda: len(self.query('up{job="redis-ha"}')) == len(wanted),
            f"{len(wanted)} targets",
            30,
            0.2,
            lambda: f"there are {len(self.query('up'))}",
        )

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        asked = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://{self.address}/api/v1/query?{asked}", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def firing(self) -> set[tuple[str, str]]:
        """What fires now: cluster and name of the alert."""
        return self._alerts('ALERTS{alertstate="firing"}')

    def fired_since(self, moment: float) -> set[tuple[str, str]]:
        """What has fired since then (time.time()), even if it is over."""
        return self._alerts(f'max_over_time(ALERTS{{alertstate="firing"}}[{math.ceil(time.time() - moment)}s])')

    def _alerts(self, expression: str) -> set[tuple[str, str]]:
        return {(one["metric"].get("cluster", ""), one["metric"]["alertname"]) for one in self.query(expression)}


@contextmanager
def running(folder: Path, port: int) -> Iterator[Prometheus]:
    """Prometheus on loopback, as monitoring/prometheus.yml has it, until the end of the block."""
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    interval = quicker(f"{SCRAPE_S}s")
    assert config["global"] == {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s"}
    config["global"] = {"scrape_interval": interval, "evaluation_interval": interval}
    for job in config["scrape_configs"]:
        job["scrape_timeout"] = interval  # no longer is possible
    (folder / "targets").mkdir()
    (folder / "targets" / "stack.json").write_text("[]")
    (folder / "alerts.yml").write_text(yaml.safe_dump(quicker_rules()))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{port}"
    log = folder / "log"
    with log.open("w") as stream:
        words = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        process = subprocess.Popen(
            [tool("prometheus"), *words, f"--web.listen-address={address}"], stdout=stream, stderr=stream
        )
    try:
        until(lambda: _ready(address), "Prometheus", 60, because=lambda: log.read_text()[-2000:])
        yield Prometheus(address, folder / "targets" / "stack.json")
    finally:
        process.terminate()
        process.wait(30)


def _ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
