"""The setting `backup`: where snapshots are kept, how often one is taken, and which of them stay."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from redis_ha.settings.types import SettingModel, from_json

_UNITS = {"m": 60, "h": 3600, "d": 86400}
_KEEP = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
VOLUME = "volume"


def _every(text: str) -> str:
    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text.strip())
    if found is None or seconds(text.strip()) < 5 * 60:
        raise ValueError("allowed: minutes, hours or days, such as 30m, 6h or 1d; 5m and up")
    return text.strip()


def _repository(text: str) -> str:
    if text != VOLUME and not text.startswith("/") and not re.fullmatch(r"[a-z0-9]+:\S+", text):
        raise ValueError(f"allowed: `{VOLUME}`, a folder of the host such as /backups, or as restic writes it: s3:...")
    return text


def _keep(counts: dict[str, Any]) -> dict[str, Any]:
    for name, count in counts.items():
        if name not in _KEEP or not isinstance(count, int) or count < 1:
            raise ValueError(f"{name}: {count!r}: allowed: a number of each of {', '.join(_KEEP)}")
    return counts


def seconds(every: str) -> int:
    """Of a time such as 6h."""
    return int(every[:-1]) * _UNITS[every[-1]]


class Backup(SettingModel):
    """Encrypted snapshots of the data, in a restic repository."""

    password: SecretStr = Field(
        min_length=1, max_length=128, description="Secret. Encrypts the repository: without it nothing can be restored"
    )
    repository: Annotated[str, AfterValidator(_repository)] = Field(
        default=VOLUME,
        description="Where they are kept: `volume` (one of the stack's, which outlives it), a folder of the host, or "
        "what restic calls a repository, such as s3:https://host/bucket",
    )
    every: Annotated[str, AfterValidator(_every)] = Field(
        default="1d", description="Time between two, such as 30m, 6h or 1d"
    )
    keep: Annotated[dict[str, int], AfterValidator(_keep)] = Field(
        default={"last": 3, "daily": 7, "weekly": 5},
        description="How many stay: `last`, `hourly`, `daily`, `weekly`, `monthly`, `yearly`",
    )
    environment: dict[str, SecretStr] = Field(
        default={}, description="Secrets. What restic needs for the repository, such as AWS_ACCESS_KEY_ID"
    )
    host: str | None = Field(
        default=None, description="With `hosts`: where it runs; default: the first that is not drained"
    )


BackupSetting = Annotated[Backup, BeforeValidator(from_json)]
