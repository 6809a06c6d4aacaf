"""The GitHub workflows: well-formed, pinned, and without secrets for forks."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.pin import pinned

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def load(path: Path) -> dict[Any, Any]:
    loaded = yaml.safe_load(path.read_text())
    assert isinstance(loaded, dict)
    return loaded


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    """A tag can be moved. The version is a comment, which dependabot keeps up to date with the commit."""
    uses = re.findall(r"uses: (.*)", path.read_text())
    assert uses
    assert [each for each in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_cli_is_the_one_of_the_requirements(path: Path) -> None:
    given = steps(load(path))
    installed = [s["with"]["pulumi-version"] for s in given if "pulumi/actions" in s.get("uses", "")]
    assert installed
    assert set(installed) == {"${{ steps.pin.outputs.pulumi }}"}
    assert [s["run"] for s in given if s.get("id") == "pin"] == [
        'echo "pulumi=$(python3 bootstrap/pin.py pulumi)" >> "$GITHUB_OUTPUT"'
    ]


def test_the_pin_is_that_of_the_requirements() -> None:
    assert f"\npulumi=={pinned('pulumi')} " in (ROOT / "requirements.txt").read_text()
    with pytest.raises(KeyError):
        pinned("pulum")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_make_targets_are_there(path: Path) -> None:
    called = re.findall(r"\bmake ([a-z-]+)", "\n".join(step.get("run", "") for step in steps(load(path))))
    assert called
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(called) <= set(targets)


def test_forks_get_no_secrets() -> None:
    workflow = load(ROOT / ".github/workflows/preview.yml")
    assert workflow[True] == "pull_request"  # YAML 1.1 reads `on` as true
    for job in workflow["jobs"].values():
        if "secrets." in str(job):
            assert "head.repo.full_name == github.repository" in job["if"]
    assert workflow["permissions"] == {"contents": "read"}


def test_one_comment_a_stack_updated_in_place() -> None:
    workflow = load(ROOT / ".github/workflows/preview.yml")
    preview = [s["with"] for s in steps(workflow) if s.get("with", {}).get("command") == "preview"]
    assert len(preview) == 1
    assert preview[0]["comment-on-pr"]
    assert preview[0]["edit-pr-comment"]
    assert preview[0]["diff"]
