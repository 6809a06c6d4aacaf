"""Settings -> nodes: addresses and ports as in the source document, and stable when scaling."""

import ipaddress
from typing import Any

import pytest

from redis_ha.plan.identity import BESIDE, Identity
from redis_ha.plan.layout import TopologyError, plan, strangers_range
from redis_ha.plan.topology import Topology
from redis_ha.settings.fields import MAX_PER_ROLE
from redis_ha.settings.loader import parse_settings


def topology(**values: Any) -> Topology:
    return plan(parse_settings({"password": "pw", **values}, "dev"), Identity("redis-ha", "dev"))


def test_ports_of_the_source_document() -> None:
    found = topology(replicas=3)
    assert [node.port for node in found.data_nodes] == [16379, 16380, 16390, 16400]
    assert [node.port for node in found.sentinels] == [16381, 16391, 16401]


def test_roll_out_order_ends_with_the_master_then_the_sentinels() -> None:
    names = [node.name for node in topology().rollout_order]
    assert names == ["redis-1", "redis-2", "redis-0", "sentinel-0", "sentinel-1", "sentinel-2"]


@pytest.mark.parametrize("network", ["bridge", "host"])
def test_scaling_moves_nobody_and_keeps_what_data_nodes_are_told(network: str) -> None:
    small = topology(network=network, replicas=1, sentinels=1)
    large = topology(network=network, replicas=9, sentinels=7)
    assert large.data_nodes[:2] == small.data_nodes
    assert large.sentinels[:1] == small.sentinels
    assert large.sentinel_slots == small.sentinel_slots


def test_every_node_has_an_endpoint_of_its_own() -> None:
    for network in ("bridge", "host"):
        found = topology(network=network, replicas=30, sentinels=9)
        endpoints = [node.endpoint for node in (*found.data_nodes, *found.sentinels)]
        assert len(set(endpoints)) == len(endpoints)


def test_announced_addresses() -> None:
    assert topology(network="host").master.address == "127.0.0.1"
    assert topology(network="host", advertise="192.0.2.7").master.address == "192.0.2.7"
    bridged = topology(subnet="10.1.2.0/24").master
    assert (bridged.address, bridged.fixed_address) == ("10.1.2.10", "10.1.2.10")
    advertised = topology(subnet="10.1.2.0/24", advertise="192.0.2.7").master
    assert (advertised.address, advertised.fixed_address) == ("192.0.2.7", "10.1.2.10")


@pytest.mark.parametrize(
    ("ports", "word"),
    [
        ({"master": 7000, "replica": 7000}, "redis-0, redis-1 would share 7000"),
        ({"replica": 7000, "sentinel": 7010}, "redis-2, sentinel-0 would share 7010"),
        ({"sentinel": 65530}, "sentinel-1 would get 65540"),
    ],
)
def test_impossible_ports_are_refused(ports: dict[str, int], word: str) -> None:
    with pytest.raises(TopologyError, match=word):
        topology(ports=ports)


def test_sentinel_ids_are_fixed_and_distinct() -> None:
    found = topology()
    ids = [found.sentinel_id(sentinel) for sentinel in found.sentinels]
    assert ids == [topology().sentinel_id(sentinel) for sentinel in topology().sentinels]
    assert len(set(ids)) == 3
    assert all(len(one) == 40 for one in ids)


def test_stacks_do_not_share_a_default_subnet() -> None:
    subnets = {Identity("redis-ha", stack).subnet(None) for stack in ("dev", "staging", "prod", "test")}
    assert len(subnets) == 4


def test_strangers_get_no_address_that_a_node_may_have() -> None:
    found = topology(replicas=MAX_PER_ROLE - 1, sentinels=MAX_PER_ROLE, endpoint=True)
    assert found.subnet is not None
    strangers = ipaddress.IPv4Network(strangers_range(found.subnet))
    assert not [address for address in found.addresses if ipaddress.IPv4Address(address) in strangers]
    assert strangers.subnet_of(found.subnet)


def test_no_two_clusters_share_an_image_or_a_key() -> None:
    """Of one program, or of several with stacks of the same name on one Docker; nor with what stands beside another."""
    clusters = [
        ("redis-ha", "redis-ha"),
        ("redis-ha", "shop"),
        ("redis-ha", "backup"),
        ("shop", "redis-ha"),
        ("shop", "cache"),
        ("shop", "Cache"),
        ("shop", "cache_backup"),
        ("shop", "cache.Backup"),
        ("shop-cache", "redis-ha"),
        ("shop.cache", "redis-ha"),
        ("shop-endpoint", "redis-ha"),
        ("redis-ha-exporter", "redis-ha"),
    ]
    found = [Identity(project, "dev", name) for project, name in clusters]
    images = [f"{one.repository}{suffix}" for one in found for suffix in ("", *BESIDE)]
    assert len(set(images)) == len(images), "two of them would be one image"
    assert len({one.key for one in found}) == len(found)
    assert (found[0].repository, found[4].repository) == ("redis-ha", "shop.cache")
