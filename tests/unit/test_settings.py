"""Settings: defaults, conversions, and every wrong value named with what is allowed."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from agent.watch.messages import CHANNEL
from redis_ha.plan.directives import redis_directives
from redis_ha.settings.channels import OWN_CHANNELS
from redis_ha.settings.loader import config_arguments, parse_settings
from redis_ha.settings.memory import fitting_max_memory
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
        *(
            ({"redisConfig": {name: "x"}}, f"redisConfig: {{'{name}': 'x'}}: {name} is set by this project")
            for name in ("appendfilename", "appenddirname", "cluster-enabled")
        ),
        (
            {"sentinelConfig": {"sentinel": "monitor a b 1 1"}},
            "sentinelConfig: {'sentinel': 'monitor a b 1 1'}: sentinel is set by this project",
        ),
        ({"sentinelConfig": {"sentinel": "a\nb"}}, "sentinelConfig: {'sentinel': 'a\\nb'}: the"),
        *(
            ({"redisConfig": {"save": text}}, f"redisConfig: {{'save': {text!r}}}: the value of save is empty or has")
            for text in ("", "1\n", "1\x0bport 1", "1\x85port 1", "1\u2028port 1", "1\x1c")
        ),
        *(
            (
                {"redisConfig": {"save": value}},
                f"redisConfig: {{'save': {value!r}}}: the value of save: allowed: a text",
            )
            for value in (None, ["900", "1"], {"900": 1})
        ),
        *(
            (
                {"redisConfig": {"databases": value}},
                f"redisConfig: {{'databases': {value!r}}}: databases: allowed: a whole number",
            )
            for value in ("abc", 0, -1, 1.5, True, "1_6", "9" * 5000)
        ),
        ({"users": {"default": {"password": "x", "rules": ""}}}, "users: [secret]: 'default' can"),
        (
            {"users": {"a": {"password": "x", "rules": "allchannels"}}},
            "users.a.rules: [secret]: 'a",
        ),
        *(
            (
                {"users": {"a": {"password": "x", "rules": f"~* {rule}"}}},
                f"users.a.rules: [secret]: {rule!r} would reach",
            )
            for rule in (
                *("&*", "&_*", "&__sentinel__:hello", "&[^a]*", "(&*hello)", "&?_sentinel__*", "ALLCHANNELS"),
                *("(AllChannels)", r"&[\^_]*", "&[!_]*", "&__redis-ha__", "&__redis?ha__", r"&\_\_redis-ha__"),
                *("&[^-^]*", "&[a-Z]*", "&__redis-ha_[a-)", "(&__redis-ha_[_)", "&*[^", "&[ä-a]_*"),
            )
        ),
        *(
            (
                {"users": {"a": {"password": "x", "rules": f"~* {rule}"}}},
                f"users.a.rules: [secret]: '{rule}' is about login",
            )
            for rule in ("nopass", "NOPASS", "NoPass", "Reset", "ON")
        ),
        (
            {"users": {"a": {"password": "x", "rules": "~* +restore SKIP-Sanitize-Payload"}}},
            "users.a.rules: [secret]: 'SKIP-Sanitize-Payload' would let RESTORE take",
        ),
        ({"users": {"a": {"password": "x", "rules": ">pw"}}}, "users.a.rules: [secret]: '>...' is about login"),
        (
            {"users": {"a": {"password": "x", "rules": '(+publish "&*")'}}},
            "users.a.rules: [secret]: Redis takes quotes",
        ),
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


@pytest.mark.parametrize(
    "rule",
    [
        "&news.*",
        "&[^_]*",
        "&_[^_]*",
        "&[!a]*",
        "&__SENTINEL__:HELLO",
        "&a[_",
        r"&\*",
        "&ü*",
        "(&news.* +@read)",
        "~it's",
    ],
)
def test_rules_that_reach_no_channel_of_ours_are_taken_as_they_are(rule: str) -> None:
    assert settings(users={"a": {"password": "x", "rules": rule}}).users["a"].rules == rule


def test_the_agents_channel_is_kept_from_users() -> None:
    assert CHANNEL in OWN_CHANNELS


def test_values_of_directives_are_texts_numbers_or_switches() -> None:
    given = {"hz": 20, "databases": "4", "lfu-log-factor": 1.5, "lazyfree-lazy-user-del": True, "save": "900 1 300 10"}
    assert settings(redisConfig=given).redis_config == {
        "hz": "20",
        "databases": "4",
        "lfu-log-factor": "1.5",
        "lazyfree-lazy-user-del": "yes",
        "save": "900 1 300 10",
    }


def test_all_errors_at_once() -> None:
    assert len(refusal(replicas="x", sentinels="y", network="z", nonsense="1")) == 4


def test_missing_password_says_how_to_set_it() -> None:
    with pytest.raises(pulumi.RunError, match="config set --secret password --stack prod"):
        parse_settings({}, "prod")


def test_a_refused_password_is_not_shown() -> None:
    (line,) = refusal(password="two words")
    assert "two words" not in line
    assert "[secret]" in line


def test_what_was_set_with_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"redis-ha:password": "pw", "redis-ha:redisConfig": '{"requirepass": "hush"}', "redis-ha:quorum": "no"}
    monkeypatch.setattr(pulumi.runtime.config, "get_config_env", lambda: config)
    monkeypatch.setattr(pulumi.runtime.config, "is_config_secret", lambda key: key == "redis-ha:redisConfig")
    monkeypatch.setattr(pulumi, "get_project", lambda: "redis-ha")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "prod")
    with pytest.raises(pulumi.RunError, match=r"redisConfig: \[secret\]: requirepass is set") as raised:
        config_arguments()
    assert "hush" not in str(raised.value)
    assert "quorum: 'no': allowed" in str(raised.value)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"sentinels": 2}, "odd number"),
        ({"sentinels": 4}, "odd number"),
        ({"sentinels": 1}, "3 or more"),
        ({"sentinels": 5, "quorum": 2}, "less than a majority"),
        ({"downAfter": 300}, "several failovers"),
        ({"replicas": 0}, "nothing can take over"),
        ({"maxMemory": "511m", "resources": {"memory": "512m"}}, "maxMemory: 511m: more than the 241mb"),
    ],
)
def test_unusual_values_are_warned_of(values: dict[str, Any], word: str) -> None:
    assert any(word in warning for warning in settings(**values).warnings())


@pytest.mark.parametrize("megabytes", [96, 100, 128, 256, 300, 512, 1024, 2048, 4096, 65536])
def test_a_memory_limit_is_warned_of_above_what_is_chosen_without_one(megabytes: int) -> None:
    limits = {"memory": f"{megabytes}m"}
    lines = [line.split(" ", 1) for line in redis_directives(settings(resources=limits)).splitlines()]
    chosen = int(dict(lines)["maxmemory"])
    assert fitting_max_memory(megabytes * 1024**2) == chosen
    assert settings(maxMemory=f"{chosen}b", resources=limits).warnings() == []
    assert len(settings(maxMemory=f"{chosen + 1}b", resources=limits).warnings()) == 1


@pytest.mark.parametrize("image", ["redis:6-alpine", "docker.io/library/redis:5.0.14", "redis:6.2@sha256:" + 64 * "0"])
def test_a_redis_that_is_too_old_is_refused_before_anything_is_changed(image: str) -> None:
    with pytest.raises(pulumi.RunError, match=r"baseImage: .*allowed: Redis 7\.0 and up"):
        parse_settings({"password": "pw", "baseImage": image}, "dev")


@pytest.mark.parametrize(
    "image", ["redis:7.0", "redis:8-alpine", "redis:latest", "registry.example:5000/own:1", "valkey/valkey:8"]
)
def test_other_base_images_are_not_judged_by_their_tags(image: str) -> None:
    assert parse_settings({"password": "pw", "baseImage": image}, "dev").base_image == image
