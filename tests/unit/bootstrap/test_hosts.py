"""A command for each Docker host of a stack: what it finds in its environment."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bootstrap import hosts

A = {"name": "a", "docker": "tcp://10.0.0.1:2376", "ca": "CA", "cert": "CERT", "key": "KEY"}
B = {"name": "b", "docker": "ssh://ops@10.0.0.2"}
C = {"name": "c", "docker": "context:far"}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The environments that the command was run in; `a` does not answer."""
    found: list[dict[str, str]] = []
    monkeypatch.setattr(hosts, "_silent", set())

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        if "engine" in command:
            return subprocess.CompletedProcess(command, 0, json.dumps([A, B, C]), "")
        if command == ["docker", "version"]:
            return subprocess.CompletedProcess(command, int("10.0.0.1" in str(options["env"].get("DOCKER_HOST"))))
        found.append(options["env"])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere:1")
    monkeypatch.delenv("REDIS_HA_EXCLUDE", raising=False)
    return found


def test_each_host_that_answers_is_reached_by_its_own_docker(ran: list[dict[str, str]]) -> None:
    assert hosts.run_on_each(hosts.hosts_of("dev", None), ["true"]) == (0, "")
    assert [env["REDIS_HA_HOST"] for env in ran] == ["b", "c"]
    assert [env.get("DOCKER_HOST") for env in ran] == ["ssh://ops@10.0.0.2", None]
    assert ran[1]["DOCKER_CONTEXT"] == "far"


@pytest.mark.parametrize("setting", ["no JSON", '"text"', '["a", "b"]', '[{"docker": "ssh://a"}, {"name": "a"}]'])
def test_what_is_no_host_is_left_to_the_program(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, setting, ""))
    assert hosts.hosts_of("dev", None) == []


def test_a_host_that_does_not_answer_is_waited_for_once(
    ran: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answers(env: dict[str, str]) -> bool:
        asked.append(env["REDIS_HA_HOST"])
        return asked[-1] != "a"

    monkeypatch.setattr(hosts, "answers", answers)
    found = hosts.hosts_of("dev", None)
    for _ in range(3):
        hosts.run_on_each(found, ["true"])
    assert asked.count("a") == 1
    assert asked.count("b") == 3


def test_a_host_that_is_excluded_is_left_alone(ran: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_HA_EXCLUDE", " b,x")
    hosts.run_on_each(hosts.hosts_of("dev", None), ["true"])
    assert [env["REDIS_HA_HOST"] for env in ran] == ["c"]


def test_certificates_are_files_of_this_user_only(tmp_path: Path) -> None:
    env = hosts.environment(A, tmp_path)
    assert (env["DOCKER_TLS_VERIFY"], env["DOCKER_CERT_PATH"]) == ("1", str(tmp_path))
    assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {
        "ca.pem": 0o600,
        "cert.pem": 0o600,
        "key.pem": 0o600,
    }
