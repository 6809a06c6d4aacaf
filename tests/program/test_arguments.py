"""What a program gives the component: plain values and Outputs, and what is said when they are wrong."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import pulumi
import pulumi_docker as docker
import pytest

from redis_ha.docker import clients, joining, looks, there
from redis_ha.resources import component, rollout
from redis_ha.resources.component import RedisHa
from redis_ha.settings.arguments import RedisHaArgs
from redis_ha.settings.model import SHAPE, Settings
from redis_ha.tls import certificates

SECRET = "a-password-of-another-stack"


class Recorder(pulumi.runtime.Mocks):
    """Remembers every resource; outputs are the inputs."""

    def __init__(self) -> None:
        self.found: list[pulumi.runtime.MockResourceArgs] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.found.append(args)
        return f"{args.name}-id", {**args.inputs, "repoDigest": "sha256:1"}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"no invoke is expected, got {args.token}")

    def one(self, name: str, kind: str = "Container") -> dict[str, Any]:
        return next(dict(one.inputs) for one in self.found if one.name == name and one.typ.endswith(f":{kind}"))


@pytest.fixture(params=["redis-ha"])
def mocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    monkeypatch.setattr(joining, "_wait_until_joined_once", lambda node, topology: None)
    monkeypatch.setattr(rollout, "what_is_there", lambda topology: there.UNKNOWN)
    monkeypatch.setattr(rollout.Rollout, "until_joined", lambda *_: None)
    monkeypatch.setattr(component, "look", lambda given, topology: frozenset())
    asyncio.set_event_loop(asyncio.new_event_loop())  # other tests have closed theirs
    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, project=request.param, stack="unit", preview=False)
    yield recorder


def run(program: Callable[[], pulumi.Output[Any] | None]) -> None:
    pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]


def declare(cluster: str = "redis-ha", **arguments: Any) -> RedisHa:
    given: Any = {"password": "plain", **arguments}
    return RedisHa(cluster, given)


def is_secret(value: object) -> bool:
    return isinstance(value, dict) and pulumi.runtime.rpc._special_secret_sig in value.values()


def test_the_arguments_are_the_settings_all_documented() -> None:
    assert RedisHaArgs.__annotations__.keys() == Settings.model_fields.keys()
    assert Settings.model_fields.keys() >= SHAPE
    assert all(field.description for field in Settings.model_fields.values())


def test_a_secret_that_comes_later_hides_itself_and_nothing_else(mocks: Recorder) -> None:
    found: list[Any] = []

    def program() -> pulumi.Output[Any]:
        cluster = declare(password=pulumi.Output.secret(SECRET), redis_config={"hz": 20})
        return pulumi.Output.all(cluster.url, cluster.password).apply(found.extend)

    run(program)
    assert found == [f"redis://:{SECRET}@{found[0].partition('@')[2]}", SECRET]
    plain = {one.name: one.inputs for one in mocks.found}
    mocks.found.clear()
    run(lambda: declare(password=SECRET, redis_config={"hz": 20}).url)
    assert {one.name: one.inputs for one in mocks.found} == plain
    node = mocks.one("redis-ha-redis-0")
    assert not any(is_secret(value) for value in node.values())
    labels = mocks.one("redis-ha-redis-files", "Volume")["labels"]
    assert not any(is_secret(label) for label in labels)
    assert SECRET not in json.dumps(labels)


@pytest.mark.parametrize(
    ("name", "value", "where", "property_"),
    [
        ("restart", "always", "redis-ha-redis-0", "restart"),
        ("resources", {"memory": "128m"}, "redis-ha-redis-0", "memory"),
        ("master_name", "orders", "redis-ha-redis-1", "envs"),
        ("publish", "none", "redis-ha-redis-1", "ports"),
        ("quorum", 3, "redis-ha-sentinel-0", "envs"),
        ("redis_config", {"hz": 20}, "redis-ha-redis-files", "uploads"),
        ("durability", "consistent", "redis-ha-redis-files", "uploads"),
        ("users", {"reports": {"password": "pw", "rules": "+@read"}}, "redis-ha-redis-files", "uploads"),
    ],
)
def test_any_other_setting_may_come_later(mocks: Recorder, name: str, value: Any, where: str, property_: str) -> None:
    run(lambda: declare(**{name: value}).url)
    plain = mocks.one(where)
    mocks.found.clear()
    run(lambda: declare(**{name: cast(Any, pulumi.Output.from_input(value))}).url)
    assert mocks.one(where).get(property_) == plain.get(property_)
    mocks.found.clear()
    run(lambda: declare().url)
    assert mocks.one(where).get(property_) != plain.get(property_)


def test_each_certificate_may_come_later(mocks: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "check_certificates", lambda tls, addresses: None)
    tls = {"ca": "a", "cert": "b", "key": "c", "client_cert": "d", "client_key": "e"}
    run(lambda: declare(tls=tls).client_key)
    plain = {one.name: one.inputs for one in mocks.found}
    for later in (pulumi.Output.from_input(tls), {**tls, "key": pulumi.Output.from_input("c")}):
        mocks.found.clear()
        run(lambda later=later: declare(tls=later).client_key)  # type: ignore[misc]
        assert {one.name: one.inputs for one in mocks.found} == plain


def test_in_a_preview_only_what_depends_on_it_is_unknown(mocks: Recorder) -> None:
    pulumi.runtime.set_mocks(mocks, project="redis-ha", stack="unit", preview=True)
    unknown: pulumi.Output[Any] = pulumi.Output.from_input(cast(Any, pulumi.output.UNKNOWN))
    run(lambda: declare(password=unknown).image)
    node = mocks.one("redis-ha-redis-0")
    uploads = json.dumps(mocks.one("redis-ha-redis-files")["uploads"], default=repr)
    assert "appendonly yes" in uploads
    assert "#" not in uploads, "no password's hash"
    assert "redis_port=16379" in node["envs"]
    assert node["name"] == "redis-ha-unit-redis-0"


def test_a_preview_without_docker_says_what_it_has_not_seen(mocks: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi.runtime.set_mocks(mocks, project="redis-ha", stack="unit", preview=True)
    monkeypatch.setattr(component, "look", looks.look)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    clients.docker_client.cache_clear()
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    run(lambda: declare(endpoint=True).url)
    assert len([one for one in mocks.found if one.typ.endswith(":Container")]) == 10
    assert len(said) == 1
    assert "This preview has not looked at what is there" in said[0]
    mocks.found.clear()
    places = [{"name": f"h{i}", "docker": f"tcp://127.0.0.1:{i}", "address": f"10.0.0.{i}"} for i in (1, 2, 3)]
    run(lambda: declare(hosts=places).url)
    assert len([one for one in mocks.found if one.typ.endswith("providers:docker")]) == 3
    assert "host h1 cannot be reached" in said[1]


def test_what_decides_on_resources_must_be_known(mocks: Recorder) -> None:
    for name, value in {"replicas": 2, "endpoint": True, "ports": {"master": 1000}}.items():
        later = {"master": pulumi.Output.from_input(1000)} if name == "ports" else pulumi.Output.from_input(value)
        with pytest.raises(pulumi.RunError, match=f"{name}: is an Output; allowed: a plain value"):
            run(lambda name=name, later=later: declare(**{name: later}).url)  # type: ignore[misc]


def test_all_that_is_wrong_is_said_at_once_by_the_arguments_names(mocks: Recorder) -> None:
    with pytest.raises(pulumi.RunError) as raised:
        run(lambda: declare("cache", replicas="many", down_after=5, hots=[], password=None).url)
    lines = str(raised.value).splitlines()
    assert lines[0] == "4 wrong arguments of RedisHa 'cache':"
    assert {line.split(":")[0].strip() for line in lines[1:]} == {"replicas", "down_after", "hots", "password"}


def test_a_wrong_value_that_comes_later_is_named_too(mocks: Recorder) -> None:
    with pytest.raises(pulumi.RunError, match=r"down_after: \[secret\]: allowed: "):
        run(lambda: declare(down_after=pulumi.Output.from_input(5)).url)


def test_two_clusters_of_one_program_share_no_name(mocks: Recorder) -> None:
    def program() -> pulumi.Output[Any]:
        first, second = (declare(name, endpoint=True, ports=ports) for name, ports in
                         {"cache": None, "orders": {"master": 1, "replica": 2, "sentinel": 3, "write": 4, "read": 5}}.items())  # fmt: skip  # noqa: E501
        return pulumi.Output.all(first.image, second.image)

    run(program)
    children = [one for one in mocks.found if one.custom]
    assert len({(one.typ, one.name) for one in children}) == len(children)
    assert all(one.name.startswith(("cache-", "orders-")) for one in children)
    for kind, key in {"Container": "name", "Volume": "name", "Network": "name", "Image": "imageName"}.items():
        names = [one.inputs[key] for one in children if one.typ.endswith(f":{kind}") and key in one.inputs]
        assert len(set(names)) == len(names)
    subnets = {one.inputs["ipamConfigs"][0]["subnet"] for one in children if one.typ.endswith(":Network")}
    assert len(subnets) == 2
    for one in children:
        if one.typ.endswith((":Container", ":Volume", ":Network")):
            labels = {entry["label"]: entry["value"] for entry in one.inputs["labels"]}
            expected = ("redis-ha", "unit", one.name.partition("-")[0])
            assert tuple(labels[f"redis-ha.{what}"] for what in ("project", "stack", "name")) == expected


@pytest.mark.parametrize("mocks", ["shop"], indirect=True)
def test_another_projects_stack_of_the_same_name_shares_nothing(mocks: Recorder) -> None:
    run(lambda: declare().url)
    network = mocks.one("redis-ha-network", "Network")
    assert network["name"] == "shop-unit"
    assert not network["ipamConfigs"][0]["subnet"].startswith("10.213.")
    assert mocks.one("redis-ha-image", "Image")["imageName"] == "shop:unit"
    assert mocks.one("redis-ha-redis-0", "Volume")["name"] == "shop-unit-redis-0"


def test_a_name_that_docker_does_not_take_is_refused(mocks: Recorder) -> None:
    with pytest.raises(pulumi.RunError, match="name: 'my cache': allowed: letters"):
        run(lambda: declare("my cache").url)


def test_a_name_that_another_clusters_parts_may_have_is_refused(mocks: Recorder) -> None:
    with pytest.raises(pulumi.RunError, match="name: 'orders-backup': allowed: no -backup, -endpoint, -exporter at it"):
        run(lambda: declare("orders-backup").url)


def test_other_ways_to_name_a_docker_are_refused(mocks: Recorder) -> None:
    pulumi.runtime.set_config("docker:host", "tcp://10.0.0.1:2375")
    try:
        with pytest.raises(pulumi.RunError, match="docker:host: set in the config"):
            run(lambda: declare().url)
    finally:
        pulumi.runtime.set_all_config({})


@pytest.mark.parametrize("swarm", [False, True])
@pytest.mark.parametrize("way", ["provider", "providers", "parent"])
def test_a_provider_among_the_options_is_refused(mocks: Recorder, way: str, swarm: bool) -> None:
    places = [{"name": f"h{i}", "docker": f"tcp://127.0.0.1:{i}", "address": f"10.0.0.{i}"} for i in (1, 2, 3)]
    arguments: Any = {"password": "plain", "hosts": places, "swarm": swarm, "registry": "registry.example"}

    def declared() -> pulumi.Output[str]:
        provider = docker.Provider("elsewhere", host="tcp://10.0.0.1:2375")
        above = pulumi.ComponentResource("x:index:Group", "group", None, pulumi.ResourceOptions(providers=[provider]))
        options = {
            "provider": pulumi.ResourceOptions(provider=provider),
            "providers": pulumi.ResourceOptions(providers={"docker": provider}),
            "parent": pulumi.ResourceOptions(parent=above),
        }
        return RedisHa("redis-ha", arguments, options[way]).url

    with pytest.raises(pulumi.RunError, match="a docker provider among the options of RedisHa is not used"):
        run(declared)
    assert not [one for one in mocks.found if one.typ.endswith((":Container", ":Service", ":Volume"))]
