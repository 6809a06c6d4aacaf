"""The component under Pulumi's mocks: what is declared, in which order, and what is secret."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from clients.redis_ha_client import Place
from redis_ha.docker import joining, there
from redis_ha.plan.acl import (
    backup_password,
    data_node_acl,
    endpoint_password,
    exporter_password,
    internal_password,
    operator_password,
    restore_password,
    sentinel_acl,
)
from redis_ha.plan.directives import redis_directives, sentinel_directives
from redis_ha.resources import component, rollout
from redis_ha.resources.component import RedisHa
from redis_ha.settings.loader import parse_settings
from redis_ha.settings.types import size_in_bytes
from redis_ha.tls import certificates

PASSWORD = "a-password"


class Recorder(pulumi.runtime.Mocks):
    """Remembers every resource; outputs are the inputs."""

    def __init__(self) -> None:
        self.resources: list[pulumi.runtime.MockResourceArgs] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        args.name = args.name.removeprefix("redis-ha-")
        self.resources.append(args)
        computed = {"repoDigest": "sha256:1"} if args.typ == "docker:index/image:Image" else {}
        return f"{args.name}-id", {**args.inputs, **computed}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"no invoke is expected, got {args.token}")

    def of_type(self, name: str) -> list[pulumi.runtime.MockResourceArgs]:
        return [one for one in self.resources if one.typ.endswith(f":{name}")]

    def nodes(self) -> list[pulumi.runtime.MockResourceArgs]:
        """The containers that run."""
        return [one for one in self.of_type("Container") if "-files" not in one.name]

    def carriers(self) -> list[pulumi.runtime.MockResourceArgs]:
        """The containers by which files reach the others: of data nodes, of Sentinels."""
        return [one for one in self.of_type("Container") if "-files" in one.name]


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    # Mocks have no daemon to ask, and Pulumi's mocks run no hooks.
    monkeypatch.setattr(joining, "_wait_until_joined_once", lambda node, topology: None)
    monkeypatch.setattr(rollout, "what_is_there", lambda topology: there.UNKNOWN)
    monkeypatch.setattr(component, "look", lambda given, topology: frozenset())
    monkeypatch.setattr(rollout.Rollout, "until_joined", lambda *_: None)
    monkeypatch.setattr(certificates, "check_certificates", lambda tls, addresses: None)  # these are mere words
    asyncio.set_event_loop(asyncio.new_event_loop())  # other tests have closed theirs
    mocks = Recorder()
    pulumi.runtime.set_mocks(mocks, project="redis-ha", stack="unit", preview=False)
    yield mocks


def deploy(**values: Any) -> dict[str, Any]:
    """Run the component; returns the stack outputs, resolved."""
    found: dict[str, Any] = {}

    @pulumi.runtime.test
    def run() -> pulumi.Output[Any]:
        cluster = RedisHa("redis-ha", {"password": PASSWORD, **values})  # type: ignore[typeddict-item]
        return pulumi.Output.all(**cluster.outputs).apply(found.update)

    run()
    return found


def environment(container: pulumi.runtime.MockResourceArgs) -> dict[str, str]:
    return dict(item.split("=", 1) for item in container.inputs["envs"])


def test_one_container_and_volume_for_each_node(recorder: Recorder) -> None:
    deploy(replicas=2, sentinels=3)
    names = [one.inputs["name"] for one in recorder.nodes()]
    assert names == [
        f"redis-ha-unit-{node}" for node in ("redis-1", "redis-2", "redis-0", "sentinel-0", "sentinel-1", "sentinel-2")
    ]
    assert len(recorder.of_type("Volume")) == 6 + 2
    assert len(recorder.of_type("Network")) == len(recorder.of_type("Image")) == 1


@pytest.mark.parametrize(
    ("others", "where"),
    [
        ({}, "127.0.0.1:16379"),
        ({"ports": {"master": 16391, "replica": 26380, "sentinel": 26381}}, "127.0.0.1:16391"),
        ({"ports": {"master": 26379, "replica": 26380, "sentinel": 26381}}, None),
        ({"publish": "none"}, None),
    ],
)
def test_two_clusters_of_a_program_do_not_share_a_port(
    recorder: Recorder, others: dict[str, Any], where: str | None
) -> None:
    @pulumi.runtime.test
    def run() -> None:
        RedisHa("one", {"password": PASSWORD})
        RedisHa("two", {"password": PASSWORD, **others})  # type: ignore[typeddict-item]

    if where is None:
        run()
        return
    with pytest.raises(pulumi.RunError, match=f"RedisHa 'two': ports: {where} is where 'one' listens already"):
        run()


@pytest.mark.parametrize("asked", [True, False])
def test_data_volumes_are_protected_where_asked_for(recorder: Recorder, asked: bool) -> None:
    protected: dict[str, bool | None] = {}

    def look(args: pulumi.ResourceTransformationArgs) -> None:
        if args.type_.endswith(":Volume") or args.type_.endswith(":Container"):
            protected[f"{args.type_.rpartition(':')[2]} {args.name}"] = args.opts.protect

    @pulumi.runtime.test
    def run() -> pulumi.Output[str]:
        opts = pulumi.ResourceOptions(transformations=[look])
        return RedisHa("redis-ha", {"password": PASSWORD, "protect_data": asked}, opts).url

    run()
    data = {f"Volume redis-ha-redis-{i}" for i in range(3)}
    assert {name for name, value in protected.items() if value} == (data if asked else set())
    assert {value for name, value in protected.items() if name not in data or not asked} == {None}


def test_roles_ports_and_addresses_reach_the_containers(recorder: Recorder) -> None:
    deploy(subnet="10.1.2.0/24")
    by_name = {one.name: one for one in recorder.of_type("Container")}
    assert by_name["redis-0"].inputs["command"] == ["master"]
    assert by_name["redis-1"].inputs["command"] == ["replica"]
    assert by_name["sentinel-0"].inputs["command"] == ["sentinel"]
    replica = environment(by_name["redis-1"])
    assert (replica["redis_port"], replica["master_port"]) == ("16380", "16379")
    assert replica["master_address"] == "10.1.2.10"
    assert environment(by_name["sentinel-1"])["sentinel_port"] == "16391"
    assert by_name["redis-1"].inputs["ports"] == [{"internal": 16380, "external": 16380, "ip": "127.0.0.1"}]


def test_data_nodes_are_told_the_same_however_many_there_are(recorder: Recorder) -> None:
    deploy(replicas=1, sentinels=1)
    before = {one.name: one.inputs for one in recorder.of_type("Container")}
    recorder.resources.clear()
    deploy(replicas=5, sentinels=5)
    after = {one.name: one.inputs for one in recorder.of_type("Container")}
    assert after["redis-0"] == before["redis-0"]
    assert after["redis-1"] == before["redis-1"]
    assert after["sentinel-0"] != before["sentinel-0"]


def test_everything_carries_the_labels(recorder: Recorder) -> None:
    deploy()
    for kind in ("Container", "Volume", "Network"):
        for one in recorder.of_type(kind):
            labels = {entry["label"]: entry["value"] for entry in one.inputs["labels"]}
            assert labels["redis-ha.stack"] == "unit"
            of_node = kind != "Network" and not one.name.endswith("files")
            assert labels["redis-ha.kind"] == (
                one.name.split("-")[0] if of_node else "network" if kind == "Network" else "files"
            )
            assert labels.get("redis-ha.node") == (one.name if of_node else None)


def test_the_password_is_in_no_environment_label_or_directive(recorder: Recorder) -> None:
    deploy()
    for one in (*recorder.of_type("Container"), *recorder.of_type("Volume")):
        visible = {key: value for key, value in one.inputs.items() if key != "uploads"}
        assert PASSWORD not in json.dumps(visible, default=str)
    for one in recorder.carriers():
        assert pulumi.runtime.rpc._special_secret_sig in one.inputs["uploads"].values()
        # users.acl has hashes only, and the internal password is another one
        assert PASSWORD not in json.dumps(one.inputs["uploads"], default=str)


def test_outputs_are_the_contract(recorder: Recorder) -> None:
    found = deploy(subnet="10.1.2.0/24", replicas=1)
    assert found["master_name"] == "mymaster"
    assert found["nodes"] == [
        {
            "name": "redis-0",
            "host": "10.1.2.10",
            "port": 16379,
            "container": "redis-ha-unit-redis-0",
        },
        {
            "name": "redis-1",
            "host": "10.1.2.11",
            "port": 16380,
            "container": "redis-ha-unit-redis-1",
        },
    ]
    assert found["sentinels"] == ["10.1.2.130:16381", "10.1.2.131:16391", "10.1.2.132:16401"]
    assert (found["image"], found["password"]) == ("sha256:1", PASSWORD)
    assert found["url"] == "redis://:a-password@10.1.2.10:16379/0"
    sentinels = "10.1.2.130:16381,10.1.2.131:16391,10.1.2.132:16401"
    assert found["sentinel_url"] == f"redis+sentinel://:a-password@{sentinels}/mymaster"
    assert Place.of(found["sentinel_url"]).password == PASSWORD


def test_host_network_publishes_nothing(recorder: Recorder) -> None:
    deploy(network="host")
    assert not recorder.of_type("Network")
    for one in recorder.nodes():
        assert one.inputs["networkMode"] == "host"
        assert "ports" not in one.inputs


def test_limits_and_durability(recorder: Recorder) -> None:
    deploy(resources={"memory": "100m"}, durability="consistent", redisConfig={"hz": 20})
    node = next(one for one in recorder.of_type("Container") if one.name == "redis-0")
    assert node.inputs["memory"] == node.inputs["memorySwap"] == 100
    carrier = next(one for one in recorder.carriers() if one.name == "redis-files")
    uploads = carrier.inputs["uploads"]["value"]  # a secret, so wrapped
    directives = next(one["content"] for one in uploads if one["file"].endswith("directives.conf"))
    assert "maxmemory 29185365\n" in directives
    assert "min-replicas-to-write 1\n" in directives
    assert "hz 20\n" in directives


SILENT_BYTES = 17_280  # a client that has said nothing, by Redis' own CLIENT LIST


def test_small_memory_has_room_for_clients_and_replicas() -> None:
    settings = parse_settings({"password": PASSWORD, "resources": {"memory": "100m"}}, "unit")
    lines = [line.split() for line in redis_directives(settings).splitlines()]
    found = {" ".join(words[:2]): words[2:] for words in lines}
    replica = int(found["client-output-buffer-limit replica"][0])
    assert replica == 10 * 1024**2
    assert int(dict(line[:2] for line in lines)["repl-backlog-size"]) <= replica
    assert dict(line[:2] for line in lines)["maxclients"] == "250"
    large = redis_directives(parse_settings({"password": PASSWORD, "resources": {"memory": "4g"}}, "unit"))
    assert "maxclients 10000\n" in large
    assert f"maxmemory {int((4096 - 32 - 16 - 2 * 256) * 1024**2 / 1.5)}\n" in large
    assert f"repl-backlog-size {16 * 1024**2}\n" in large


@pytest.mark.parametrize(
    "given",
    [{"maxMemory": "32mb"}, {"maxMemory": "1gb"}, *({"resources": {"memory": one}} for one in ("96m", "128m", "1g"))],
)
def test_clients_that_never_log_in_have_no_other_evicted(given: dict[str, Any]) -> None:
    """As many as there are places for fit into what all clients may take: the busiest would be the first to go."""
    lines = redis_directives(parse_settings({"password": PASSWORD, **given}, "unit")).splitlines()
    found = {name: int(value) for name, value in (line.split()[:2] for line in lines) if value.isdigit()}
    assert found["maxclients"] * SILENT_BYTES < found["maxmemory"] * 0.2 * 0.8


@pytest.mark.parametrize("memory", ["96m", "128m", "200m", "512m", "1g", "4g", "64g"])
def test_everything_fits_into_the_memory_at_the_same_time(memory: str) -> None:
    """A full replica that copies everything anew: its data, the backlog, what came in meanwhile, and that once more."""
    settings = parse_settings({"password": PASSWORD, "resources": {"memory": memory}}, "unit")
    lines = [line.split() for line in redis_directives(settings).splitlines()]
    single = dict(line[:2] for line in lines)
    replica = next(int(line[2]) for line in lines if line[:2] == ["client-output-buffer-limit", "replica"])
    needed = int(single["maxmemory"]) * 1.5 + int(single["repl-backlog-size"]) + 2 * replica + 32 * 1024**2
    assert needed <= size_in_bytes(memory)
    assert int(single["maxmemory"]) > size_in_bytes(memory) / 4


def test_sentinels_have_a_memory_limit_and_clients_that_fit(recorder: Recorder) -> None:
    deploy(resources={"sentinelMemory": "64m"})
    sentinel = next(one for one in recorder.nodes() if one.name == "sentinel-0")
    assert sentinel.inputs["memory"] == sentinel.inputs["memorySwap"] == 64
    assert "cpus" not in sentinel.inputs
    assert "memory" not in next(one for one in recorder.nodes() if one.name == "redis-0").inputs
    settings = parse_settings({"password": PASSWORD, "resources": {"sentinelMemory": "64m"}}, "unit")
    assert "maxclients 1638\n" in sentinel_directives(settings)


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"memory": "64m"}, "resources.memory: '64m': allowed: 96m and up"),
        ({"sentinelMemory": "16m"}, "resources.sentinelMemory: '16m': allowed: 48m and up"),
        ({"sentinelMemory": "much"}, "resources.sentinelMemory: 'much': allowed: a size such as 256mb or 1g"),
    ],
)
def test_too_little_memory_is_refused(resources: dict[str, str], expected: str) -> None:
    with pytest.raises(pulumi.RunError, match=expected):
        parse_settings({"password": PASSWORD, "resources": resources}, "unit")


def test_another_system_password_is_accepted_but_not_used() -> None:
    given = {"password": PASSWORD, "systemPassword": "old"}
    internal = internal_password(PASSWORD, "old")
    following = [
        internal_password(PASSWORD, "new"),
        endpoint_password(PASSWORD, "new"),
        exporter_password(PASSWORD, "new"),
        backup_password(PASSWORD, "new"),
        restore_password(PASSWORD, "new"),
        operator_password(PASSWORD, "new"),
    ]
    for acl in (data_node_acl, sentinel_acl):
        before = acl(parse_settings(given, "unit"), internal)
        during = acl(parse_settings({**given, "otherSystemPassword": "new"}, "unit"), internal)
        accepted = [f"#{hashlib.sha256(one.encode()).hexdigest()}" for one in following]
        assert " ".join(word for word in during.split(" ") if word not in accepted) == before
        users = [line.split()[1] for line in during.splitlines() if any(one in line for one in accepted)]
        assert users == [line.split()[1] for line in before.splitlines()][1:]


def test_without_a_memory_limit_the_templates_limits_hold() -> None:
    assert "maxclients" not in redis_directives(parse_settings({"password": PASSWORD}, "unit"))


def test_tls_adds_files_and_outputs_and_changes_nothing_without(recorder: Recorder) -> None:
    plain = deploy(subnet="10.1.2.0/24", replicas=0, sentinels=1)
    before = {one.name: one.inputs for one in recorder.carriers()}
    recorder.resources.clear()
    given = {"ca": "ca text", "cert": "cert text", "key": "key text", "caKey": "never uploaded"}
    found = deploy(subnet="10.1.2.0/24", replicas=0, sentinels=1, tls=given)
    assert {"tls", "ca", "client_cert", "client_key"} & plain.keys() == set()
    assert {"client_cert", "client_key"} & found.keys() == set()
    with_client = deploy(tls={**given, "clientCert": "client text", "clientKey": "client key text"})
    assert (with_client["client_cert"], with_client["client_key"]) == ("client text\n", "client key text\n")
    assert "client key text" not in json.dumps([one.inputs for one in recorder.of_type("Container")], default=str)
    recorder.resources.clear()
    deploy(subnet="10.1.2.0/24", replicas=0, sentinels=1, tls=given)
    assert (found["tls"], found["ca"]) == (True, "ca text\n")
    assert found["url"].startswith("rediss://")
    assert found["sentinel_url"].startswith("rediss+sentinel://")
    for one in recorder.carriers():
        files = [upload["file"].rpartition("/")[2] for upload in one.inputs["uploads"]["value"]]
        assert files[3:] == ["tls-ca.crt", "tls.crt", "tls.key"]
        assert [u["file"].rpartition("/")[2] for u in before[one.name]["uploads"]["value"]] == files[:3]
    for one in recorder.of_type("Container"):
        assert "never uploaded" not in json.dumps(one.inputs, default=str)
        visible = {key: value for key, value in one.inputs.items() if key != "uploads"}
        assert "key text" not in json.dumps(visible, default=str)


def test_nodes_cannot_write_to_their_files_nor_to_the_image(recorder: Recorder) -> None:
    deploy()
    for one in recorder.nodes():
        assert one.inputs["readOnly"] is True
        assert "uploads" not in one.inputs
        data, files = one.inputs["volumes"]
        assert (data["containerPath"], data.get("readOnly")) == ("/data", None)
        assert (files["containerPath"], files["readOnly"]) == ("/etc/redis-ha/node", True)
    for one in recorder.carriers():
        assert one.inputs["start"] is one.inputs["mustRun"] is False


@pytest.mark.parametrize(
    ("changed", "kinds"),
    [
        ({"password": "another"}, {"redis", "sentinel"}),
        ({"redisConfig": {"hz": 20}}, {"redis"}),
        ({"sentinelConfig": {"loglevel": "debug"}}, {"sentinel"}),
        ({"users": {"reports": {"password": "theirs", "rules": "+@read"}}}, {"redis"}),
        ({"restart": "always"}, set()),
    ],
)
def test_a_changed_file_makes_another_volume_for_those_who_read_it(
    recorder: Recorder, changed: dict[str, Any], kinds: set[str]
) -> None:
    def marks() -> dict[str, str]:
        return {
            one.name.split("-")[-2]: {label["label"]: label["value"] for label in one.inputs["labels"]}[
                "redis-ha.files"
            ]
            for one in recorder.of_type("Volume")
            if one.name.endswith("-files")
        }

    deploy(systemPassword="system")
    before = marks()
    recorder.resources.clear()
    deploy(systemPassword="system", **changed)
    assert {kind for kind, mark in marks().items() if mark != before[kind]} == kinds
