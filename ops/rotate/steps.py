"""What each rotation changes, step after step. After each of them all nodes are rolled, one at a time."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ops.rotate.places import Place, Raw
from ops.stack import OpsError

Values = Mapping[str, Raw]
Changes = dict[str, Raw | None]


@dataclass(frozen=True)
class Step:
    """`mark` says in the stack's settings that the change is made, and perhaps not rolled out yet."""

    mark: str
    says: str
    change: Callable[[Values], Changes]
    waits_for_clients: bool = False
    """Whether it is the operator who has to say that it may be taken."""


@dataclass(frozen=True)
class Rotation:
    """One thing that can be rotated. `setting` is the one that says where it lies."""

    setting: str
    beside: str | None
    """The setting that holds the other secret meanwhile."""
    steps: tuple[Step, ...]


def _password(place: Place, new: str | None) -> Rotation:
    def both(values: Values) -> Changes:
        return {"previousPassword": values["password"], "password": place.sealed(new or _made())}

    return Rotation(
        "password",
        "previousPassword",
        (
            Step("both", "the new password and the old one are accepted", both),
            Step("one", "the old password goes", lambda _: {"previousPassword": None}, waits_for_clients=True),
        ),
    )


def _system(place: Place, new: str | None) -> Rotation:
    def swapped(values: Values) -> Changes:
        return {"systemPassword": values["otherSystemPassword"], "otherSystemPassword": values["systemPassword"]}

    return Rotation(
        "systemPassword",
        "otherSystemPassword",
        (
            Step(
                "known",
                "every node gets to know the new system password",
                lambda _: {"otherSystemPassword": place.sealed(new or _made())},
            ),
            Step("used", "every node uses it", swapped),
            Step("one", "the old one goes", lambda _: {"otherSystemPassword": None}),
        ),
    )


def _certificates(place: Place, certificates: Callable[[], dict[str, Any]]) -> Rotation:
    def new(_: Values) -> Changes:
        return {"tls": place.sealed(certificates())}

    return Rotation("tls", None, (Step("new", "every node gets a new certificate of the same CA", new),))


WHAT = ("password", "system", "certs")
SETTING = {"password": "password", "system": "systemPassword", "certs": "tls"}


def rotation(what: str, place: Place, new: str | None, certificates: Callable[[], dict[str, Any]]) -> Rotation:
    """The steps for one of WHAT. `new`: a secret of the operator's own instead of one that is made."""
    if what == "password":
        return _password(place, new)
    return _system(place, new) if what == "system" else _certificates(place, certificates)


def check(asked: Rotation, values: Values, system: Raw) -> None:
    """Raises OpsError where it cannot begin. `system`: the systemPassword, which may lie elsewhere than `values`."""
    if values.get(asked.setting) in (None, ""):
        raise OpsError(f"{asked.setting} is not set: there is nothing to rotate")
    if asked.setting == "password" and system in (None, ""):
        raise OpsError(
            "systemPassword is not set, so nodes log in to each other with what follows from `password`: set it to the "
            "present password's text and `make up` first"
        )
    if asked.beside and values.get(asked.beside) not in (None, ""):
        raise OpsError(f"{asked.beside} is set already: a rotation by hand is under way; finish that first")


def _made() -> str:
    return secrets.token_urlsafe(24)
