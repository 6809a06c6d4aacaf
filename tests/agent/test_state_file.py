"""The state file and the health check's line beside it."""

import json
import subprocess
from pathlib import Path

import pytest

from agent.tell.state import StateFile, uptime

HEALTH = Path(__file__).resolve().parents[2] / "configs/bin/redis-ha-health"


def health(folder: Path, *arguments: str) -> tuple[int, str]:
    """The health check's exit code and its line."""
    words = ["sh", str(HEALTH), *arguments]
    done = subprocess.run(words, env={"REDIS_HA_RUN": str(folder)}, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


@pytest.mark.parametrize(("joined", "code"), [(True, 0), (False, 1)])
def test_the_health_check_says_what_the_agent_has_said(tmp_path: Path, joined: bool, code: int) -> None:
    StateFile(tmp_path).write({"joined": joined, "why": "copying the data of 10.0.0.1:16379"})
    assert health(tmp_path) == (code, "copying the data of 10.0.0.1:16379")
    assert json.loads((tmp_path / "state.json").read_text())["joined"] is joined


def test_an_agent_that_says_nothing_is_not_healthy(tmp_path: Path) -> None:
    assert health(tmp_path) == (1, "the agent has not said anything yet")
    (tmp_path / "health").write_text(f"0 {uptime() - 11} replica of 10.0.0.1:16379\n")
    code, words = health(tmp_path)
    assert code == 1
    assert words.startswith("the agent has said nothing for 1")


def test_to_have_joined_once_can_be_enough(tmp_path: Path) -> None:
    state = StateFile(tmp_path)
    state.write({"joined": False, "why": "loading its data"})
    assert health(tmp_path, "once")[0] == 1
    state.write({"joined": True, "why": "master of 2 replicas"})
    state.write({"joined": False, "why": "its Redis does not answer"})
    assert health(tmp_path, "once")[0] == 0
    assert health(tmp_path)[0] == 1


def test_a_new_process_does_not_repeat_what_the_last_one_said(tmp_path: Path) -> None:
    """The folder outlives a restart of the container."""
    StateFile(tmp_path).write({"joined": True, "why": "master of 2 replicas"})
    StateFile(tmp_path)
    assert health(tmp_path) == (1, "the agent has not said anything yet")
    assert not (tmp_path / "state.json").exists()
    assert health(tmp_path, "once")[0] == 0, "the roll-out has seen it join"


def test_a_state_that_cannot_be_written_is_said_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    state = StateFile(tmp_path)
    (tmp_path / "state.json").mkdir()
    (tmp_path / "state.json" / "in-the-way").touch()
    for _ in range(3):
        state.write({"joined": False, "why": "loading its data"})
    assert capfd.readouterr().err.count("cannot write state.json") == 1
