"""Pulumi.yaml's config schema and the table of docs/settings.md follow from the settings."""

from pathlib import Path

from redis_ha.settings.reference import targets

ROOT = Path(__file__).parents[2]


def test_generated_parts_are_up_to_date() -> None:
    for path, expected in targets(ROOT).items():
        assert path.read_text() == expected, f"{path.name}: run python -m redis_ha.settings.reference"
