"""Write the page that people look at first: one HTML file from whatever the other stages left behind.

Reads every ``reports/<stage>.json``, the course of the training and the pictures of the evaluated split. The page needs
nothing beside itself; equal inputs give equal bytes. What is not known is said to be unproven, never shown as 0.
Everything that is read counts as hostile text: class names and file names come from anybody.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import importlib.util
import statistics
from collections.abc import Iterator, Mapping, Sequence

from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import SettingsError
from edgetrain.core.outcome import Outcome
from edgetrain.core.project import TEMPLATES_DIR
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split
from edgetrain.core.system.files import file_digest, write_text
from edgetrain.core.system.folders import visible_files
from edgetrain.core.wording import (
    UNKNOWN,
    change_text,
    count_text,
    counted,
    duration_text,
    finite_number,
    share_text,
    size_text,
)
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.stage_reports import (
    STAGES,
    Records,
    as_list,
    as_object,
    as_text,
    setting_text,
    value_of,
)
from edgetrain.report.advice import answers_of
from edgetrain.report.charts import UNIT_CHART_PLACE, JudgedBox, Svg, judged_picture, share_bar, training_charts
from edgetrain.report.curves import curves_section
from edgetrain.report.first_batch import seen_picture
from edgetrain.report.material import Material, read_material
from edgetrain.report.mistakes import mistakes_section
from edgetrain.report.placed_boxes import PlacedBox, heat_map
from edgetrain.report.remarks import StageLine, is_rehearsal, remarks_of
from edgetrain.report.sections import edgetpu_section, promotion_section, stats_section
from edgetrain.template import render_template
from edgetrain.training.history import HistoryRow

_SEEN = 8
_SHOWN_IF_RUN = ("preflight-untrained", "preflight", "bundle", "promote")
_FIGURES = (
    ("AP50", "ap50", "average precision where a detection counts from IoU 0.50"),
    ("AP", "mean_average_precision", "mean over IoU 0.50 to 0.95, the figure of COCO"),
    ("AP75", "ap75", "average precision from IoU 0.75: tight boxes"),
    ("AR", "average_recall", "share of the labelled boxes that are found, mean over IoU 0.50 to 0.95"),
)


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Write the page; with ``model.file`` only where ``evaluate`` judged that model.

    Raises:
        SettingsError: another model was judged last.
        MissingInputError: no stage has left a report.
        StorageError: the page cannot be written.
    """
    material = read_material(workspace)
    records = material.records
    _require_judged(settings, records)
    stages = _stage_lines(records)
    title, subtitle = _headline(records, stages)
    values = {
        "title": title,
        "subtitle": subtitle,
        "answers": answers_of(records),
        "remarks": list(remarks_of(records, stages)),
        "stages": stages,
        "records": records,
        "judged": _judged(records),
        "figures": _figure_rows(records),
        "classes": _class_rows(records),
        **_evaluation(records, material.pictures),
        "training": _training_facts(records, material.history),
        "charts": _charts(material.history),
        "first_batch": [seen_picture(one) for one in material.first_batch[:_SEEN]],
        "data": _data_table(records),
        "maps": _maps(material.boxes),
        "edgetpu": edgetpu_section(records),
        "promotion": promotion_section(records),
        "stats": stats_section(records["stats"].outcome.results if "stats" in records else {}),
        "settings": _used_settings(records),
        "versions": _versions(records),
        "files": list(_files(records, workspace)),
    }
    page = render_template("report/index.html", values)
    write_text(workspace.report_page_path, page)
    size_bytes = len(page.encode())
    plots, notes = _plots(material, workspace)
    results = {"size_bytes": size_bytes, "plots": plots, "stages": {line.name: line.status for line in stages}}
    return Outcome(f"{title}; {workspace.relative(workspace.report_page_path)}", results, notes)


def _require_judged(settings: Settings, records: Records) -> None:
    """Raise where a model of the user's own is named, and ``evaluate`` judged another one last."""
    path = settings.model.file
    if path is None or value_of(records, "evaluate", "model_sha256") == file_digest(path):
        return
    raise SettingsError(
        f'{path.name}: what evaluate judged last is another model. Run "ci/inv evaluate --model {path.name}" first.'
    )


def _plots(material: Material, workspace: Workspace) -> tuple[list[str], tuple[str, ...]]:
    """Write the plots where this profile can, and return their names, or why there are none."""
    if importlib.util.find_spec("matplotlib") is None:
        return [], ("no plots: Matplotlib is not in this profile (the train profile has it)",)
    names: list[str] = importlib.import_module("edgetrain.report.plots").write_plots(material, workspace)
    return names, ()


def _stage_lines(records: Records) -> list[StageLine]:
    names = [name for name in STAGES if name in records or name not in _SHOWN_IF_RUN]
    lines = []
    for name in [*names, *(name for name in records if name not in STAGES)]:
        record = records.get(name)
        if record is None:
            lines.append(StageLine(name, "no result", "", ""))
        else:
            status = ("rehearsed" if is_rehearsal(records, name) else "done") if record.fingerprint else "failed"
            lines.append(StageLine(name, status, record.outcome.summary, duration_text(record.seconds)))
    return lines


def _headline(records: Records, stages: Sequence[StageLine]) -> tuple[str, str]:
    """Return what a reader knows after five seconds: a headline and the sentence below it."""
    int8, float32 = _metrics(records, "int8"), _metrics(records, "float32")
    if int8:
        network = as_object(value_of(records, "configure", "network")).get("type") or "Network of unknown type"
        model = f"{network}, full int8, input {value_of(records, 'quantize', 'input') or UNKNOWN}"
        others = f"The same network in float32: {_ap_text(float32)}."
        return f"{_ap_text(int8)} on {_judged(records)}", f"{model}. {others}"
    failed = [line for line in stages if line.status == "failed"]
    if failed:
        return f"{failed[0].name} failed", failed[0].summary
    last = [line for line in stages if line.status in ("done", "rehearsed")][-1]
    return "No model was judged yet", f"The last result is that of {last.name}: {last.summary}"


def _ap_text(metrics: Mapping[str, object]) -> str:
    return f"AP50 {share_text(metrics.get('ap50'))}, AP {share_text(metrics.get('mean_average_precision'))}"


def _judged(records: Records) -> str:
    """Return which pictures judged the model."""
    split = value_of(records, "evaluate", "split") or UNKNOWN
    return f"{count_text(value_of(records, 'evaluate', 'images'))} {split} pictures"


def _figure_rows(records: Records) -> list[tuple[str, ...]]:
    """Return label, meaning, float32, int8, and int8 minus float32 of each figure."""
    float32, int8 = _metrics(records, "float32"), _metrics(records, "int8")
    pairs = [(label, meaning, float32.get(key), int8.get(key)) for label, key, meaning in _FIGURES if int8]
    return [(label, meaning, share_text(a), share_text(b), change_text(a, b)) for label, meaning, a, b in pairs]


def _class_rows(records: Records) -> list[tuple[str, str, Svg | None, str, str]]:
    """Return name, boxes, bar, int8 AP and float32 AP of each class, best first, those without a figure last."""
    float32, int8 = (as_object(_metrics(records, name).get("class_ap")) for name in ("float32", "int8"))
    split = as_text(value_of(records, "evaluate", "split"))
    boxes = as_object(as_object(as_object(value_of(records, "split", "splits")).get(split)).get("classes"))
    if sum(finite_number(count) or 0 for count in boxes.values()) != value_of(records, "evaluate", "boxes"):
        boxes = {}
    rows = []
    values = {name: finite_number(value) for name, value in int8.items()}
    for name in sorted(values, key=lambda name: (values[name] is None, -(values[name] or 0), name)):
        value, marker = values[name], finite_number(float32.get(name))
        said = f"{name}: int8 {share_text(value)}, float32 {share_text(marker)}"
        bar = None if value is None else share_bar(value, marker, title=said)
        count = count_text(boxes.get(name, 0)) if boxes else UNKNOWN
        rows.append((name, count, bar, share_text(value), share_text(marker)))
    return rows


def _evaluation(records: Records, pictures: Mapping[str, bytes]) -> dict[str, object]:
    """Return what the page shows of the judged pictures, and the script that moves it."""
    samples = [as_object(sample) for sample in as_list(value_of(records, "evaluate", "samples"))]
    mistakes = as_object(value_of(records, "evaluate", "mistakes"))
    script = (TEMPLATES_DIR / "report" / "script.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    curves, thresholds = (as_object(value_of(records, "evaluate", key)) for key in ("curves", "thresholds"))
    return {
        "samples": list(_samples(samples, pictures)),
        "curves": curves_section(curves, thresholds),
        "place": UNIT_CHART_PLACE,
        "mistakes": mistakes_section(mistakes, pictures),
        "groups": _groups(records),
        "script": Svg(script),
        "script_digest": Svg(f"'sha256-{digest}'"),
    }


def _groups(records: Records) -> list[tuple[str, str, str, Svg | None, str]]:
    """Return label, pictures, boxes, bar and AP of the parts of the evaluated pictures."""
    rows = []
    for size, ap in as_object(_metrics(records, "int8").get("size_ap")).items():
        value = finite_number(ap)
        bar = None if value is None else share_bar(value, None, title=f"{size} boxes: AP {share_text(value)}")
        rows.append((f"{size} boxes", "", "", bar, share_text(value)))
    for one in map(as_object, as_list(value_of(records, "evaluate", "groups"))):
        label, value = f"{as_text(one.get('objects'))} in the picture", finite_number(one.get("ap"))
        bar = None if value is None else share_bar(value, None, title=f"{label}: AP {share_text(value)}")
        rows.append((label, count_text(one.get("pictures")), count_text(one.get("boxes")), bar, share_text(value)))
    return rows


def _samples(samples: Sequence[Mapping[str, object]], pictures: Mapping[str, bytes]) -> Iterator[tuple[Svg, str, str]]:
    """Yield picture with boxes, file name and caption of the pictures that evaluation chose."""
    for sample in samples:
        data = pictures.get(as_text(sample.get("source_id")))
        size = ImageSize(*(int(finite_number(sample.get(key)) or 1) for key in ("width", "height")))
        truths, found = (list(_boxes(sample.get(key))) for key in ("truths", "detections"))
        filename = as_text(sample.get("filename"))
        picture, caption = judged_picture(data, size, truths=truths, detections=found, name=filename)
        yield picture, filename, caption if data else f"{caption}; the picture is not in the records any more"


def _boxes(value: object) -> Iterator[JudgedBox]:
    for item in map(as_object, as_list(value)):
        corners = [finite_number(corner) or 0.0 for corner in as_list(item.get("box"))]
        yield JudgedBox(as_text(item.get("class")), BoundingBox(*corners), finite_number(item.get("score")) or 0.0)


def _charts(history: Sequence[HistoryRow]) -> list[Svg]:
    judged = [(row.step, row.validation_ap) for row in history if row.validation_ap is not None]
    return training_charts([(row.step, row.loss, row.learning_rate) for row in history], judged)


def _training_facts(records: Records, history: Sequence[HistoryRow]) -> list[tuple[str, str]]:
    """Return name and value of what there is to know of the run."""
    facts = []
    if "train" in records:
        steps = count_text(value_of(records, "train", "steps"))
        facts += [("steps", steps), ("time", duration_text(records["train"].seconds))]
        judged = finite_number(value_of(records, "train", "validation_ap"))
        if judged is not None:
            step = count_text(value_of(records, "train", "kept_step"))
            facts.append(("kept", f"step {step}, validation AP {share_text(judged)}"))
    if history:
        speed = statistics.median(row.images_per_second for row in history)
        facts += [("speed", f"{speed:.1f} images/s (median)"), ("last loss", f"{history[-1].loss:.3f}")]
    if "train" in records:
        first = int(finite_number(value_of(records, "train", "first_step")) or 0)
        facts.append(
            ("course", f"continued from step {first:,}; the time is that of the rest" if first else "in one go")
        )
    elif history:
        facts.append(("course", f"not finished: the last step on record is {history[-1].step:,}"))
    return facts


def _maps(boxes: Sequence[PlacedBox]) -> list[tuple[Svg, str]]:
    """Return where the labelled boxes of all splits lie, and how large they are, with a caption each."""
    if not boxes:
        return []
    across = "across, left to right"
    centres = heat_map(
        [(one.x, one.y) for one in boxes], title="Centres of the boxes", labels=(across, "down"), is_down=True
    )
    sizes = heat_map(
        [(one.width, one.height) for one in boxes],
        title="Sizes of the boxes",
        labels=("width", "height"),
        is_down=False,
    )
    count = counted(len(boxes), "box")
    return [
        (centres, f"Where the centres of {count} lie in their pictures: objects are learnt best where many were."),
        (sizes, "How large they are, as shares of the width (right) and height (up) of the picture."),
    ]


def _data_table(records: Records) -> list[tuple[str, ...]]:
    """Return the boxes of each class by split, sums last; without a division, those of the whole dataset."""
    division = as_object(value_of(records, "split", "splits"))
    parts: dict[str, Mapping[str, object]] = {
        split.value: as_object(division[split.value]) for split in Split if split.value in division
    }
    if not parts and "validate" in records:
        parts = {"all": records["validate"].outcome.results}
    counts = [as_object(part.get("classes")) for part in parts.values()]
    classes = sorted({name for of_part in counts for name in of_part})
    sums = (("all boxes", "boxes"), ("pictures", "images"), ("pictures without objects", "negatives"))
    rows = [("class", *parts, *(["all"] if len(parts) > 1 else []))] if parts else []
    rows += [_data_row(name, [of_part.get(name, 0) for of_part in counts]) for name in classes]
    return rows + [_data_row(label, [part.get(key) for part in parts.values()]) for label, key in sums if parts]


def _data_row(label: str, counts: Sequence[object]) -> tuple[str, ...]:
    numbers = [finite_number(count) for count in counts]
    known = [number for number in numbers if number is not None]
    total = [count_text(sum(known) if len(known) == len(numbers) else None)] if len(numbers) > 1 else []
    return (label, *map(count_text, numbers), *total)


def _used_settings(records: Records) -> list[tuple[str, str, str]]:
    """Return name, value and stages of every setting that shaped a result."""
    used: dict[tuple[str, str], list[str]] = {}
    for stage, record in records.items():
        for name, value in record.settings.items():
            inner = {f"{name}.{key}": part for key, part in value.items()} if isinstance(value, dict) else {name: value}
            for key, part in inner.items():
                used.setdefault((key, setting_text(part)), []).append(stage)
    return [(name, value, ", ".join(stages)) for (name, value), stages in sorted(used.items())]


def _versions(records: Records) -> list[tuple[str, str]]:
    """Return the versions of each library, several if the stages ran with different ones."""
    pairs = {pair for record in records.values() for pair in record.versions.items()}
    names = sorted({name for name, _ in pairs})
    return [(name, " and ".join(sorted(version for other, version in pairs if other == name))) for name in names]


def _files(records: Records, workspace: Workspace) -> Iterator[tuple[str, str, str]]:
    """Yield name, size now and digest of what the stages left behind."""
    for record in records.values():
        for name, digest in record.outputs.items():
            path = workspace.root / name
            files = visible_files(path) if path.is_dir() else [path] if path.is_file() else []
            size = size_text(sum(file.stat().st_size for file in files)) if files else "not there"
            yield f"{name}/" if path.is_dir() else name, size, digest or UNKNOWN


def _metrics(records: Records, model: str) -> Mapping[str, object]:
    return as_object(as_object(value_of(records, "evaluate", "results")).get(model))
