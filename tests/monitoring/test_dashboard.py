"""Every query of the dashboard returns data of the stack that Prometheus watches."""

import json
from typing import Any

import pytest

from drills.target.cluster import Cluster
from drills.target.waiting import until
from tests.monitoring.prometheus import MONITORING, SCALE, SCRAPE_S, Prometheus, Target

DASHBOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
PANELS: dict[str, dict[str, Any]] = {panel["title"]: panel for panel in DASHBOARD["panels"]}
RATE_INTERVAL = f"{4 * SCRAPE_S * 1000 // SCALE}ms"  # as Grafana takes it: of four scrapes


def test_panels_are_told_apart() -> None:
    assert len(PANELS) == len(DASHBOARD["panels"]) == len({panel["id"] for panel in PANELS.values()})
    for panel in PANELS.values():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        assert panel["targets"]


@pytest.mark.parametrize("title", PANELS)
def test_every_query_returns_data(title: str, prometheus: Prometheus, targets: list[Target], cluster: Cluster) -> None:
    master = cluster.client(cluster.master())
    for target in PANELS[title]["targets"]:
        query = _filled_in(target["expr"], targets[0]["labels"]["cluster"])
        until(lambda: _some(master) and _numbers(prometheus, query), f"data of {query}", 30, 0.5)  # noqa: B023


def _some(client: Any) -> bool:
    """Work for the counters."""
    client.set("dashboard", "1")
    return bool(client.get("dashboard"))


def _filled_in(query: str, cluster: str) -> str:
    """With Grafana's variables."""
    filled = query.replace("$cluster", cluster).replace("$__rate_interval", RATE_INTERVAL)
    assert "$" not in filled
    return filled


def _numbers(prometheus: Prometheus, query: str) -> list[str]:
    """The values that it gives now, without those that are none."""
    return [one["value"][1] for one in prometheus.query(query) if one["value"][1] != "NaN"]
