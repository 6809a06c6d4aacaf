"""Turns the text of `preview --diff` (of either engine) into a comment for a pull request.

    ./pulumiw preview --diff --stack dev | python -m bootstrap.preview_markdown --stack dev

GitHub colours a `diff` block by the first character of a line. The embedded engine's text is such a diff. In that of
Pulumi the marks move there: `+` and `-` as they are, `~`, `+-` and `!` become `!`. Secrets are
masked in the text already.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

EXIT_NO_CHANGES = 7
"""Of a preview that finds changes where none are expected: of either engine."""
LIMIT = 60_000
"""Characters of diff that a comment takes (GitHub's limit is 65536 for all of it)."""
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
MARKED = re.compile(r"^(?P<pad>\s*)(?P<mark>\+-|\+\+|--|[-+~])(?P<rest>(?:\s|[A-Za-z]).*)$")
COUNT = re.compile(r"^\s*(?:\+-|[-+~])?\s*\d+ (?:to |unchanged|change|errored|created|updated|deleted|replaced)")
MARKS = {"+": "+", "++": "+", "-": "-", "--": "-", "~": "!", "+-": "!"}


def comment(text: str, stack: str, failed: bool = False) -> str:
    """The markdown of one preview: title, counts, and the diff in a block that GitHub colours."""
    lines = [line.rstrip() for line in ANSI.sub("", text).replace("\r", "").splitlines()]
    body, counted, error_shown = _split(lines)
    failed = failed or error_shown
    marker = f"<!-- preview of stack {stack} -->"
    parts = [marker, f"### Preview of stack `{stack}`", ""]
    if failed:
        parts += ["**The preview failed.**", ""]
    elif counted:
        parts += [" · ".join(f"**{item}**" if not item.endswith("unchanged") else item for item in counted), ""]
    if not failed and counted and all(item.endswith("unchanged") for item in counted):
        parts += ["No changes.", ""]
    ready = any(line.startswith("@@ ") for line in body)
    diff = "\n".join(body if ready else [_coloured(line) for line in body]).strip("\n")
    if len(diff) > LIMIT:
        diff = diff[:LIMIT].rsplit("\n", 1)[0] + "\n  ... (cut; the whole of it is in the log)"
    if diff.strip():
        fence = "````" if "```" in diff else "```"
        parts += ["<details open><summary>Details</summary>", "", f"{fence}diff", diff, fence, "", "</details>", ""]
    return "\n".join(parts)


def _split(lines: list[str]) -> tuple[list[str], list[str], bool]:
    """The lines of the diff, the counts, and whether the preview failed."""
    body: list[str] = []
    counted: list[str] = []
    section = ""
    for line in lines:
        heading = line.strip()
        if heading in ("Resources:", "Outputs:", "Diagnostics:", "Duration:") or heading.startswith("Duration:"):
            section = heading.split(":")[0]
            if section in ("Outputs", "Diagnostics"):
                body.append(line)
            continue
        if line.startswith(("Previewing update", "View ", "@ ")):
            continue
        if section == "Resources":
            if COUNT.match(line):
                counted += [
                    re.sub(r"^(\+-|[-+~])\s*", r"\1 ", part.strip()) for part in line.strip().split(". ") if part
                ]
            elif line.startswith("error:"):
                body.append(line)
            continue
        body.append(line)
    failed = any(re.match(r"\s*error: ", line) and "no changes were expected" not in line for line in lines)
    counted = [item for item in counted if not re.match(r"^\d+ changes?$", item)]
    return body, counted, failed


def _coloured(line: str) -> str:
    if re.match(r"\s*error: ", line):
        return "-" + line
    match = MARKED.match(line)
    if not match:
        return " " + line
    mark, pad, rest = match["mark"], match["pad"], match["rest"]
    shown = mark if mark in ("~", "+-") else ""
    return f"{MARKS[mark]}{pad}{shown}{rest}"


def main(arguments: Sequence[str]) -> int:
    """Reads the preview, writes the comment to stdout."""
    parser = argparse.ArgumentParser(prog="python -m bootstrap.preview_markdown", description=__doc__)
    parser.add_argument("--stack", required=True, help="the stack that the title names")
    parser.add_argument("--exit-code", type=int, default=0, help="what the preview exited with")
    parser.add_argument("file", nargs="?", type=Path, help="the preview's text; default: standard input")
    options = parser.parse_args(arguments)
    text = options.file.read_text(encoding="utf-8") if options.file else sys.stdin.read()
    print(comment(text, options.stack, failed=options.exit_code not in (0, EXIT_NO_CHANGES)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
