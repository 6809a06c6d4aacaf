"""The policy pack, as Pulumi's policy SDK runs it, on previews of the embedded engine: without any Docker."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.errors import EngineError
from engine.policies import judge
from policy.rules import CONTAINER, Resource, no_public_port
from redis_ha.tls.dev_certificates import make_ca, make_certificate

ROOT = Path(__file__).parents[2]
HOSTS = [{"name": name, "docker": f"tcp://127.0.0.1:{i}", "address": f"10.0.0.{i}"} for i, name in enumerate("abc", 1)]
EVERYWHERE = "0.0.0.0"  # noqa: S104 - it is what is refused
STRANGER = "9.9.9.9"
LIMITED = {"resources": {"memory": "512m"}}
NODES = [{"name": name, "address": f"10.0.0.{i}"} for i, name in enumerate("abcd", 1)]
SWARM = {"swarm": True, "registry": "registry:5000", "hosts": NODES[:3]}


@pytest.fixture(scope="session")
def pack() -> str:
    """The pack, with its virtual environment."""
    subprocess.run(["make", "policy/venv/installed"], cwd=ROOT, check=True)
    return "policy"


@pytest.fixture(scope="session")
def tls() -> dict[str, str]:
    ca, key = make_ca("test")
    cert, cert_key = make_certificate(ca, key, [str(host["address"]) for host in HOSTS])
    return {"ca": ca, "cert": cert, "key": cert_key}


def preview(pack: str, folder: Path, stack: str, settings: Mapping[str, Any]) -> tuple[int, str]:
    """Exit code and what is said."""
    config = {"password": "a", "systemPassword": "b", **settings}
    file = folder / f"Pulumi.{stack}.yaml"
    file.write_text(yaml.safe_dump({"config": {f"redis-ha:{key}": value for key, value in config.items()}}))
    environment = {
        **os.environ,
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "XDG_STATE_HOME": str(folder),
        "DOCKER_HOST": "unix:///nowhere.sock",
    }
    words = ["preview", "--stack", stack, "--config-file", str(file), "--policy-pack", pack]
    done = subprocess.run(
        [sys.executable, "-m", "engine", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def broken(said: str) -> Counter[str]:
    """How often each rule is broken."""
    return Counter(re.findall(r"error: ([a-z-]+): ", said))


def test_what_is_as_it_should_be_passes(pack: str, tmp_path: Path, tls: dict[str, str]) -> None:
    beside = {"endpoint": True, "metrics": True}
    code, said = preview(pack, tmp_path, "prod", {**LIMITED, **beside, "hosts": HOSTS, "tls": json.dumps(tls)})
    assert code == 0, said
    assert "error:" not in said
    assert "to create" in said


def test_a_swarm_that_is_as_it_should_be_passes(pack: str, tmp_path: Path, tls: dict[str, str]) -> None:
    code, said = preview(pack, tmp_path, "prod", {**LIMITED, **SWARM, "tls": json.dumps(tls)})
    assert code == 0, said
    assert "error:" not in said
    assert "docker:index:Service redis-ha-sentinel create" in said


def test_dev_may_have_plain_connections_and_no_limits(pack: str, tmp_path: Path) -> None:
    code, said = preview(pack, tmp_path, "dev", {})
    assert code == 0, said


@pytest.mark.parametrize(
    ("stack", "settings", "rules", "words"),
    [
        (
            "prod-eu",
            {"replicas": 1, "sentinels": 4, "publish": EVERYWHERE},
            {"tls": 6, "memory-limits": 2, "no-public-port": 6, "odd-sentinels": 1},
            [
                "set `tls`",
                "has no limit of its memory",
                "port 16379 is published at 0.0.0.0",
                "redis-ha/prod-eu/redis-ha has 4 Sentinels",
            ],
        ),
        (
            "test",
            {**LIMITED, "sentinels": 1, "advertise": STRANGER},
            {"no-public-port": 4, "odd-sentinels": 1},
            [f"port 16380 is published at {STRANGER}", "has 1 Sentinels"],
        ),
        # The endpoint, and the two that give figures, are told their addresses in another way than the nodes.
        (
            "test",
            {
                **LIMITED,
                "hosts": [HOSTS[0], {**HOSTS[1], "address": STRANGER}],
                "sentinelPlacement": "soft",
                "endpoint": True,
                "metrics": True,
            },
            {"no-public-port": 6, "hosts-apart": 1},
            [f"listens at {STRANGER}", "has two Sentinels on one host"],
        ),
        # `hosts-apart` has no case in a Swarm: the services' own `max_replicas` keeps their tasks apart.
        (
            "prod",
            {**SWARM, "sentinels": 4, "hosts": [*NODES[:2], {**NODES[2], "address": STRANGER}, NODES[3]]},
            {"tls": 2, "memory-limits": 1, "no-public-port": 2, "odd-sentinels": 1},
            [
                "set `tls`",
                "has no limit of its memory",
                f"listens at {STRANGER}",
                "redis-ha/prod/redis-ha has 4 Sentinels",
            ],
        ),
    ],
)
def test_what_is_not_fails_by_the_rule_s_name(
    pack: str, tmp_path: Path, stack: str, settings: dict[str, Any], rules: dict[str, int], words: list[str]
) -> None:
    """Several rules at once, each for what one setting does; those that are not named have nothing to say."""
    code, said = preview(pack, tmp_path, stack, settings)
    assert broken(said) == rules, said
    assert [one for one in words if one not in said] == []
    assert code == 1


def test_a_pack_that_is_none_is_named(tmp_path: Path) -> None:
    def refused() -> str:
        with pytest.raises(EngineError) as raised:
            judge(tmp_path, [], "redis-ha", "test")
        return str(raised.value)

    assert refused() == f"policy pack {tmp_path}: there is no PulumiPolicy.yaml"
    (tmp_path / "PulumiPolicy.yaml").write_text("runtime: nodejs\n")
    assert "runs those in Python" in refused()
    (tmp_path / "PulumiPolicy.yaml").write_text("runtime: {name: python, options: {virtualenv: gone}}\n")
    assert "gone is not there: make it with" in refused()
    (tmp_path / "PulumiPolicy.yaml").write_text("runtime: python\n")
    assert "in a `virtualenv` only" in refused()
    (tmp_path / "PulumiPolicy.yaml").write_text("runtime: {name: python, options: {virtualenv: venv}}\n")
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "__main__.py").write_text("raise SystemExit(3)\n")
    code, said = preview(str(tmp_path), tmp_path, "test", LIMITED)
    assert code == 1
    assert f"policy pack {tmp_path} does not start" in said


def test_other_containers_are_nobody_s_business() -> None:
    ports = [{"external": 80, "ip": ""}]
    mine = [{"label": "redis-ha.kind", "value": "endpoint"}]
    assert not list(no_public_port([Resource("urn", CONTAINER, {"ports": ports})]))
    assert [one.text for one in no_public_port([Resource("urn", CONTAINER, {"ports": ports, "labels": mine})])] == [
        "port 80 is published at 0.0.0.0"
    ]
