"""A cluster whose project, stack or name in the program changes: its data volumes stay, whatever else is made anew."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from redis_ha.docker import joining, there
from redis_ha.resources import component, rollout
from tests.unit.engine.memory import Stand

PROGRAM = """
from redis_ha import RedisHa
config = pulumi.Config()
opts = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="cache")])
RedisHa(config.get("name") or "cache", {"replicas": 1, "sentinels": 1, "password": pulumi.Output.secret("pw"),
    "subnet": config.get("subnet")}, opts)
"""
DATA = {"p-dev-cache-redis-0", "p-dev-cache-redis-1"}


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    monkeypatch.setattr(joining, "_wait_until_joined_once", lambda node, topology: None)
    monkeypatch.setattr(rollout, "what_is_there", lambda topology: there.UNKNOWN)
    monkeypatch.setattr(rollout.Rollout, "until_joined", lambda *_: None)
    monkeypatch.setattr(component, "look", lambda given, topology: frozenset())
    stand = Stand(tmp_path)
    stand.run(PROGRAM)
    assert set(_volumes(stand)) >= DATA
    yield stand


def _volumes(stand: Stand) -> dict[str, str]:
    """When each volume was made, by its name; not those that hold files."""
    found = {item["name"]: item["created"] for item in stand.world.values() if item["type"].endswith(":Volume")}
    return {name: created for name, created in found.items() if "-files" not in name}


@pytest.mark.parametrize("subnet", ["as it was", "by the new names"])
@pytest.mark.parametrize(("project", "stack"), [("p", "prod"), ("shop", "dev")])
def test_a_renamed_stack_or_project_keeps_its_volumes(stand: Stand, project: str, stack: str, subnet: str) -> None:
    before = _volumes(stand)
    (network,) = (item for item in stand.world.values() if item["type"].endswith(":Network"))
    settings = {"subnet": network["inputs"]["ipamConfigs"][0]["subnet"]} if subnet == "as it was" else {}
    stand.rename(project, stack)
    stand.run(PROGRAM, **settings)
    assert _volumes(stand) == before
    mounted = {
        volume["volumeName"]
        for item in stand.world.values()
        if item["type"].endswith(":Container") and item["name"].startswith(f"{project}-{stack}-cache-redis")
        for volume in item["inputs"]["volumes"]
    }
    assert mounted >= DATA
    names = {item["name"] for item in stand.world.values() if item["type"].endswith(":Network")}
    assert names == {"p-dev-cache"}
    again = stand.run(PROGRAM, dry_run=True, **settings)
    assert set(again.values()) == {"same"}, {one: step.summary for one, step in stand.steps.items()}


def test_a_cluster_with_another_name_and_an_alias_keeps_its_volumes(stand: Stand) -> None:
    before = _volumes(stand)
    ops = stand.run(PROGRAM, name="store")
    assert _volumes(stand) == before
    assert ops["store-redis-0"] == "replace"
    assert "delete" not in ops.values()
    assert set(stand.run(PROGRAM, name="store", dry_run=True).values()) == {"same"}
