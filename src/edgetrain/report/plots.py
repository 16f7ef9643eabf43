"""The door to Matplotlib: the figures of the reports as picture files, with the names that people know from YOLO tools.

Needs Matplotlib, which the train profile has. Each file is whole or absent, and equal reports give equal bytes.
"""

from __future__ import annotations

import csv
import functools
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import DatasetError
from edgetrain.core.system.files import replacing_dir
from edgetrain.core.wording import finite_number
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.stage_reports import as_list, as_object, as_text, value_of
from edgetrain.evaluation.analysis import corners
from edgetrain.images.image_file import decode
from edgetrain.records.example import DetectionExample
from edgetrain.report.material import Material
from edgetrain.report.placed_boxes import PlacedBox
from edgetrain.training.history import HistoryRow

RESULTS_CSV = "results.csv"
_SIZE, _DPI = (9.0, 6.0), 110
_LEGEND_CLASSES, _NAMED_CLASSES, _COUNTED_CLASSES = 20, 40, 30
_GRID, _NAME_LENGTH = 4, 24
_BLUE, _ORANGE = "#0072b2", "#d55e00"


def write_plots(material: Material, workspace: Workspace) -> list[str]:
    """Write all plots that there is something to show on, in place of earlier ones; return their names.

    Args:
        material: what the page is made of.
        workspace: gets the folder ``reports/plots``.

    Raises:
        StorageError: the folder cannot be written.
    """
    records, history, boxes = material.records, material.history, material.boxes
    drawn: dict[str, Callable[[Figure], None]] = {}
    if history:
        drawn["results.png"] = functools.partial(_results, history=history)
    drawn |= _curves(as_object(value_of(records, "evaluate", "curves")))
    mistakes = as_object(value_of(records, "evaluate", "mistakes"))
    if mistakes:
        for name, is_normalized in (("confusion_matrix.png", False), ("confusion_matrix_normalized.png", True)):
            drawn[name] = functools.partial(_confusion, mistakes=mistakes, is_normalized=is_normalized)
    if boxes:
        drawn["labels.png"] = functools.partial(_labels, boxes=boxes)
    drawn |= _batches(material)
    if not drawn:
        shutil.rmtree(workspace.plots_dir, ignore_errors=True)
        return []
    with replacing_dir(workspace.plots_dir) as folder:
        for name, draw in drawn.items():
            figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
            draw(figure)
            figure.savefig(folder / name, metadata={"Software": None} if name.endswith(".png") else None)
        if history:
            _write_results(folder / RESULTS_CSV, history)
        return sorted(path.name for path in folder.iterdir())


def _write_results(path: Path, history: Sequence[HistoryRow]) -> None:
    """Write the course of the training; a cell is empty where nothing was judged."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(["step", "train/loss", "train/box_loss", "train/cls_loss", "lr", "metrics/mAP50-95"])
        for row in history:
            ap = "" if row.validation_ap is None else row.validation_ap
            rows.writerow([row.step, row.loss, row.localization_loss, row.classification_loss, row.learning_rate, ap])


def _results(figure: Figure, history: Sequence[HistoryRow]) -> None:
    judged = [row for row in history if row.validation_ap is not None]
    lines: list[tuple[str, Sequence[HistoryRow], Callable[[HistoryRow], float]]] = [
        ("loss", history, lambda row: row.loss),
        ("box loss", history, lambda row: row.localization_loss),
        ("class loss", history, lambda row: row.classification_loss),
        ("validation AP (IoU 0.50 to 0.95)", judged, lambda row: row.validation_ap or 0.0),
    ]
    for axes, (title, rows, value) in zip(figure.subplots(2, 2).flat, lines):
        axes.plot([row.step for row in rows], [value(row) for row in rows], color=_BLUE, marker=".", markersize=4)
        axes.set(title=title, xlabel="training step")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)


def _curves(curves: Mapping[str, object]) -> dict[str, Callable[[Figure], None]]:
    classes = {name: as_object(row) for name, row in as_object(curves.get("classes")).items()}
    if not classes:
        return {}
    rows = {**classes, "all classes": as_object(curves.get("all"))}
    plots: dict[str, tuple[str, str, Callable[[Mapping[str, object]], _Line]]] = {
        "PR_curve.png": ("recall", "precision", _by_recall),
        "P_curve.png": ("score threshold", "precision", lambda row: _share(row, "precision")),
        "R_curve.png": ("score threshold", "recall", lambda row: _share(row, "recall")),
        "F1_curve.png": ("score threshold", "F1", lambda row: _share(row, "F1")),
    }
    return {
        name: functools.partial(_curve, rows=rows, labels=(x, y), line=line) for name, (x, y, line) in plots.items()
    }


_Line = tuple[list[float], list[float]]


def _by_recall(row: Mapping[str, object]) -> _Line:
    values = [finite_number(value) or 0.0 for value in as_list(row.get("precision_at_recall"))]
    return [place / max(1, len(values) - 1) for place in range(len(values))], values


def _share(row: Mapping[str, object], figure: str) -> _Line:
    """Return thresholds and a figure at each, without those where it is not defined."""
    right, wrong = ([finite_number(n) or 0.0 for n in as_list(row.get(key))] for key in ("right", "wrong"))
    boxes = finite_number(row.get("boxes")) or 0.0
    xs, ys = [], []
    for place, (r, w) in enumerate(zip(right, wrong)):
        whole = {"precision": r + w, "recall": boxes, "F1": (r + w + boxes) / 2}[figure]
        if whole:
            xs.append(place / max(1, len(right) - 1))
            ys.append(r / whole)
    return xs, ys


def _curve(
    figure: Figure,
    rows: Mapping[str, Mapping[str, object]],
    labels: tuple[str, str],
    line: Callable[[Mapping[str, object]], _Line],
) -> None:
    axes = figure.subplots()
    for name, row in rows.items():
        is_whole = row is [*rows.values()][-1]
        style = {"color": _BLUE, "linewidth": 3.0} if is_whole else {"linewidth": 1.0}
        axes.plot(*line(row), label=_plain(name), **style)
    axes.set(xlabel=labels[0], ylabel=labels[1], xlim=(0, 1), ylim=(0, 1.02), title=f"{labels[1]} by {labels[0]}")
    axes.grid(alpha=0.3)
    if len(rows) <= _LEGEND_CLASSES:
        figure.legend(loc="outside right upper")


def _confusion(figure: Figure, mistakes: Mapping[str, object], *, is_normalized: bool) -> None:
    """Draw the matrix with labelled classes in rows and found ones in columns; normalised, each row sums up to 1."""
    names = [_plain(as_text(name)) for name in as_list(mistakes.get("names"))]
    counts = [[finite_number(n) or 0.0 for n in as_list(row)] for row in as_list(mistakes.get("confusion"))]
    if is_normalized:
        counts = [[n / (sum(row) or 1) for n in row] for row in counts]
    axes = figure.subplots()
    figure.colorbar(axes.imshow(counts, cmap="Blues", vmin=0))
    if len(names) <= _NAMED_CLASSES:
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
        axes.set_yticks(range(len(names)), names)
    if len(names) <= _COUNTED_CLASSES:
        half = max(map(max, counts), default=0) / 2
        for y, row in enumerate(counts):
            for x, value in enumerate(row):
                text = f"{value:.2f}" if is_normalized else f"{value:.0f}"
                axes.text(x, y, text if value else "", ha="center", va="center", color="w" if value > half else "k")
    axes.set(xlabel="found", ylabel="labelled", title="Confusion at the recommended thresholds")


def _labels(figure: Figure, boxes: Sequence[PlacedBox]) -> None:
    """Draw boxes by class, where their centres are, and how large they are."""
    counts = Counter(one.class_name for one in boxes)
    names = sorted(counts)
    bars, centres, sizes = figure.subplots(1, 3)
    bars.barh([_plain(name) for name in names], [counts[name] for name in names], color=_BLUE)
    bars.invert_yaxis()
    bars.set(title=f"{len(boxes):,} boxes by class")
    if len(names) > _NAMED_CLASSES:
        bars.set_yticks([])
    unit = ((0, 1), (0, 1))
    for axes, xs, ys, title, labels in (
        (centres, [one.x for one in boxes], [one.y for one in boxes], "centres", ("x", "y (down)")),
        (sizes, [one.width for one in boxes], [one.height for one in boxes], "sizes", ("width", "height")),
    ):
        axes.hist2d(xs, ys, bins=40, range=unit, cmap="Blues")
        axes.set(title=title, xlabel=f"{labels[0]}, share of the picture", ylabel=labels[1], aspect="equal")
    centres.invert_yaxis()


def _batches(material: Material) -> dict[str, Callable[[Figure], None]]:
    """Return what draws the first batch of the training, and the sample pictures of the evaluation."""
    drawn: dict[str, Callable[[Figure], None]] = {}
    pictures = material.pictures
    if material.first_batch:
        drawn["train_batch0.jpg"] = functools.partial(_first_batch, examples=material.first_batch)
    samples = [as_object(one) for one in as_list(value_of(material.records, "evaluate", "samples"))]
    samples = [one for one in samples if as_text(one.get("source_id")) in pictures]
    if samples:
        for name, key in (("val_batch0_labels.jpg", "truths"), ("val_batch0_pred.jpg", "detections")):
            drawn[name] = functools.partial(_batch, samples=samples, pictures=pictures, key=key)
    return drawn


def _first_batch(figure: Figure, examples: Sequence[DetectionExample]) -> None:
    """Draw the first batch as the network saw it."""
    samples = [
        {
            "source_id": one.source_id,
            "filename": one.filename,
            "width": one.size.width,
            "height": one.size.height,
            "truths": [{"class": item.class_name, "box": corners(item.box.to_pixels(one.size))} for item in one.boxes],
        }
        for one in examples
    ]
    _batch(figure, samples, {one.source_id: one.image_bytes for one in examples}, "truths")


def _batch(figure: Figure, samples: Sequence[Mapping[str, object]], pictures: Mapping[str, bytes], key: str) -> None:
    grid = figure.subplots(-(-len(samples) // _GRID), _GRID, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, sample in zip(grid.flat, samples):
        _sample(axes, sample, pictures[as_text(sample.get("source_id"))], key)


def _sample(axes: Axes, sample: Mapping[str, object], data: bytes, key: str) -> None:
    size = ImageSize(*(max(1, int(finite_number(sample.get(side)) or 1)) for side in ("width", "height")))
    try:
        image = decode(data)
    except DatasetError:
        return
    image.thumbnail((320, 320))
    axes.imshow(image, extent=(0, size.width, size.height, 0))
    axes.set_title(_plain(as_text(sample.get("filename"))), fontsize=6)
    for one in map(as_object, as_list(sample.get(key))):
        corners = [finite_number(corner) or 0.0 for corner in as_list(one.get("box"))]
        score = finite_number(one.get("score"))
        text = _plain(as_text(one.get("class"))) + ("" if score is None else f" {score:.2f}")
        xmin, ymin, xmax, ymax = corners
        place = (xmin, ymin), xmax - xmin, ymax - ymin
        axes.add_patch(Rectangle(*place, fill=False, edgecolor=_ORANGE, linewidth=1.2))
        label = {"facecolor": _ORANGE, "edgecolor": "none", "pad": 0.6}
        axes.text(xmin, ymin, text, fontsize=5, color="w", bbox=label, clip_on=True)


def _plain(text: str) -> str:
    r"""Return a name that Matplotlib draws as it is: ``$`` would begin a formula, and long names leave no room."""
    shown = text if len(text) <= _NAME_LENGTH else f"{text[: _NAME_LENGTH - 1]}…"
    return shown.replace("$", r"\$")
