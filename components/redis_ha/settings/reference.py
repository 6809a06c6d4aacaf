"""Writes what follows from the settings: Pulumi.yaml's config schema and the README's table.

`python -m redis_ha.settings.reference` rewrites both between their markers; a test checks that they are
up to date.
"""

import json
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from redis_ha.settings.loader import SECRET_KEYS
from redis_ha.settings.model import Settings
from redis_ha.settings.types import SettingModel

BEGIN = "generated from components/redis_ha/settings/model.py: begin"
END = "generated from components/redis_ha/settings/model.py: end"


def schema() -> str:
    """The `config:` block of Pulumi.yaml.

    No types: the CLI would then refuse the JSON text that `config set` stores for an object, and
    stop at the first wrong value. The program checks all types, and reports all errors at once.
    Each key has a default, since the CLI takes one without for required.
    """
    lines = ["config:"]
    for key, field in _fields():
        lines.append(f"  {key}:")
        lines.append(f"    description: {json.dumps(field.description)}")
        if key in SECRET_KEYS:
            lines.append("    secret: true")
        lines.append(f"    default: {json.dumps(_default(field))}")
    return "\n".join(lines) + "\n"


def table() -> str:
    """The settings table of the README, in Markdown."""
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    for key, field in _fields():
        default = "" if key in SECRET_KEYS or field.default is None else f"`{_shown(field)}`"
        rows.append(f"| `{key}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def replaced(text: str, block: str) -> str:
    """`text` with what stands between the marker lines replaced by `block`."""
    head, begin, rest = text.partition(BEGIN)
    inside, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError("the markers are missing")
    rest_of_begin_line = inside.split("\n", 1)[0]
    end_line_start = inside.rsplit("\n", 1)[1]
    return f"{head}{begin}{rest_of_begin_line}\n{block}{end_line_start}{end}{tail}"


def targets(root: Path) -> dict[Path, str]:
    """Each generated file and the text that it should have."""
    blocks = {root / "Pulumi.yaml": schema(), root / "README.md": f"\n{table()}\n"}
    return {path: replaced(path.read_text(), block) for path, block in blocks.items()}


def _fields() -> list[tuple[str, FieldInfo]]:
    return [(field.alias or name, field) for name, field in Settings.model_fields.items()]


def _default(field: FieldInfo) -> Any:
    """The default as Pulumi takes it: an empty text stands for "not set"."""
    value = field.default
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, SettingModel):
        return value.model_dump(exclude_none=True, by_alias=True)
    return value


def _shown(field: FieldInfo) -> str:
    default = _default(field)
    return default if isinstance(default, str) else json.dumps(default)


def main() -> None:
    """Rewrite the generated parts."""
    for path, text in targets(Path(__file__).parents[3]).items():
        path.write_text(text)


if __name__ == "__main__":
    main()
