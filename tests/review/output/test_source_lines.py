"""The text of a review shows the line of each finding; strangers' files stay short, printable and inside."""

from __future__ import annotations

from edgetrain.core.findings import Finding
from edgetrain.review.output.text import render_text


def findings(*places):
    return [Finding(name, line, "box-outside", "error", "Too far.", "Clip.") for name, line in places]


def test_each_finding_begins_with_its_place_and_has_its_line_below(tmp_path):
    (tmp_path / "a.xml").write_text("<a>\n\t<xmin>-3</xmin>\n</a>\n", encoding="utf-8")
    (tmp_path / "b.xml").write_text("<b/>\n", encoding="utf-8")
    text = render_text(findings(("b.xml", 1), ("a.xml", 3), ("a.xml", 2)), tmp_path)

    assert text.splitlines() == [
        "a.xml:2: error: Too far. Clip. [box-outside]",
        "       2 | <xmin>-3</xmin>",
        "a.xml:3: error: Too far. Clip. [box-outside]",
        "       3 | </a>",
        "",
        "b.xml:1: error: Too far. Clip. [box-outside]",
        "       1 | <b/>",
        "",
        "3 errors, 0 warnings",
    ]


def test_lines_of_strangers_are_short_and_printable_and_inside(tmp_path):
    root = tmp_path / "dataset"
    root.mkdir()
    (tmp_path / "secret.txt").write_text("secret\n", encoding="utf-8")
    (root / "out.xml").symlink_to(tmp_path / "secret.txt")
    (root / "long.xml").write_text("\x1b[2J" + "x" * 5000, encoding="utf-8")
    (root / "picture.jpg").write_bytes(b"\xff\xd8\x00\x00")
    names = ("out.xml", "long.xml", "picture.jpg", "absent.xml")
    text = render_text(findings(*((name, 1) for name in names)), root)

    assert "secret" not in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) < 160
    assert text.count(" | ") == 1
