"""The examples for one machine, deployed as their reader would. tests/engines has those in other languages."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
import redis

from drills.target.waiting import until
from tests.deploy.example import STACK, Example, finder
from tests.deploy.support import ENGINES, clear, left_over
from tests.engine_command import ROOT


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Nothing of an example is there before and after."""
    for image in ("redis:8-alpine", "oliver006/redis_exporter:v1.69.0-alpine", "restic/restic:0.18.0"):
        subprocess.run([ROOT / "bootstrap" / "base-image", image], check=True)
    clear(STACK)
    yield request.param
    assert not left_over(STACK)


def test_two_clusters_and_an_application(engine: str, tmp_path: Path) -> None:
    passwords = {"cachePassword": "for-the-cache", "ordersPassword": "for-orders"}
    example = Example("two-clusters", engine, tmp_path)
    with example.configured({}, passwords):
        assert " 1 to create" not in example("preview")
        example("up", "--yes", "--skip-preview")
        outputs = example.outputs()
        masters = set()
        for name in ("cache", "orders"):
            password = passwords[f"{name}Password"]
            sentinels = finder(outputs[name], password)
            masters.add(sentinels.discover_master("mymaster"))
            master = sentinels.master_for("mymaster", password=password)
            assert master.set("whose", name)
            assert master.get("whose") == name.encode()
        assert len(masters) == 2
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(outputs["ordersUrl"].replace("for-orders", "for-the-cache")).ping()
        application = docker.from_env().containers.get(outputs["application"])
        until(lambda: b"PONG" in application.logs(), "the application's answer from the master", 20)
        names = [container.attrs["Name"] for container in docker.from_env().containers.list(ignore_removed=True)]
        prefix = f"/shop-{STACK}-"
        clusters = {name.removeprefix(prefix).split("-")[0] for name in names if name.startswith(prefix)}
        assert clusters == {"cache", "orders"}
        example("preview", "--expect-no-changes")


def test_backup_metrics_and_protected_data(engine: str, tmp_path: Path) -> None:
    secrets = {"password": "for-orders", "systemPassword": "the-nodes'", "backupPassword": "b", "secretKey": "s"}
    example = Example("backup", engine, tmp_path)
    program = example.folder / "__main__.py"
    with example.configured({"repository": "volume", "accessKey": "a"}, secrets):
        example("up", "--yes", "--skip-preview")
        outputs = example.outputs()
        assert finder(outputs["sentinels"], "for-orders").master_for("mymaster", password="for-orders").set("a", "b")
        kinds = {target["labels"]["kind"] for target in outputs["metrics"]}
        assert kinds == {"redis", "sentinel", "exporter"}
        example("preview", "--expect-no-changes")
        # What is protected is not destroyed.
        program.write_text(program.read_text().replace('"protect_data": True', '"protect_data": False'))
        example("up", "--yes", "--skip-preview")
    # Backups stay when the stack goes.
    docker.from_env().volumes.get(f"shop-backup-{STACK}-orders-backup").remove()
