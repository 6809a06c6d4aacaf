"""What is known of a pushed image when the daemon that built it does not answer."""

from __future__ import annotations

from typing import Any

from engine.daemons import Daemons
from engine.errors import EngineError
from engine.registration import Registration
from engine.values import UNKNOWN

IMAGE = "docker:index/image:Image"


def pushed_elsewhere(registration: Registration, daemons: Daemons) -> dict[str, Any]:
    """The digest of a left-out image, by a copy that another daemon has pulled; labels travel with an image."""
    if registration.type != IMAGE:
        return {}
    for handler in daemons.opened():
        copies = getattr(handler, "pulled_digest", None)
        try:
            digest = copies(registration.urn, str(registration.inputs.get("imageName"))) if copies else None
        except EngineError:
            continue
        if digest:
            return {"repoDigest": digest}
    return {"repoDigest": UNKNOWN}
