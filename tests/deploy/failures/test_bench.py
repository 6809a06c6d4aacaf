"""A part of the bench really runs, and leaves nothing behind."""

import json
import subprocess
import sys
from pathlib import Path

from drills.target.stack import PROJECT_DIR
from tests.deploy.support import NAME, left_over, place


def test_a_part_of_the_bench_runs(tmp_path: Path) -> None:
    where = place(3)
    ports = where["ports"]
    assert isinstance(ports, dict)
    name = f"{NAME}bench"
    words = ["cpu-load", "--profiles", "fast", "--seconds", "2", "--name", name, "--out", str(tmp_path / "report")]
    words += ["--subnet", str(where["subnet"]), "--port", str(ports["master"])]
    done = subprocess.run(
        [sys.executable, "-m", "drills.bench", *words], cwd=PROJECT_DIR, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Full CPU load on the machine" in done.stdout
    (row,) = json.loads((tmp_path / "report.json").read_text())["parts"]["cpu-load"]["rows"]
    assert row["values"][0] > 0
    assert row["counts"]["writes"] > 0
    assert row["counts"]["+switch-master"] == row["counts"]["lost"] == 0
    assert "fast: 2 s with" in (tmp_path / "report.md").read_text()
    assert left_over(f"{name}-0") == []
