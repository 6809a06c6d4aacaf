"""The image keeps of Python what the agent imports, and the agent imports nothing else."""

import ast
import runpy
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*sorted((ROOT / "agent").rglob("*.py")), ROOT / "configs" / "main.py"]
KEPT = set(runpy.run_path(str(ROOT / "configs" / "trim-python"))["MODULES"])


def imported(source: Path) -> set[str]:
    """The modules that `source` imports from elsewhere than the agent."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{source}: a relative import"
            found.add(node.module)
    return {name for name in found if name.split(".")[0] not in ("agent", "__future__")}


def test_every_module_that_the_agent_imports_is_kept() -> None:
    needed = set().union(*map(imported, SOURCES))
    assert needed, "the agent imports something"
    assert {name for name in needed if name.split(".")[0] not in sys.stdlib_module_names} == set()
    assert needed <= KEPT


def test_the_agent_starts_without_site_packages() -> None:
    """As in the image: isolated, and without `site`."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(ROOT / "tests/agent/harness/launch.py"), "boss"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 64
    assert done.stderr == "redis-ha: unknown role 'boss': master, replica (or slave) and sentinel are known\n"
