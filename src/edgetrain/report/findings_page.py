"""``validate --html``: the findings of a review as one page, with small pictures on which the boxes are drawn.

Everything in it is a stranger's: names and lines are escaped, pictures are made anew, without metadata. At most 100
files have a picture, 4 MB in all; up to 2,000 findings are listed, the rest is counted.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrain.annotations.voc import parse_annotation
from edgetrain.core.annotation import Annotation
from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import EdgetrainError
from edgetrain.core.findings import Finding, Severity, count_by_rule, count_text
from edgetrain.core.redaction import clean_text
from edgetrain.core.system.files import file_content, write_text
from edgetrain.core.wording import counted
from edgetrain.dataset.fence import Fence
from edgetrain.dataset.layout import image_places, picture_near
from edgetrain.images.image_file import decode
from edgetrain.report.charts import MarkedBox, Svg, marked_picture
from edgetrain.review.output.source_lines import SourceLines
from edgetrain.template import render_template

_MOST_PICTURES, _MOST_BYTES, _MOST_FINDINGS = 100, 4_000_000, 2_000
_MOST_PICTURE_BYTES = 60_000_000
_SIDE, _QUALITY = 320, 65
_NO_SCORE = math.nan


@dataclass(frozen=True)
class FileFindings:
    """The findings of one file with the lines that they are about, and its picture where there is one to show."""

    name: str
    findings: Sequence[tuple[Finding, str]]
    picture: Svg | None


def write_findings_page(path: Path, findings: Sequence[Finding], root: Path, *, is_good: bool) -> None:
    """Write findings as a page that needs nothing beside itself.

    Args:
        path: the HTML file.
        findings: those of a review.
        root: the dataset's folder.
        is_good: whether the dataset may be used.

    Raises:
        StorageError: the page cannot be written.
    """
    ordered = sorted(findings)[:_MOST_FINDINGS]
    values = {
        "title": f"Annotations: {'good' if is_good else 'not accepted'}, {count_text(findings)}",
        "rules": list(count_by_rule(findings).items()),
        "files": _files(ordered, root),
        "rest": counted(len(findings) - len(ordered), "more finding") if len(findings) > len(ordered) else "",
    }
    write_text(path, render_template("report/findings.html", values), elsewhere="name another file with --html")


def _files(findings: Sequence[Finding], root: Path) -> list[FileFindings]:
    """Return the findings by file, those with errors first."""
    source, pictures = SourceLines(root), _Pictures(root)
    groups = [list(of_file) for _, of_file in itertools.groupby(findings, key=lambda one: one.file)]
    groups.sort(key=lambda ones: all(one.severity != Severity.ERROR.value for one in ones))
    return [
        FileFindings(
            clean_text(ones[0].file), [(one, source.line(one.file, one.line)) for one in ones], pictures.of(ones)
        )
        for ones in groups
    ]


class _Pictures:
    """Draws the pictures of a dataset, as long as there is room on the page."""

    def __init__(self, root: Path) -> None:
        """Read below a dataset's folder, nothing outside of it."""
        self._root, self._fence = root, Fence(root, follow_links=False)
        self._drawn, self._used_bytes = 0, 0

    def of(self, findings: Sequence[Finding]) -> Svg | None:
        """Return the picture of a file with its boxes, those with a finding in another colour."""
        if self._drawn >= _MOST_PICTURES or self._used_bytes >= _MOST_BYTES:
            return None
        try:
            picture = self._draw(findings[0].file, [one.line for one in findings])
        except (OSError, ValueError, EdgetrainError):
            return None  # a file that cannot be read is a finding itself
        self._drawn += 1
        self._used_bytes += len(picture.text) if picture else 0
        return picture

    def _draw(self, name: str, lines: Sequence[int]) -> Svg | None:
        annotation = None
        image_name: str | None = name
        if name.endswith(".xml"):
            path = self._root / name
            annotation, _ = parse_annotation(file_content(path, within=self._root), path)
            filename = (annotation.filename if annotation else "") or ""
            places = image_places(self._fence, name.rpartition("/")[0])
            image_name = picture_near(self._root, name, filename, places)
        if image_name is None:
            return None
        data = file_content(self._root / image_name, most_bytes=_MOST_PICTURE_BYTES, within=self._root)
        size = ImageSize(*decode(data).size)
        boxes = _boxes(annotation, lines) if annotation else []
        return marked_picture(data, size, boxes, name=clean_text(name), side=_SIDE, quality=_QUALITY)


def _boxes(annotation: Annotation, lines: Sequence[int]) -> list[MarkedBox]:
    """Return the boxes of an annotation; one is at fault where a finding is on a line from it to the next box."""
    ends = [*(one.line for one in annotation.boxes[1:]), math.inf]
    found = []
    for one, end in zip(annotation.boxes, ends):
        is_faulty = any(one.line <= line < end for line in lines)
        kind = "at fault" if is_faulty else "right"
        found.append(MarkedBox(one.class_name, kind, one.box, _NO_SCORE, is_truth=not is_faulty))
    return found
