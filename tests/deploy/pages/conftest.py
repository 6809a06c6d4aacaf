"""The stack that the pages' commands are about."""

import re
from collections.abc import Iterator
from typing import Any

import docker
import pytest
import yaml

from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import own_stack
from tests.deploy.data.backups import at
from tests.deploy.pages.reader import Reader
from tests.deploy.support import ENGINES, NAME, outputs_of, place
from tests.pages import ROOT

PASSWORD, SYSTEM = "of-the-application", "of-the-nodes"
WHERE: dict[str, Any] = place(2)
OWN_PORT = str(WHERE["ports"]["master"] + 50)
PREFIX = WHERE["subnet"].rpartition(".")[0]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Of a stack like `prod`, but smaller and not protected, brought up by the words of docs/settings.md."""
    prod = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())["config"]
    settings = {**prod, **WHERE, "replicas": 1, "redis-ha:protectData": False}
    with own_stack(f"{NAME}-pages", settings, {"REDIS_HA_ENGINE": ENGINES[0]}) as stack:
        # It has passwords of its own, set by hand.
        del stack.environment["REDIS_HA_GENERATE_PASSWORD"]
        reader = Reader(stack)
        try:
            reader("./pulumiw config set --secret password --stack prod", stdin=PASSWORD)
            reader("./pulumiw config set --secret systemPassword --stack prod", stdin=SYSTEM)
            reader("./pulumiw config set --path 'ports.master' 7000 --stack prod", {"7000": OWN_PORT})
            reader("""./pulumiw config set redisConfig '{"maxmemory-policy": "allkeys-lru"}' --stack prod""")
            reader("./pulumiw config set --secret --path backup.password --stack STACK", stdin="of-the-backups")
            users = tmp_path_factory.mktemp("users") / "users.json"
            users.write_text('{"reports": {"password": "...", "rules": "~* +@read"}}')
            reader("./pulumiw config set --secret users --stack prod <users.json", {"users.json": str(users)})
            reader("make certs STACK=dev")
            assert re.search(r"\d+ to create", reader("make preview STACK=prod"))
            assert f"{PREFIX}.10:{OWN_PORT}  (redis-0)" in reader("make up STACK=prod")
            yield reader
        finally:
            stack.destroy()
            mine: dict[str, str | list[str] | bool] = {"label": f"redis-ha.stack={stack.name}"}
            for volume in docker.from_env(timeout=60).volumes.list(filters=mine):
                volume.remove()


@pytest.fixture
def cluster(reader: Reader) -> Cluster:
    """The reader's, whole."""
    found = Cluster(outputs_of(reader.stack))
    wait_healthy(found, 60)
    return found


@pytest.fixture
def emptied(cluster: Cluster) -> Cluster:
    """Without data."""
    for database in range(16):
        with at(cluster, cluster.master(), database) as client:
            if keys := list(client.scan_iter(count=1000)):
                client.unlink(*keys)
    return cluster
