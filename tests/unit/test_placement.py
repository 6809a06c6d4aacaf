"""Placement over hosts: what holds for every list of hosts, whatever its length and labels."""

import time
from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_ha.plan.identity import Identity
from redis_ha.plan.layout import plan
from redis_ha.plan.placement import (
    FEWEST_HOSTS,
    PlacementError,
    Seat,
    check_sentinels,
    place_data_nodes,
    place_sentinels,
)
from redis_ha.settings.loader import parse_settings


@dataclass(frozen=True)
class Place:
    zone: str = ""
    rack: str = ""
    drain: bool = False


zones = st.sampled_from(["", "z1", "z2", "z3"])
labelled = st.lists(st.builds(Place, zone=zones), min_size=1, max_size=12)
bare = st.lists(st.just(Place()), min_size=1, max_size=12)
counts = st.integers(1, 15)


def hosts_of(seats: list[Seat]) -> list[int]:
    return [seat.host for seat in seats]


def spread(values: list[int]) -> int:
    return max(values) - min(values)


@given(labelled, counts)
def test_data_nodes_are_even_over_zones_and_within_each(hosts: list[Place], count: int) -> None:
    per_host = Counter(hosts_of(place_data_nodes(hosts, count)))
    per_zone = Counter(hosts[seat.host].zone for seat in place_data_nodes(hosts, count))
    assert spread([per_zone[host.zone] for host in hosts]) <= 1
    for zone in {host.zone for host in hosts}:
        assert spread([per_host[index] for index, host in enumerate(hosts) if host.zone == zone]) <= 1


@given(st.lists(st.builds(Place, zone=zones, rack=st.sampled_from(["", "r1", "r2"])), min_size=1, max_size=12), counts)
def test_racks_come_after_zones(hosts: list[Place], count: int) -> None:
    per_rack = Counter((hosts[seat.host].zone, hosts[seat.host].rack) for seat in place_data_nodes(hosts, count))
    for zone in {host.zone for host in hosts}:
        assert spread([per_rack[(zone, host.rack)] for host in hosts if host.zone == zone]) <= 1


@given(bare, counts)
def test_the_bootstrap_master_is_apart_where_the_spread_allows_it(hosts: list[Place], count: int) -> None:
    seats = hosts_of(place_data_nodes(hosts, count))
    assert Counter(seats)[seats[0]] == max(count // len(hosts), 1)


@given(labelled, st.integers(1, 9), st.data())
def test_sentinels_never_share_a_host_if_they_need_not(hosts: list[Place], count: int, data: st.DataObject) -> None:
    drained = data.draw(st.sets(st.integers(0, len(hosts) - 1), max_size=len(hosts) - 1))
    hosts = [replace(host, drain=index in drained) for index, host in enumerate(hosts)]
    seats = hosts_of(place_sentinels(hosts, count, hard=True))
    usable = len(hosts) - len(drained)
    if count <= usable:
        check_sentinels(hosts, count)
        assert len(set(seats)) == count
    else:
        with pytest.raises(PlacementError, match=f"each of the {count} needs a host of its own.*has {usable}"):
            check_sentinels(hosts, count)
    assert not drained & set(seats)


@given(labelled, counts, st.integers(1, 9))
def test_scaling_moves_nobody(hosts: list[Place], count: int, sentinels: int) -> None:
    assert place_data_nodes(hosts, count + 1)[:count] == place_data_nodes(hosts, count)
    assert place_sentinels(hosts, sentinels + 1, True)[:sentinels] == place_sentinels(hosts, sentinels, True)


@given(st.integers(1, 11), counts)
def test_a_host_that_is_appended_takes_nodes_and_no_other_gets_any(hosts: int, count: int) -> None:
    """Up to some 6 nodes; with more, the even spread (for any number of nodes) can ask for moves between the others."""
    before = place_data_nodes([Place()] * hosts, count)
    after = place_data_nodes([Place()] * (hosts + 1), count)
    assert hosts_of(after).count(hosts) <= -(-count // (hosts + 1))
    if count <= max(6, hosts):
        assert all(old.host == new.host for old, new in zip(before, after, strict=True) if new.host != hosts)


@given(labelled, counts, st.data())
def test_only_the_nodes_of_drained_hosts_move(hosts: list[Place], count: int, data: st.DataObject) -> None:
    out = data.draw(st.integers(0, len(hosts) - 1))
    drained = [replace(host, drain=index == out) for index, host in enumerate(hosts)]
    if len(hosts) == 1:
        return
    for before, after in (
        (place_data_nodes(hosts, count), place_data_nodes(drained, count)),
        (place_sentinels(hosts, count, False), place_sentinels(drained, count, False)),
    ):
        assert all(old == new for old, new in zip(before, after, strict=True) if old.host != out)
        assert out not in hosts_of(after)


@given(labelled, counts)
def test_placement_is_a_function_and_no_two_nodes_share_a_port(hosts: list[Place], count: int) -> None:
    seats = place_data_nodes(hosts, count)
    assert seats == place_data_nodes(list(hosts), count)
    assert len(set(seats[1:])) == count - 1  # the master has a port of its own
    sentinels = place_sentinels(hosts, count, False)
    assert len(set(sentinels)) == count


def test_a_host_in_anothers_place_takes_over_its_nodes() -> None:
    before = place_data_nodes([Place("z1"), Place("z2"), Place("z3")], 5)
    assert place_data_nodes([Place("z1"), Place("z2", "new"), Place("z3")], 5) == before


@given(st.integers(FEWEST_HOSTS, 10), counts)
def test_a_node_that_stays_keeps_its_port(hosts: int, count: int) -> None:
    before = place_data_nodes([Place()] * hosts, count)
    after = place_data_nodes([Place()] * (hosts + 1), count)
    assert all(old.slot == new.slot for old, new in zip(before, after, strict=True) if old.host == new.host)


def test_a_port_does_not_shift_when_a_lower_one_gets_free() -> None:
    assert place_data_nodes([Place()] * 3, 10)[9] == place_data_nodes([Place()] * 4, 10)[9] == Seat(2, 3)
    assert Seat(2, 2) not in place_data_nodes([Place()] * 4, 10)


def test_two_hundred_clusters_on_a_hundred_hosts_in_seconds() -> None:
    """A simulation: placement and the order of the roll-out, from the settings on."""
    hosts = [
        {"name": f"h{i}", "docker": f"ssh://h{i}", "address": f"10.0.0.{i + 1}", "labels": {"zone": f"z{i % 3}"}}
        for i in range(100)
    ]
    settings = parse_settings({"password": "pw", "replicas": 4, "hosts": hosts}, "dev")
    began = time.monotonic()
    for number in range(200):
        topology = plan(settings, Identity("redis-ha", f"cluster{number}"))
        order = topology.rollout_order
        assert [node.kind for node in order] == ["redis"] * 5 + ["sentinel"] * 3
        assert order[4].role == "master"
        assert len({node.host for node in topology.data_nodes}) == 5
        assert len({node.host.zone for node in topology.sentinels if node.host}) == 3
    assert time.monotonic() - began < 12
