"""Runs a command once for each Docker host of a stack.

The command finds that host's Docker by its environment, as the docker command does, and its name in REDIS_HA_HOST.
Hosts that do not answer, or that REDIS_HA_EXCLUDE names, are left out: what that means is for the program to say.
A stack without `hosts` has one, that of the environment.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ANSWER_SECONDS = 5  # as the program itself allows: redis_ha/docker/clients.py
_silent: set[str] = set()
"""The Docker endpoints that have not answered: a run has several questions, and waits for each of these once."""
OF_ANOTHER_DOCKER = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")


def hosts_of(stack: str, config_file: str | None) -> list[dict[str, Any]]:
    """The setting `hosts`, decrypted; the stack files of both engines are the same. Not those of a Swarm.

    What is no host at all is left out: the program says so, together with all else that is wrong.
    """
    file = ["--config-file", config_file] if config_file else []
    done = subprocess.run(
        [sys.executable, "-m", "engine", "config", "get", "redis-ha:hosts", "--stack", stack, *file],
        env=_with_passphrase(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise SystemExit(done.returncode)
    try:
        found = json.loads(done.stdout.strip() or "[]")
    except ValueError:
        return []
    hosts = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return [one for one in hosts if all(one.get(word) and isinstance(one[word], str) for word in ("name", "docker"))]


def _with_passphrase(env: Mapping[str, str]) -> dict[str, str]:
    """Where none is set, the one that pulumiw has made for this user."""
    if "PULUMI_CONFIG_PASSPHRASE" in env or env.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        return dict(env)
    folder = Path(env.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return {**env, "PULUMI_CONFIG_PASSPHRASE_FILE": str(folder / "redis-ha" / "passphrase")}


def environment(host: Mapping[str, Any], certificates: Path) -> dict[str, str]:
    """What makes the docker command talk to `host`; its certificates are put into that folder."""
    found = {name: value for name, value in os.environ.items() if name not in OF_ANOTHER_DOCKER}
    found["REDIS_HA_HOST"] = str(host["name"])
    found["REDIS_HA_DRAINED"] = "1" if host.get("drain") else ""
    endpoint = str(host["docker"])
    if "://" not in endpoint:
        return {**found, "DOCKER_CONTEXT": endpoint.removeprefix("context:")}
    if host.get("key"):
        for name in ("ca", "cert", "key"):
            file = certificates / f"{name}.pem"
            file.touch(0o600)
            file.write_text(str(host[name]).strip() + "\n")
        found |= {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificates)}
    return {**found, "DOCKER_HOST": endpoint}


def answers(env: dict[str, str]) -> bool:
    """Whether that Docker does, in time."""
    try:
        done = subprocess.run(
            ["docker", "version"],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def run_on_each(hosts: Sequence[Mapping[str, Any]], command: Sequence[str], quiet: bool = False) -> tuple[int, str]:
    """Runs the command for each host, or once where there are none: the last exit code that is not 0, what was printed.

    `quiet` drops what the command says on stderr.
    """
    errors = subprocess.DEVNULL if quiet else None

    def run(env: dict[str, str] | None) -> tuple[int, str]:
        try:
            done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=errors, text=True, check=False)
        except FileNotFoundError as error:
            return 127, "" if quiet else f"{error.filename}: not found\n"
        return done.returncode, done.stdout or ""

    if not hosts:
        return run(None)
    excluded = set(re.findall(r"[^\s,]+", os.environ.get("REDIS_HA_EXCLUDE", "")))
    code, printed = 0, ""
    for host in hosts:
        if host["name"] in excluded or host["docker"] in _silent:
            continue
        with tempfile.TemporaryDirectory() as folder:
            env = environment(host, Path(folder))
            if not answers(env):
                _silent.add(host["docker"])
                continue
            failed, text = run(env)
            code, printed = failed or code, printed + text
    return code, printed
