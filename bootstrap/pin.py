"""Prints the version that requirements.txt pins for a package: `python3 bootstrap/pin.py PACKAGE`."""

import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements.txt"


def pinned(package: str) -> str:
    """The version. Raises KeyError when the list does not have the package."""
    lines = (line.partition("#")[0].strip().partition("==") for line in REQUIREMENTS.read_text().splitlines())
    return {name: version for name, _, version in lines if version}[package]


if __name__ == "__main__":
    print(pinned(sys.argv[1]))
