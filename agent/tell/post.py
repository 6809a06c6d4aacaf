"""One HTTP POST, with a deadline, and what is posted."""

import asyncio
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WITHIN = 10.0
"""Seconds for one POST, from the name of the host to the answer's first line."""
FIRING = {"node-down", "quorum-lost"}
RESOLVED = {"node-back": "node-down", "quorum-back": "quorum-lost"}
DAY = 24 * 3600


@dataclass(frozen=True)
class Webhook:
    """Where messages go, as the deployment has written it."""

    host: str
    port: int
    path: str
    over_tls: bool
    ca: str
    """PEM; empty: the CAs that the image knows."""
    authorization: str = field(repr=False)
    """The header's value; empty: none."""
    format: str
    events: frozenset[str]
    cluster: str

    @classmethod
    def load(cls, file: Path) -> "Webhook | None":
        """None where the deployment has given none."""
        try:
            told: dict[str, Any] = json.loads(file.read_text())
        except FileNotFoundError:
            return None
        return cls(**{**told, "events": frozenset(told["events"])})


async def post(hook: Webhook, message: Mapping[str, Any]) -> str | None:
    """Post `message`. None: the receiver has taken it; else why not. Never raises for what receiver or network do."""
    body = json.dumps(shaped(hook.format, message)).encode()
    try:
        async with asyncio.timeout(WITHIN):
            return await _exchange(hook, body)
    except TimeoutError:
        return f"no answer within {WITHIN:g} s"
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        return f"{type(error).__name__}: {error}"


async def _exchange(hook: Webhook, body: bytes) -> str | None:
    context = ssl.create_default_context(cadata=hook.ca or None) if hook.over_tls else None
    reader, writer = await asyncio.open_connection(hook.host, hook.port, ssl=context)
    try:
        host = f"[{hook.host}]" if ":" in hook.host else hook.host
        head = [
            f"POST {hook.path} HTTP/1.1",
            f"Host: {host}:{hook.port}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "User-Agent: redis-ha",
            "Connection: close",
            *([f"Authorization: {hook.authorization}"] if hook.authorization else []),
        ]
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        await writer.drain()
        words = (await reader.readline()).split()
        if len(words) < 2 or not words[0].startswith(b"HTTP/1."):
            return "the answer is not HTTP"
        return None if words[1].startswith(b"2") else f"status {words[1].decode(errors='replace')[:3]}"
    finally:
        writer.transport.abort()


def shaped(form: str, message: Mapping[str, Any]) -> Any:
    """`message` (id, event, cluster, about, before, epoch, text, at, by) as the receiver takes it."""
    if form == "slack":
        return {"text": f"{message['cluster']}: {message['text']}"}
    if form != "alertmanager":
        return dict(message)
    event, at = str(message["event"]), float(message["at"])
    labels = {
        "alertname": f"redis-ha-{RESOLVED.get(event, event)}",
        "cluster": str(message["cluster"]),
        "node": str(message["about"]),
        "severity": "critical" if RESOLVED.get(event, event) == "quorum-lost" else "warning",
    }
    alert: dict[str, Any] = {"labels": labels, "annotations": {"summary": str(message["text"])}}
    if event in FIRING:  # until it is said to be over, and not only for Alertmanager's five minutes
        alert |= {"startsAt": rfc3339(at), "endsAt": rfc3339(at + DAY)}
    elif event in RESOLVED:
        alert |= {"endsAt": rfc3339(at)}
    return [alert]


def rfc3339(at: float) -> str:
    """`at`, in seconds since 1970, as UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
