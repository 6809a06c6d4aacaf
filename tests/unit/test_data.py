"""What a change would cost of the data that is there, at a Docker that is not real."""

from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from docker.errors import DockerException, ImageNotFound

from redis_ha.docker import data
from redis_ha.docker.data import refuse_older_redis, refuse_strange_password, removed_volumes
from redis_ha.plan.acl import data_node_acl, derived, internal_password
from redis_ha.plan.identity import Identity
from redis_ha.plan.layout import plan
from redis_ha.plan.topology import Topology
from redis_ha.plan.versions import Server, of_config, of_tag, reads
from redis_ha.settings.loader import parse_settings

HOSTS = [{"name": name, "docker": f"ssh://{name}", "address": f"10.0.0.{i}"} for i, name in enumerate("abc", 1)]


class Api:
    """Holds volumes by name, containers by the version in their environment, and images."""

    def __init__(self, volumes: dict[str, dict[str, str]], *versions: str, **images: str) -> None:
        self._volumes = volumes
        self._containers = dict(enumerate(versions))
        self._images = images

    def info(self) -> dict[str, str]:
        return {"ID": str(id(self)), "Name": "here"}

    def volumes(self, filters: dict[str, Any]) -> dict[str, Any]:
        assert filters == {"label": ["redis-ha.stack=dev"]}
        return {"Volumes": [{"Name": name, "Labels": marks} for name, marks in self._volumes.items()]}

    def containers(self, all: bool, filters: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: A002
        assert filters == {"label": ["redis-ha.stack=dev", "redis-ha.kind=redis"]}
        return [{"Id": key, "Names": [f"/redis-ha-dev-redis-{key}"], "Labels": marks()} for key in self._containers]

    def inspect_container(self, key: int) -> dict[str, Any]:
        written = self._containers[key]
        name = written if written.startswith("Valkey") else f"Redis {written}"
        origin = {"redis-ha.origin": f"{name} from Debian trixie"}
        config = {"Env": ["A=1"], "Labels": origin}
        return {"Id": key, "Name": f"/redis-ha-dev-redis-{key}", "Config": config, "State": {"Running": True}}

    def get_archive(self, key: int, path: str) -> tuple[list[bytes], dict[str, Any]]:
        assert path.endswith("/users.acl")
        settings = parse_settings({"password": "pw"}, "dev")
        return [b"a tar's head", data_node_acl(settings, derived(settings, internal_password)).encode()], {}

    def inspect_image(self, name: str) -> dict[str, Any]:
        if name.replace(":", "_") not in self._images:
            raise ImageNotFound("no such image")
        return {"Config": {"Env": [self._images[name.replace(":", "_")]], "Labels": None}}


def marks(node: str | None = None, **others: str) -> dict[str, str]:
    found = {"redis-ha.stack": "dev", "redis-ha.project": "redis-ha", "redis-ha.name": "redis-ha"}
    named = {"redis-ha.node": node} if node else {}
    return {**found, "redis-ha.kind": "redis", **named, **{f"redis-ha.{key}": value for key, value in others.items()}}


def topology(**values: Any) -> Topology:
    return plan(parse_settings({"password": "pw", **values}, "dev"), Identity("redis-ha", "dev"))


@pytest.fixture
def dockers(monkeypatch: pytest.MonkeyPatch) -> dict[str | None, Api]:
    """By the host's name; others do not answer."""
    found: dict[str | None, Api] = {}

    def client(host: Any) -> Any:
        name = host.name if host else None
        if name not in found:
            raise DockerException("nobody answers")
        return SimpleNamespace(api=found[name])

    monkeypatch.setattr(data, "docker_client", client)
    return found


def test_volumes_of_nodes_that_are_no_longer_declared(dockers: dict[str | None, Api]) -> None:
    old = {"redis-ha.stack": "dev", "redis-ha.kind": "redis"}
    dockers[None] = Api(
        {
            "redis-ha-dev-redis-0": marks("redis-0"),
            "called-otherwise": marks("redis-1"),
            "redis-ha-dev-redis-2": marks("redis-2"),
            "redis-ha-dev-redis-3": old,
            "redis-ha-dev-sentinel-9": marks("sentinel-9", kind="sentinel"),
            "another-project": marks("redis-7", project="other"),
        }
    )
    assert removed_volumes(topology(replicas=1)) == ["redis-ha-dev-redis-2", "redis-ha-dev-redis-3"]
    assert removed_volumes(topology(replicas=3)) == []


def test_on_several_hosts_each_is_asked_for_what_it_has(dockers: dict[str | None, Api]) -> None:
    dockers["a"] = Api({"redis-ha-dev-redis-0": marks("redis-0"), "redis-ha-dev-redis-9": marks("redis-9")})
    dockers["c"] = Api({"redis-ha-dev-redis-0": marks("redis-0")})
    found = removed_volumes(topology(hosts=HOSTS))
    assert found == ["redis-ha-dev-redis-9 on host a", "redis-ha-dev-redis-0 on host c"]


def test_of_a_cluster_that_goes_to_several_hosts_what_is_on_this_machine(dockers: dict[str | None, Api]) -> None:
    dockers["a"] = Api({"redis-ha-dev-redis-0": marks("redis-0")})
    dockers[None] = Api({"redis-ha-dev-redis-0": marks("redis-0")})
    assert removed_volumes(topology(hosts=HOSTS)) == ["redis-ha-dev-redis-0"]
    dockers[None] = dockers["a"]  # this machine is one of them
    assert removed_volumes(topology(hosts=HOSTS)) == []


@pytest.mark.parametrize(
    ("image", "running", "refused"),
    [
        ("redis:7.2-alpine", ["8.0.2"], "has Redis 7.2, .* redis-ha-dev-redis-0 has written with Redis 8.0;"),
        ("redis:8.4", ["8.6.1"], "has Redis 8.4"),
        ("redis:7.4-alpine@sha256:" + "a" * 64, ["8.4.0"], None),
        ("redis:8-alpine", ["8.10.0"], None),
        ("redis:7", ["8.6.0"], "has Redis 7, "),
        ("registry.example/redis:8.2", ["8.8.0"], "has Redis 8.2"),
        ("own-redis:7.0", ["8.8.0"], None),
        ("own-redis:1", ["8.8.0"], "own-redis:1: has Redis 7.2"),
        ("redis:8.4", ["8.6.0", "8.4.0"], None),
        ("redis:7.0", [], None),
        ("valkey/valkey:8-alpine", ["7.0.15"], None),
        ("valkey/valkey:8.1", ["7.2.5"], None),
        ("valkey/valkey:8.1", ["8.0.2"], "has Valkey 8.1, .* with Redis 8.0; .* Valkey reads what Redis 7.2 and older"),
        ("valkey/valkey:9", ["8.0.2"], "has Valkey 9, which cannot read .* with Redis 8.0;"),
        ("valkey/valkey:8", ["Valkey 9.0.1"], "has Valkey 8, .* with Valkey 9.0; allowed: a Valkey that is not older"),
        ("valkey/valkey:9", ["Valkey 8.1.1"], None),
        ("redis:8", ["Valkey 8.1.1"], None),
        ("redis:7.0", ["Valkey 8.1.1"], "has Redis 7.0, .* with Valkey 8.1"),
        ("redis:8", ["Valkey 9.0.1"], "has Redis 8, .* with Valkey 9.0"),
        ("redis:7.0", ["Valkey 8.1.1", "7.0.15"], None),
    ],
)
def test_a_redis_that_cannot_read_the_data_is_refused(
    dockers: dict[str | None, Api], image: str, running: list[str], refused: str | None
) -> None:
    dockers[None] = Api({}, *running, **{"own-redis_1": "REDIS_VERSION=7.2.4"})
    if refused is None:
        refuse_older_redis(image, topology(), swarm=False)
        return
    with pytest.raises(pulumi.RunError, match=f"^baseImage: .*{refused}"):
        refuse_older_redis(image, topology(), swarm=False)


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"password": "pw"}, None),
        ({"password": "pw", "systemPassword": "new"}, "systemPassword: redis-ha-dev-redis-0 knows another one"),
        ({"password": "new"}, "password, and with it systemPassword: .* take over .*/redis-ha/dev.json"),
        ({"password": "new", "systemPassword": "new", "otherSystemPassword": "pw"}, None),
    ],
)
def test_a_password_that_no_node_knows_is_refused(
    dockers: dict[str | None, Api], given: dict[str, str], refused: str | None
) -> None:
    """As another user's, who has made passwords of his own: his first node would find nobody who lets it in."""
    dockers[None] = Api({}, "8.0.2")
    settings = parse_settings(given, "dev")
    if refused is None:
        refuse_strange_password(settings, topology(), swarm=False)
        return
    with pytest.raises(pulumi.RunError, match=refused):
        refuse_strange_password(settings, topology(), swarm=False)


def test_versions_by_tag_and_by_configuration() -> None:
    assert of_tag("redis:7.2.5-alpine3.19") == Server("Redis", (7, 2))
    assert of_tag("valkey/valkey:8.1.1-bookworm") == Server("Valkey", (8, 1))
    assert of_config(["VALKEY_VERSION=8.1.4"], {}) == Server("Valkey", (8, 1))
    assert of_tag("redis:alpine") is of_tag("redis-stack:7.2") is of_tag("redis") is None
    url = "REDIS_DOWNLOAD_URL=https://github.com/redis/redis/archive/refs/tags/8.0.2.tar.gz"
    assert of_config([url], {}) == Server("Redis", (8, 0))
    assert of_config(["REDIS_DOWNLOAD_URL=http://download.redis.io/releases/redis-7.2.4.tar.gz"], {}) == Server(
        "Redis", (7, 2)
    )
    assert of_config(["REDIS_VERSION=7.0.15", url], {}) == Server("Redis", (7, 0))
    assert of_config(["PATH=/bin"], {"a": "b"}) is None


def test_what_reads_what() -> None:
    order = [Server("Redis", version) for version in ((7, 0), (7, 2), (7, 4), (8, 6), (8, 8), (8, 10))]
    for i, one in enumerate(order):
        assert [reads(one, other) for other in order] == [j <= i for j in range(len(order))]
    assert reads(Server("Redis", (7, 4)), Server("Redis", (8, 4)))
    old, new = Server("Valkey", (8, 1)), Server("Valkey", (9, 0))
    assert [reads(old, other) for other in order] == [True, True, False, False, False, False]
    assert [reads(new, other) for other in order] == [True, True, False, False, False, False]
    assert [reads(one, old) for one in order] == [False, True, True, True, True, True]
    assert [reads(one, new) for one in order] == [False] * len(order)
    assert reads(new, old)
    assert not reads(old, new)
