"""What a stack's Docker is asked for, at a Docker that is not real."""

from types import SimpleNamespace
from typing import Any

import pytest
import requests
from docker.errors import APIError

from redis_ha.docker import daemon
from redis_ha.docker.daemon import Container, Daemon, DaemonError
from redis_ha.plan.identity import Identity

OURS = Identity("redis-ha", "dev")
LABELS = OURS.labels("redis", "redis-0")
OLD = {"redis-ha.stack": "dev", "redis-ha.kind": "redis", "redis-ha.node": "redis-1"}
"""As before there were labels of project and name."""
OTHERS = Identity("shop", "dev").labels("redis", "redis-0")
BESIDE = Identity("redis-ha", "dev", "cache").labels("redis", "redis-0")


class Api:
    """Answers as Docker's API does; `manager`: of a Swarm."""

    def __init__(self, manager: bool = False) -> None:
        self.timeout = 60
        self.fails: Exception | None = None
        self.codes: list[int | None] = [None]
        """The exit codes that it says of a command, one after the other, and then the last again."""
        self._manager = manager

    def info(self) -> dict[str, Any]:
        if self.fails:
            raise self.fails
        return {"Swarm": {"ControlAvailable": self._manager}}

    def containers(self, **asked: Any) -> list[dict[str, Any]]:
        assert asked == {"all": True, "filters": {"label": ["redis-ha.stack=dev", "redis-ha.kind"]}}
        return [
            {"Labels": LABELS, "Names": ["/redis-ha-dev-redis-0"], "State": "running", "Status": "Up 3 minutes"},
            {
                "Labels": OURS.labels("endpoint"),
                "Names": ["/redis-ha-dev-endpoint"],
                "State": "running",
                "Status": "Up 3 minutes (health: starting)",
            },
            {
                "Labels": OLD,
                "Names": ["/redis-ha-dev-redis-1"],
                "State": "exited",
                "Status": "Exited (137) 2 seconds ago",
            },
            {"Labels": OLD, "Names": ["/shop-dev-redis-1"], "State": "running", "Status": "Up"},
            {"Labels": OTHERS, "Names": ["/shop-dev-redis-0"], "State": "running", "Status": "Up"},
            {"Labels": BESIDE, "Names": ["/redis-ha-dev-cache-redis-0"], "State": "running", "Status": "Up"},
        ]

    def exec_create(self, container: str, command: list[str], **_: object) -> dict[str, Any]:
        return {"Id": f"{container}: {' '.join(command)}"}

    def exec_start(self, command: str, stream: bool = False) -> Any:
        return iter([b"half of it"]) if stream else b"half of it"

    def exec_inspect(self, command: str) -> dict[str, Any]:
        return {"ExitCode": self.codes.pop(0) if len(self.codes) > 1 else self.codes[0]}

    def inspect_distribution(self, image: str) -> dict[str, Any]:
        assert image == "redis:8-alpine"
        return {"Descriptor": {"digest": "sha256:12", "size": 1}, "Platforms": []}

    def services(self, **asked: Any) -> list[dict[str, Any]]:
        return [
            {"ID": "s", "Spec": {"Name": "redis-ha-dev-redis", "Labels": OURS.labels("redis")}},
            {"ID": "t", "Spec": {"Name": "shop-dev-redis", "Labels": OTHERS}},
        ]

    def nodes(self) -> list[dict[str, Any]]:
        return [{"ID": "n", "Description": {"Hostname": "b"}}]

    def tasks(self, filters: dict[str, Any]) -> list[dict[str, Any]]:
        assert filters == {"service": ["s"], "desired-state": "running"}
        return [
            {"ServiceID": "s", "NodeID": "n", "Status": {"State": "running"}},
            {"ServiceID": "s", "Status": {"State": "pending"}},
        ]


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Api]:
    """The connections that are made; the first entry is the API of all."""
    made: list[Api] = []

    def connect(host: object) -> SimpleNamespace:
        made.append(made[0] if made else Api())
        return SimpleNamespace(api=made[0])

    monkeypatch.setattr(daemon, "connect", connect)
    return made


def test_containers_of_the_cluster_and_not_of_others_whose_stack_has_the_same_name(connections: list[Api]) -> None:
    assert Daemon(None, 5).containers(OURS) == [
        Container("redis-0", "redis", "redis-ha-dev-redis-0", "running"),
        Container("endpoint", "endpoint", "redis-ha-dev-endpoint", "running", "starting"),
        Container("redis-1", "redis", "redis-ha-dev-redis-1", "exited"),
    ]
    assert connections[0].timeout == 5


def test_tasks_of_a_swarm_are_known_by_their_host(connections: list[Api]) -> None:
    connections.append(Api(manager=True))
    name = "redis-ha-dev-redis"
    assert Daemon(None, 5).tasks(OURS) == [
        Container(name, "redis", name, "running", machine="b"),
        Container(name, "redis", name, "pending"),
    ]


def test_what_a_registry_has(connections: list[Api]) -> None:
    assert Daemon(None, 5).registry_digest("redis:8-alpine") == "sha256:12"


def test_a_command_whose_connection_has_ended_has_not_ended(
    connections: list[Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "END_SECONDS", 0.2)
    connections.append(Api())
    with pytest.raises(DaemonError, match="the command goes on in its container"):
        list(Daemon(None, 5).follow("c", "restore"))
    connections[0].codes = [None, 3]
    assert list(Daemon(None, 5).follow("c", "restore")) == ["half of it", 3]
    connections[0].codes = [0]
    assert Daemon(None, 5).run("c", "restore") == (0, "half of it")


def test_a_docker_that_is_no_manager_has_no_tasks(connections: list[Api]) -> None:
    assert Daemon(None, 5).tasks(OURS) == []


def test_a_connection_that_has_failed_is_made_anew(connections: list[Api]) -> None:
    asked = Daemon(None, 5)
    asked.tasks(OURS)
    assert len(connections) == 1
    connections[0].fails = requests.exceptions.ConnectionError("gone")
    with pytest.raises(DaemonError, match="gone"):
        asked.tasks(OURS)
    connections[0].fails = None
    asked.tasks(OURS)
    assert len(connections) == 2


def test_a_refusal_is_no_reason_to_connect_anew(connections: list[Api]) -> None:
    asked = Daemon(None, 5)
    asked.tasks(OURS)
    connections[0].fails = APIError("refused", explanation="container is paused")
    with pytest.raises(DaemonError, match="container is paused"):
        asked.tasks(OURS)
    connections[0].fails = None
    asked.tasks(OURS)
    assert len(connections) == 1
