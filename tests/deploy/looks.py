"""`make status`, called as a monitoring system would call it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drills.target.stack import PROJECT_DIR, Stack
from drills.target.waiting import until


@dataclass(frozen=True)
class Look:
    """What one call has said."""

    code: int
    document: dict[str, Any]

    @property
    def findings(self) -> list[str]:
        return sorted(one["name"] for one in self.document["findings"])

    def node(self, name: str) -> dict[str, Any]:
        return next(node for node in self.document["nodes"] if node["name"] == name)


def said(stack: Stack, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops.status", "--stack", stack.name, *words],
        cwd=PROJECT_DIR,
        env={**os.environ, **stack.environment, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def look(stack: Stack, environment: Mapping[str, str] | None = None) -> Look:
    done = said(stack, "--json", **(environment or {}))
    assert done.stdout, done.stderr
    return Look(done.returncode, json.loads(done.stdout))


def until_seen(stack: Stack, code: int, *findings: str) -> Look:
    """The first look with exactly that: what is broken takes a moment to show."""
    seen: list[Look] = []

    def there() -> Look | None:
        seen.append(look(stack))
        return seen[-1] if (seen[-1].code, seen[-1].findings) == (code, sorted(findings)) else None

    return until(there, f"{findings}", 60, 0.5, lambda: f"{seen[-1].code}, {seen[-1].document['findings']}")
