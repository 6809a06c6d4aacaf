"""Settings: defaults, conversions, and every wrong value named with what is allowed."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from redis_ha.settings.loader import parse_settings
from redis_ha.settings.model import Settings
from redis_ha.settings.profiles import PROFILES


def settings(**values: Any) -> Settings:
    return parse_settings({"password": "pw", **values}, "dev")


def refusal(**values: Any) -> list[str]:
    with pytest.raises(pulumi.RunError) as caught:
        settings(**values)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def test_defaults_are_the_source_documents_cluster() -> None:
    found = settings()
    assert (found.replicas, found.sentinels, found.effective_quorum) == (2, 3, 2)
    assert (found.ports.master, found.ports.replica, found.ports.sentinel) == (16379, 16380, 16381)
    assert found.warnings() == []


@pytest.mark.parametrize("profile", ["fast", "balanced", "patient"])
def test_a_profile_sets_the_times_and_an_explicit_setting_wins(profile: str) -> None:
    chosen = settings(profile=profile)
    assert chosen.timing == PROFILES[chosen.profile]
    assert settings(profile=profile, downAfter=777).timing == replace(chosen.timing, down_after=777)
    assert settings(profile=profile, failoverTimeout="4000").timing.failover_timeout == 4000
    # As the Pulumi CLI hands over a default that is not set.
    assert settings(profile=profile, downAfter="").timing == chosen.timing


def test_profiles_get_slower_and_their_periods_fit_sentinels_rules() -> None:
    assert settings().timing == PROFILES["balanced"]
    times = [PROFILES[name].down_after for name in ("fast", "balanced", "patient")]
    assert times == sorted(set(times))
    for profile in PROFILES.values():
        ping, info = profile.ping_period or 1000, profile.info_period or 10_000
        assert ping < profile.down_after
        # A replica can be promoted for five ping periods after its last INFO, which comes once a second in a failover.
        assert 5 * ping >= 1500
        assert profile.ping_period is None or info < 5 * ping
    assert PROFILES["fast"].periods == "tilt-period 3000 ping-period 300 info-period 500"
    words = "tilt-period 3000 ping-period 300 info-period 500 min-link-reconnect-period 500"
    assert PROFILES["balanced"].periods == words
    assert PROFILES["patient"].periods == "tilt-period 3000"


def test_texts_as_pulumi_hands_them_over() -> None:
    found = settings(replicas="4", appendOnly="false", ports='{"master": 7000}', quorum="")
    assert (found.replicas, found.append_only, found.ports.master) == (4, False, 7000)
    assert found.quorum is None


def test_slave_is_accepted_for_replica() -> None:
    assert settings(ports={"slave": 7001}).ports.replica == 7001


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"replicas": "two"}, "replicas: 'two': allowed: a valid integer"),
        ({"replicas": "-1"}, "replicas: '-1': allowed: greater than or equal to 0"),
        ({"sentinels": 0}, "sentinels: 0: allowed: greater than or equal to 1"),
        ({"quorum": 4}, "quorum: 4 is more than the 3 Sentinels; allowed: 1 to 3"),
        ({"quorum": 0}, "quorum: 0: allowed: greater than or equal to 1"),
        ({"replica": 3}, "replica: unknown setting; did you mean replicas?"),
        ({"ports": {"mastr": 1}}, "ports.mastr: unknown setting; did you mean master?"),
        ({"ports": {"master": 70000}}, "ports.master: 70000: allowed: less than or equal to 65535"),
        ({"ports": "{bad"}, "ports: '{bad': allowed: an object, or its JSON text"),
        ({"network": "overlay"}, "network: 'overlay': allowed: 'bridge' or 'host'"),
        ({"subnet": "10.0.0.0/8"}, "subnet: '10.0.0.0/8': allowed: a private IPv4 subnet"),
        ({"advertise": "example"}, "advertise: 'example': allowed: an IPv4 address"),
        ({"timeZone": "Mars"}, "timeZone: 'Mars': allowed: an IANA time zone"),
        ({"maxMemory": "lots"}, "maxMemory: 'lots': allowed: a size"),
        ({"profile": "quick"}, "profile: 'quick': allowed: 'fast', 'balanced' or 'patient'"),
        ({"downAfter": 10}, "downAfter: 10: allowed: greater than or equal to 200"),
        ({"durability": "strict"}, "durability: 'strict': allowed: 'available' or 'consistent'"),
        ({"notify": {"url": "ftp://secret"}}, "notify.url: [secret]: allowed: http://HOST"),
        ({"notify": {"url": "http://:80/secret"}}, "notify.url: [secret]: allowed: http://HOST"),
        ({"notify": {"url": "http://h/", "events": ["all"]}}, "notify.events.0: [secret]: allowed: 'failover', "),
        ({"notify": '{"url": "http://h/", "events": []}'}, "notify.events: [secret]: allowed: one or more of"),
        ({"previousPassword": "old"}, "previousPassword: needs systemPassword"),
        ({"durability": "consistent", "replicas": 0}, "durability: 'consistent' needs replicas"),
        ({"redisConfig": {"port": 1}}, "redisConfig: {'port': 1}: port is set by this project"),
        ({"sentinelConfig": {"sentinel": "a\nb"}}, "sentinelConfig: {'sentinel': 'a\\nb'}: the"),
        ({"users": {"default": {"password": "x", "rules": ""}}}, "users: [secret]: 'default' can"),
        (
            {"users": {"a": {"password": "x", "rules": "allchannels"}}},
            "users.a.rules: [secret]: 'a",
        ),
        *(
            (
                {"users": {"a": {"password": "x", "rules": f"~* {rule}"}}},
                f"users.a.rules: [secret]: '{rule}' would reach",
            )
            for rule in ("&*", "&_*", "&__sentinel__:hello", "&[^a]*", "(&*hello)", "&?_sentinel__*")
        ),
        ({"users": {"a": {"password": "x", "rules": ">pw"}}}, "users.a.rules: [secret]: '>pw' is"),
        (
            {"maxMemory": "1g", "resources": {"memory": "512m"}},
            "maxMemory: 1g leaves no room in the container's 512m",
        ),
    ],
)
def test_wrong_values_are_named(values: dict[str, Any], expected: str) -> None:
    lines = refusal(**values)
    assert len(lines) == 1
    assert lines[0].startswith(expected)


def test_all_errors_at_once() -> None:
    assert len(refusal(replicas="x", sentinels="y", network="z", nonsense="1")) == 4


def test_missing_password_says_how_to_set_it() -> None:
    with pytest.raises(pulumi.RunError, match="config set --secret password --stack prod"):
        parse_settings({}, "prod")


def test_a_refused_password_is_not_shown() -> None:
    (line,) = refusal(password="two words")
    assert "two words" not in line
    assert "[secret]" in line


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"sentinels": 2}, "odd number"),
        ({"sentinels": 4}, "odd number"),
        ({"sentinels": 1}, "3 or more"),
        ({"sentinels": 5, "quorum": 2}, "less than a majority"),
        ({"downAfter": 300}, "several failovers"),
        ({"replicas": 0}, "nothing can take over"),
    ],
)
def test_unusual_values_are_warned_of(values: dict[str, Any], word: str) -> None:
    assert any(word in warning for warning in settings(**values).warnings())


@pytest.mark.parametrize("image", ["redis:6-alpine", "docker.io/library/redis:5.0.14", "redis:6.2@sha256:" + 64 * "0"])
def test_a_redis_that_is_too_old_is_refused_before_anything_is_changed(image: str) -> None:
    with pytest.raises(pulumi.RunError, match=r"baseImage: .*allowed: Redis 7\.0 and up"):
        parse_settings({"password": "pw", "baseImage": image}, "dev")


@pytest.mark.parametrize(
    "image", ["redis:7.0", "redis:8-alpine", "redis:latest", "registry.example:5000/own:1", "valkey/valkey:8"]
)
def test_other_base_images_are_not_judged_by_their_tags(image: str) -> None:
    assert parse_settings({"password": "pw", "baseImage": image}, "dev").base_image == image
