"""What was measured: rows of values with their ratios, as Markdown and as JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from drills import report
from drills.figures import median, spread
from drills.target.errors import DrillError

Unit = Literal["us", "ms", "s", "1/s"]
# How a unit is written: the factor from seconds (or operations a second), and the digits after the point.
_SHOWN: dict[Unit, tuple[float, int]] = {"us": (1e6, 0), "ms": (1000.0, 0), "s": (1.0, 2), "1/s": (1.0, 0)}
HEADINGS = ("what", "runs", "min / median / max", "ratio", "")


@dataclass
class Row:
    """One thing that was measured several times: seconds, or operations a second.

    `against` names the row that it is compared with. Rows that were measured in turn, as often as each other, are
    compared pair by pair: whatever else the machine was doing then met both alike.
    """

    what: str
    unit: Unit
    values: list[float] = field(default_factory=list)
    against: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    note: str = ""

    def count(self, **more: int) -> None:
        """Add to what is counted over all runs."""
        for name, number in more.items():
            self.counts[name] = self.counts.get(name, 0) + number

    def said(self) -> str:
        """The counts, and the note."""
        counted = [f"{number} {name.replace('_', ' ')}" for name, number in self.counts.items()]
        return ", ".join(counted + [self.note] * bool(self.note))

    def text(self) -> str:
        """Minimum, median and maximum, with the unit."""
        factor, digits = _SHOWN[self.unit]
        return f"{spread(self.values, factor, digits)} {self.unit}"


class Sheet:
    """The rows of one part; they are there as soon as they are begun, so that an interrupted run keeps its figures."""

    def __init__(self, part: str, title: str) -> None:
        self.part = part
        self.title = title
        self.rows: dict[str, Row] = {}
        self.remarks: list[str] = []

    def row(self, what: str, unit: Unit, against: str | None = None) -> Row:
        """The row of that name; made where it is not there yet."""
        return self.rows.setdefault(what, Row(what, unit, against=against))

    def remark(self, text: str) -> None:
        """A sentence below the table, such as why something was left out."""
        if text not in self.remarks:
            self.remarks.append(text)

    def ratio(self, row: Row) -> str:
        """How a row stands to the one that it is compared with."""
        other = self.rows.get(row.against or "")
        if other is None or not other.values or not row.values:
            return ""
        return f"{ratio(row.values, other.values)} of {other_words(row.what, other.what)}"

    def lines(self) -> Iterator[tuple[str, ...]]:
        """The rows' cells, as in HEADINGS."""
        for row in self.rows.values():
            yield row.what, str(len(row.values)), row.text() if row.values else "-", self.ratio(row), row.said()

    def page(self) -> str:
        """The table in Markdown, and the remarks below it."""
        lines = [f"## {self.title}", "", f"`make bench ARGS={self.part}` on {report.machine()}.", ""]
        lines += [f"| {' | '.join(HEADINGS)} |", "|---|---:|---:|---|---|"]
        lines += [f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |" for cells in self.lines()]
        lines += [""] * bool(self.remarks) + [f"- {text}" for text in self.remarks]
        return "\n".join([*lines, ""])

    def document(self) -> dict[str, Any]:
        """For machines, with the page."""
        rows = list(self.rows.values())
        return {"title": self.title, "machine": report.machine(), "rows": rows, "page": self.page()}


def ratio(values: Sequence[float], others: Sequence[float]) -> str:
    """The median of the pairs' ratios and their extremes; of what was measured unequally often, that of the medians."""
    if len(values) != len(others):
        return f"{median(values) / median(others):.2f}"
    pairs = [a / b for a, b in zip(values, others, strict=True)]
    return f"{median(pairs):.2f}" + (f" ({min(pairs):.2f} to {max(pairs):.2f})" if len(pairs) > 1 else "")


def other_words(what: str, other: str) -> str:
    """The words of `other` that `what` does not have."""
    mine = what.split()
    return " ".join(word for word in other.split() if word not in mine).strip(" ,:") or other


def merge(path: Path, sheets: Sequence[Sheet]) -> dict[str, Any]:
    """Put parts into the result file beside those of earlier runs, and return all. Raises DrillError."""
    content: dict[str, Any] = {"parts": {}}
    if path.exists():
        try:
            content["parts"] = json.loads(path.read_text())["parts"]
        except (json.JSONDecodeError, KeyError, TypeError):
            raise DrillError(f"{path} is not a result of the bench; move it away, or choose another --out") from None
    content["parts"].update({sheet.part: sheet.document() for sheet in sheets})
    report.write_json(path, content)
    return content


def markdown(content: Mapping[str, Any]) -> str:
    """All parts of a result file as a page."""
    return "\n".join(found["page"] for found in content["parts"].values())
