"""The comment for a pull request."""

from bootstrap.preview_markdown import comment

PREVIEW = """\
Previewing update (dev):
  pulumi:pulumi:Stack: (same)
    [urn=urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev]
    + docker:index/volume:Volume: (create)
        name: "v"
    +-docker:index/container:Container: (replace)
      ~ image: "a" => "b"
      - memory: 64
      ~ uploads: [secret] => [secret]
Resources:
    + 1 to create
    +-1 to replace
    2 changes. 9 unchanged
"""


def test_marks_move_to_where_github_colours_them() -> None:
    text = comment(PREVIEW, "dev")
    assert "### Preview of stack `dev`" in text
    assert "**+ 1 to create** · **+- 1 to replace** · 9 unchanged" in text
    assert "\n+     docker:index/volume:Volume: (create)" in text
    assert "\n!    +-docker:index/container:Container: (replace)" in text
    assert '\n!      ~ image: "a" => "b"' in text
    assert "\n-       memory: 64" in text
    assert text.count("```") == 2


def test_no_changes() -> None:
    text = comment("Previewing update (dev):\n\nResources:\n    9 unchanged\n", "dev")
    assert "No changes." in text
    assert "```" not in text


def test_a_failed_preview_says_so() -> None:
    text = comment("Diagnostics:\n  x (y):\n    error: quorum is 9\n", "prod", failed=True)
    assert "**The preview failed.**" in text
    assert "-    error: quorum is 9" in text


def test_fences_and_colours_in_the_text_do_no_harm() -> None:
    text = comment("\x1b[32m    + a: ```\x1b[0m\n", "dev")
    assert "````diff" in text
    assert "\x1b" not in text


def test_long_diffs_are_cut() -> None:
    assert len(comment("    + line: 1\n" * 20_000, "dev")) < 65_536
