"""The rules by promtool: they are well formed, and at the times that they are made for they fire and do not."""

import re
import shutil
import subprocess
from pathlib import Path

import yaml

from tests.monitoring.prometheus import MONITORING, quicker_rules, tool

HERE = Path(__file__).parent


def promtool(*words: str, folder: Path = HERE) -> str:
    done = subprocess.run(
        [tool("promtool"), *words], cwd=folder, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_rules_and_scrape_example_are_well_formed(tmp_path: Path) -> None:
    shutil.copytree(MONITORING, tmp_path / "monitoring")
    (tmp_path / "monitoring" / "targets").mkdir(exist_ok=True)
    (tmp_path / "monitoring" / "targets" / "dev.json").write_text("[]")
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml", folder=tmp_path / "monitoring")


def test_rules_at_their_own_times(tmp_path: Path) -> None:
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    for rule in rules["groups"][0]["rules"]:
        del rule["annotations"]  # promtool would want their texts in the tests
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(rules))
    shutil.copy(HERE / "rules_test.yml", tmp_path)
    promtool("test", "rules", "rules_test.yml", folder=tmp_path)


def test_every_rule_is_tested_at_its_own_times() -> None:
    rules = {rule["alert"] for rule in yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]}
    tests = yaml.safe_load((HERE / "rules_test.yml").read_text())["tests"]
    fired = {one["alertname"] for test in tests for one in test["alert_rule_test"] if one.get("exp_alerts")}
    silent = {one["alertname"] for test in tests for one in test["alert_rule_test"] if not one.get("exp_alerts")}
    assert fired == rules
    assert silent == rules


def test_the_quicker_rules_differ_in_times_alone() -> None:
    given = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    quick = quicker_rules()
    times = re.compile(r"\[\w+\]")
    for one, other in zip(given["groups"][0]["rules"], quick["groups"][0]["rules"], strict=True):
        assert {**one, "expr": "", "for": ""} == {**other, "expr": "", "for": ""}
        assert times.sub("[]", one["expr"]) == times.sub("[]", other["expr"])
        assert ("for" in one) == ("for" in other)


def test_whoever_is_called_is_told_what_to_do() -> None:
    for rule in yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]:
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"].keys() == {"summary", "description"}
        if rule["labels"]["severity"] == "critical":
            assert rule["for"] not in ("0s", ""), rule["alert"]
