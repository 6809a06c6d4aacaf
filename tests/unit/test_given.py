"""What a program gives a cluster, as it comes from programs in other languages."""

from redis_ha.settings.given import Given


def test_whole_numbers_may_come_as_floats() -> None:
    """YAML, TypeScript and stack references know no others."""
    given = Given(
        "cache",
        {
            "replicas": 2.0,
            "password": "pw",
            "ports": {"master": 22379.0},
            "redis_config": {"hz": 20.0, "active-defrag-threshold-lower": 12.5},
            "resources": {"cpus": 2.0},
        },
    ).now
    assert given.redis_config == {"hz": "20", "active-defrag-threshold-lower": "12.5"}
    assert (given.replicas, given.ports.master, given.resources.cpus) == (2, 22379, "2.0")
