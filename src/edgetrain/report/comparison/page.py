"""Comparisons as a page that needs nothing beside itself, and as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import DatasetError, SettingsError
from edgetrain.core.redaction import clean_text
from edgetrain.core.splits import Split
from edgetrain.core.system.files import write_text
from edgetrain.core.wording import counted, share_text, suggestion
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.stage_reports import as_text, value_of
from edgetrain.evaluation.mistakes import JudgedPicture, Kind
from edgetrain.records.example import DetectionExample, read_examples
from edgetrain.report.charts import MarkedBox, Svg, marked_picture
from edgetrain.report.comparison.difference import ChangedPicture, Comparison, FigureRow, Interval, compare
from edgetrain.report.comparison.runs import ComparedRun, find_run
from edgetrain.review.output.summary import in_markdown
from edgetrain.template import render_template

FORMATS = ("html", "markdown")
_SHOWN, _NAMED, _ROWS = 12, 50, 40
_SIDE, _QUALITY = 256, 62
_FEWEST_RUNS = 2
_TABLE_OF_FIGURES = ("figure", "first", "second", "difference, 95 % interval")


@dataclass(frozen=True)
class PicturePair:
    """A picture twice, with the boxes of each run; ``None`` where no workspace has the picture any more."""

    source_id: str
    text: str
    pictures: tuple[Svg, Svg] | None


def compare_runs(names: Sequence[str], output_format: str, workspace: Workspace) -> str:
    """Compare runs with the first of them; return the text for the terminal.

    Args:
        names: at least two, see :func:`find_run`.
        output_format: ``html`` leaves the page in the workspace, ``markdown`` is the text itself.
        workspace: whose former runs have names, and which gets the page.

    Raises:
        SettingsError: the format is unknown, or there is only one run.
        MissingInputError: there is no such run.
    """
    if output_format not in FORMATS:
        raise SettingsError(
            f"--format {output_format}: no such format. It is one of: {', '.join(FORMATS)}."
            f"{suggestion(output_format, FORMATS)}"
        )
    if len(names) < _FEWEST_RUNS:
        raise SettingsError("--compare names only one run. Give it twice: --compare A --compare B.")
    first, *others = [find_run(name, workspace) for name in names]
    found = [compare(first, other) for other in others]
    if output_format == "markdown":
        return "\n".join(map(_markdown, found))
    pages = [{"one": one, **_sections(one)} for one in found]
    page = render_template("report/compare.html", {"comparisons": pages, "title": found[0].verdict})
    write_text(workspace.comparison_path, page)
    return "\n".join([*(clean_text(one.verdict) for one in found), f"page    {workspace.comparison_path}"])


def _sections(one: Comparison) -> dict[str, object]:
    examples = _examples(one)
    return {
        "figures": [_cells(row) for row in one.figures],
        "classes": [_cells(row) for row in one.classes[:_ROWS]],
        "worse": [_pair(changed, one, examples) for changed in one.worse[:_SHOWN]],
        "better": [_pair(changed, one, examples) for changed in one.better[:_SHOWN]],
        "worse_named": [clean_text(changed.source_id) for changed in one.worse[_SHOWN : _SHOWN + _NAMED]],
        "better_named": [clean_text(changed.source_id) for changed in one.better[_SHOWN : _SHOWN + _NAMED]],
    }


def _cells(row: FigureRow) -> tuple[str, str, str, str, str]:
    """Return name, both figures with their intervals, the difference, and a word that says what it means."""
    sides = [(row.first, row.first_interval), (row.second, row.second_interval)]
    shown = [share_text(value) + (f" ({_range(inside)})" if inside else "") for value, inside in sides]
    words = {1: "better", -1: "worse", 0: "within chance" if row.difference else "interval not known"}
    if row.first is None or row.second is None:
        return row.name, shown[0], shown[1], "unknown", ""
    change = _signed(row.second - row.first) + (f" ({_signed_range(row.difference)})" if row.difference else "")
    word = "the same" if row.first == row.second and row.difference in (None, (0.0, 0.0)) else words[row.direction]
    return row.name, shown[0], shown[1], change, word


def _signed(value: float) -> str:
    return f"{round(value, 3) + 0.0:+.3f}".replace("-", "\N{MINUS SIGN}")


def _range(value: Interval) -> str:
    return f"{value[0]:.3f} to {value[1]:.3f}"


def _signed_range(value: Interval | None) -> str:
    return "" if value is None else f"{_signed(value[0])} to {_signed(value[1])}"


def _examples(one: Comparison) -> dict[str, DetectionExample]:
    """Return the pictures to be shown, from whichever workspace has them."""
    wanted = {changed.source_id for changed in (*one.worse[:_SHOWN], *one.better[:_SHOWN])}
    found: dict[str, DetectionExample] = {}
    for run in (one.second, one.first):
        found |= _examples_of(run, wanted - set(found))
    return found


def _examples_of(run: ComparedRun, wanted: Collection[str]) -> dict[str, DetectionExample]:
    if not wanted or run.home is None:
        return {}
    try:
        split = Split(as_text(value_of(run.records, "evaluate", "split")))
        examples = read_examples(run.home.shard_paths(split))
        return {example.source_id: example for example in examples if example.source_id in wanted}
    except (DatasetError, ValueError):
        return {}  # the names are still there


def _pair(changed: ChangedPicture, one: Comparison, examples: Mapping[str, DetectionExample]) -> PicturePair:
    example = examples.get(changed.source_id)
    runs = (one.first, one.second)
    text = ", ".join(f"{run.name}: {counted(n, 'mistake')}" for run, n in zip(runs, changed.mistakes))
    name = clean_text(changed.source_id)
    if example is None:
        return PicturePair(name, text, None)
    drawn = [
        _drawn(example, judged, one.class_names, f"{name}, {run.name}") for judged, run in zip(changed.judged, runs)
    ]
    return PicturePair(name, text, (drawn[0], drawn[1]))


def _drawn(example: DetectionExample, judged: JudgedPicture, names: Sequence[str], title: str) -> Svg:
    of_truth = {one.truth: one.kind.value for one in judged.verdicts if one.truth is not None}
    of_detection = {one.detection: one.kind.value for one in judged.verdicts if one.detection is not None}
    boxes = [
        MarkedBox(names[one.class_id - 1], of_truth.get(place, Kind.MISSED.value), one.box, 0.0, is_truth=True)
        for place, one in enumerate(judged.truths)
    ]
    boxes += [
        MarkedBox(names[one.class_id - 1], of_detection[place], one.box, one.score, is_truth=False)
        for place, one in enumerate(judged.detections)
    ]
    size = ImageSize(max(1, example.size.width), max(1, example.size.height))
    return marked_picture(example.image_bytes, size, boxes, name=title, side=_SIDE, quality=_QUALITY)


def _markdown(one: Comparison) -> str:
    """Return a comparison as Markdown; names of strangers mean nothing in it."""
    first, second = in_markdown(one.first.name), in_markdown(one.second.name)
    lines = [f"## {first} and {second}", "", f"**{in_markdown(one.verdict)}**", ""]
    lines += [*(f"- {in_markdown(note)}" for note in one.notes), *([""] if one.notes else [])]
    lines += _table(("figure", first, second, "difference", ""), [_cells(row) for row in one.figures])
    if one.classes:
        lines += _table(("AP50 of", first, second, "difference", ""), [_cells(row) for row in one.classes[:_ROWS]])
    for word, pictures in (("worse", one.worse), ("better", one.better)):
        if pictures:
            lines += [f"### {counted(len(pictures), 'picture')} {word}", ""]
            lines += [f"- {_changed_line(changed)}" for changed in pictures[:_SHOWN]]
            rest = len(pictures) - _SHOWN
            lines += [f"- and {counted(rest, 'more picture')}"] * (rest > 0) + [""]
    lines += _table(
        ("data", first, second), [row for row in one.data if row[1] != row[2]] or [("all the same", "", "")]
    )
    lines += _table(("setting", first, second), one.settings[:_ROWS] or [("all the same", "", "")])
    return "\n".join(lines)


def _changed_line(changed: ChangedPicture) -> str:
    before, after = changed.mistakes
    return f"{in_markdown(clean_text(changed.source_id))}: {counted(after, 'mistake')} instead of {before}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [*lines, *(f"| {' | '.join(map(in_markdown, row))} |" for row in rows), ""]
