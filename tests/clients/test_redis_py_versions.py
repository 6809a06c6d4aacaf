"""The redis-py recipe overrides parts of redis-py that are no promise of it: so its tests run with several versions."""

import os
import subprocess
import sys

import pytest

from tests.clients.tools import CACHE, PROJECT

# The first of those that the recipe names, and the last of each major version; the newest is that of requirements.txt.
TESTS = ["tests/program/test_client_recipe.py", "tests/program/test_client_tls.py"]
VERSIONS = ("6.0.0", "6.4.0", "7.4.1", "8.0.1")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_recipe_works_with_redis_py(version: str) -> None:
    folder = CACHE / "clients" / f"redis-py-{version}"
    if not (folder / "redis" / "__init__.py").exists():
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-input", "--no-deps"]
        subprocess.run([*pip, "--target", str(folder), f"redis=={version}"], check=True, timeout=300)
    script = f"""
import sys, pytest, redis
assert redis.__version__ == {version!r}, redis.__version__
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *{TESTS!r}]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
