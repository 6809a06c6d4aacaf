"""The HTML report: one file, with a time line of every drill that can be zoomed into."""

import html
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go  # type: ignore[import-untyped]
from rich.console import Console

from drills.drill import Outcome
from drills.report import WIDTH, machine, table

COLOURS = {"master": "#2a9d5c", "linked": "#6fa8dc", "not linked": "#f4a742", "no answer": "#c0392b"}
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#222}"
    "pre{font-size:11px;line-height:1.2;overflow-x:auto}h2{margin-top:2em}.bad{color:#c0392b}"
)
# What happens to a Sentinel about its peers fills the picture and says little.
QUIET = ("+sentinel", "-dup-sentinel", "+set", "+new-epoch", "-role-change", "+role-change")


def write_html(path: Path, stack: str, outcomes: Sequence[Outcome], passed: Sequence[str]) -> None:
    """Write the report. The plotting library's script is part of the file, once."""
    parts = [f"<h1>Drills of stack {html.escape(stack)}</h1>", f"<p>{html.escape(machine())}</p>"]
    parts += [f'<p class="bad">{html.escape(text)}</p>' for text in passed]
    parts.append(_summary(outcomes))
    for number, outcome in enumerate(outcomes):
        parts.append(f"<h2>{html.escape(outcome.title)}</h2>")
        if outcome.problem:
            parts.append(f'<p class="bad">{html.escape(outcome.problem)}</p>')
        steps = ", ".join(f"{name} {at:.2f} s" for name, at in outcome.milestones.items())
        parts.append(f"<p>{html.escape(steps)}</p>")
        parts.append(_figure(outcome).to_html(full_html=False, include_plotlyjs=number == 0))
    body = "\n".join(parts)
    path.write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Drills of {html.escape(stack)}</title>'
        f"<style>{STYLE}</style></head><body>{body}</body></html>\n"
    )


def _summary(outcomes: Sequence[Outcome]) -> str:
    """The table of the terminal."""
    recorder = Console(record=True, file=io.StringIO(), width=WIDTH)
    recorder.print(table(outcomes))
    return recorder.export_html(inline_styles=True, code_format="<pre>{code}</pre>")


def _figure(outcome: Outcome) -> Any:
    """One lane for each client, node and Sentinel; the fault is at 0."""
    nodes = sorted({e.source for e in outcome.events if e.kind == "role"})
    end = max((e.at for e in outcome.events), default=outcome.began) - outcome.began
    figure = go.Figure()
    _roles(figure, outcome, nodes, end)
    for gap in outcome.gaps:
        start, stop = gap.start - outcome.began, gap.end - outcome.began
        text = f"{gap.client}: no write for {gap.seconds:.2f} s"
        figure.add_scatter(
            x=[start, (start + stop) / 2, stop], y=[gap.client] * 3, mode="lines", showlegend=False,
            line={"color": "#c0392b", "width": 9}, text=text, hoverinfo="text",
        )  # fmt: skip
    shown = [e for e in outcome.events if e.kind != "role" and e.kind not in QUIET]
    figure.add_scatter(
        x=[e.at - outcome.began for e in shown],
        y=[e.source for e in shown],
        mode="markers",
        marker={"size": 9, "symbol": "diamond", "color": "#34495e"},
        text=[html.escape(f"{e.at - outcome.began:.3f} s {e.kind} {e.detail}") for e in shown],
        hoverinfo="text",
        showlegend=False,
    )
    for name, at in outcome.milestones.items():
        figure.add_vline(x=at, line={"width": 1, "dash": "dot", "color": "#999"})
        figure.add_annotation(
            x=at, y=1, yref="paper", text=name, showarrow=False, textangle=-60, yanchor="bottom", font={"size": 10}
        )
    lanes = sorted({e.source for e in shown} | set(nodes) | {g.client for g in outcome.gaps}, reverse=True)
    figure.update_layout(
        height=110 + 32 * len(lanes),
        margin={"l": 120, "r": 20, "t": 80, "b": 40},
        xaxis={"title": "seconds from the fault", "range": [-0.5, _interesting(outcome, end)]},
        yaxis={"categoryorder": "array", "categoryarray": lanes},
        plot_bgcolor="#fafafa",
    )
    return figure


def _roles(figure: Any, outcome: Outcome, nodes: Sequence[str], end: float) -> None:
    """A bar for each time that a node was in one role."""
    for node in nodes:
        changes = [e for e in outcome.events if e.source == node and e.kind == "role"]
        for change, following in zip(changes, [*changes[1:], None], strict=True):
            start = change.at - outcome.began
            stop = following.at - outcome.began if following else end
            words = change.detail
            kind = next((k for k in ("not linked", "linked", "no answer") if words.endswith(k)), "master")
            figure.add_scatter(
                x=[start, (start + stop) / 2, stop], y=[node] * 3, mode="lines", showlegend=False,
                line={"color": COLOURS[kind], "width": 9}, text=f"{node}: {words}", hoverinfo="text",
            )  # fmt: skip


def _interesting(outcome: Outcome, end: float) -> float:
    """Where the picture ends at first: after the last step of the failover, not of the recovery."""
    steps = [at for name, at in outcome.milestones.items() if name != "returned"]
    gaps = [g.end - outcome.began for g in outcome.gaps]
    last = max([*steps, *gaps], default=math.inf)
    return min(end, last * 1.3 + 0.5)
