"""The setting `notify`: a webhook that is told what happens to the cluster."""

import base64
import json
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from redis_ha.settings.types import SettingModel, from_json

Event = Literal["failover", "hand-over", "node-down", "node-back", "quorum-lost", "quorum-back", "tilt"]
EVENTS: list[Event] = ["failover", "hand-over", "node-down", "node-back", "quorum-lost", "quorum-back", "tilt"]


def _some(events: list[Event]) -> list[Event]:
    if not events:
        raise ValueError(f"allowed: one or more of {', '.join(EVENTS)}")
    return events


class Notify(SettingModel):
    """A webhook: `url` (secret), what it takes, and which events it is told."""

    url: SecretStr = Field(description="Secret. Where messages are posted to: http://... or https://...")
    format: Literal["json", "slack", "alertmanager"] = Field(
        default="json", description="What the receiver takes: `json`, `slack` or `alertmanager`"
    )
    events: Annotated[list[Event], BeforeValidator(from_json), AfterValidator(_some)] = Field(
        default=EVENTS, description=f"Which events: {', '.join(f'`{event}`' for event in EVENTS)}; default: all"
    )
    ca: SecretStr | None = Field(
        default=None, description="Certificates of the receiver's CA in PEM; default: the CAs that the image knows"
    )

    @field_validator("url")
    @classmethod
    def _complete(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        """Not looked at while settings are missing that come later: it may be one of them."""
        if not info.context:
            text = value.get_secret_value()
            try:
                parts = urlsplit(text)
                whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            except ValueError:
                whole = False
            if not whole or not all("!" <= letter <= "~" for letter in text):
                raise ValueError("allowed: http://HOST[:PORT]/PATH or https://..., in printable ASCII characters")
        return value


NotifySetting = Annotated[Notify, BeforeValidator(from_json)]


def webhook(notify: Notify, cluster: str) -> str:
    """The file that the agents of the Sentinels read: the URL in its parts, so that they need not take it apart."""
    url = urlsplit(notify.url.get_secret_value())
    user = f"{unquote(url.username or '')}:{unquote(url.password or '')}"
    told: dict[str, Any] = {
        "host": url.hostname,
        "port": url.port or (443 if url.scheme == "https" else 80),
        "path": (url.path or "/") + (f"?{url.query}" if url.query else ""),
        "over_tls": url.scheme == "https",
        "ca": notify.ca.get_secret_value() if notify.ca else "",
        "authorization": f"Basic {base64.b64encode(user.encode()).decode()}" if url.username else "",
        "format": notify.format,
        "events": sorted(notify.events),
        "cluster": cluster,
    }
    return json.dumps(told, sort_keys=True) + "\n"
