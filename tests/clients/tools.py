"""Builds the programs of clients/ outside the tree, once for each state of their sources."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = PROJECT / "clients"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "redis-ha"
# What bootstrap/client-tools has fetched.
PATH = f"{CACHE / 'client-tools' / 'bin'}:{os.environ['PATH']}"


def commands() -> dict[str, list[str]]:
    """How each client is started, by name; everything is built."""
    python = [sys.executable, "-m", "clients.python.program"]
    java = _java()
    node = [_found("node"), str(_built("node", _npm) / "program.mjs")]
    return {
        "redis-py": [*python, "threads"],
        "redis-py asyncio": [*python, "asyncio"],
        "jedis": [*java, "jedis"],
        "lettuce": [*java, "lettuce"],
        "ioredis": [*node, "ioredis"],
        "node-redis": [*node, "node-redis"],
        "go-redis": [str(_built("go", _go) / "program")],
        "endpoint": [*python, "endpoint"],
    }


def _java() -> list[str]:
    built = _built("java", _maven)
    classpath = f"{built / 'classes'}:{(built / 'classpath').read_text().strip()}"
    # Little memory, and no thorough compiler: the tests share two cores.
    return [
        _found("java"),
        "-Xmx96m",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-cp",
        classpath,
        "redisha.Program",
    ]


def _maven(source: Path, built: Path) -> None:
    options = [f"-Dout={built}", f"-Dmdep.outputFile={built / 'classpath'}"]
    _run(["mvn", "-q", "-B", *options, "compile", "dependency:build-classpath"], source)


def _npm(source: Path, built: Path) -> None:
    for file in [*source.glob("*.mjs"), *source.glob("package*.json")]:
        shutil.copy(file, built)
    _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], built)


def _go(source: Path, built: Path) -> None:
    _run(["go", "build", "-o", str(built / "program"), "."], source)


def _built(name: str, build: Callable[[Path, Path], None]) -> Path:
    """The folder with the build of clients/NAME as it is now."""
    source = SOURCES / name
    digest = hashlib.sha256()
    for file in sorted(f for f in source.rglob("*") if f.is_file() and not {"node_modules", "target"} & set(f.parts)):
        digest.update(f"{file.relative_to(source)}\0".encode() + file.read_bytes())
    built = CACHE / "clients" / f"{name}-{digest.hexdigest()[:16]}"
    done = built / ".built"
    if not done.exists():
        shutil.rmtree(built, ignore_errors=True)
        built.mkdir(parents=True)
        build(source, built)
        done.touch()
    return built


def _found(program: str) -> str:
    path = shutil.which(program, path=PATH)
    assert path, f"there is no {program}: bootstrap/client-tools brings it"
    return path


def _run(command: list[str], folder: Path) -> None:
    command = [_found(command[0]), *command[1:]]
    environment = {**os.environ, "PATH": PATH}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-4000:]}"
