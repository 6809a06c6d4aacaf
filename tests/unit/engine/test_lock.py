"""A stack's lock, at a Docker that is not there."""

import os
from typing import Any

import pytest

from engine.docker import lock
from engine.docker.lock import Lock, Locked


class Restarted:
    """A daemon that has been started again: asked to make a volume that it has, it does not say that one's labels."""

    def __init__(self) -> None:
        self.labels: dict[str, str] | None = None

    def create_volume(self, name: str, labels: dict[str, str]) -> dict[str, Any]:
        if self.labels is not None:
            return {"Name": name, "Labels": None}
        self.labels = labels
        return {"Name": name, "Labels": labels}

    def inspect_volume(self, name: str) -> dict[str, Any]:
        return {"Name": name, "Labels": self.labels}

    def remove_volume(self, name: str) -> None:
        self.labels = None


def test_the_lock_of_a_killed_run_is_taken_over_after_a_restart_of_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Restarted()
    monkeypatch.setattr(lock, "UNDER_WAY", 0)
    with monkeypatch.context() as then:
        then.setattr(lock, "TOKEN", "of a run that has been killed")
        then.setattr(lock, "_started", lambda pid: "before")
        Lock(docker, "project/stack").take()  # type: ignore[arg-type]
    ours = Lock(docker, "project/stack")  # type: ignore[arg-type]
    ours.take()
    assert f'"pid": {os.getpid()}' in str(docker.labels)
    ours.give_back()
    assert docker.labels is None


def test_a_lock_that_another_run_has_taken_since_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Restarted()
    ours, theirs = (Lock(docker, "project/stack") for _ in range(2))  # type: ignore[arg-type]
    ours.take()
    ours.break_()  # `cancel`
    with monkeypatch.context() as then:
        then.setattr(lock, "TOKEN", "of the next run")
        theirs.take()
    ours.give_back()
    assert "of the next run" in str(docker.labels)


def test_a_process_that_is_not_to_be_seen_is_not_taken_for_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """With hidepid, /proc shows nobody the processes of others."""
    docker = Restarted()
    with monkeypatch.context() as then:
        then.setattr(lock, "TOKEN", "of another user's run")
        Lock(docker, "project/stack").take()  # type: ignore[arg-type]
    monkeypatch.setattr(lock, "_started", lambda pid: None)
    with pytest.raises(Locked, match="is currently locked by"):
        Lock(docker, "project/stack").take()  # type: ignore[arg-type]
