"""Label Studio JSON: tasks with their annotations, and the short form "JSON-MIN".

Accepted; everything not shown is ignored (labelstud.io/guide/task_format)::

    [{"data": {"image": "/data/upload/1/1a2b3c4d-a.jpg"}, "file_upload": "1a2b3c4d-a.jpg",
      "annotations": [{"was_cancelled": false, "result": [{
          "type": "rectanglelabels", "original_width": 320, "original_height": 240, "image_rotation": 0,
          "value": {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": ["cat"]}}]}]}]
    [{"image": "/data/upload/1/a.jpg", "label": [{"x": 10, …, "rectanglelabels": ["cat"]}]}]      JSON-MIN

Coordinates are percents of the picture, rounded to a thousandth of a pixel; ``rotation`` is in degrees clockwise about
the corner (x, y). Turned rectangles, polygons and ellipses become the smallest box around them unless that is declined.
A region with two labels is two boxes. A task shows one picture. Of several annotations of a task the one that is the
ground truth counts.

Left out and counted: brush masks, key points and every other region, choices and texts, tasks that nobody annotated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from edgetrain.annotations.annotation_set import AnnotationSet, Picture, Place, Reading
from edgetrain.annotations.folder_names import IMAGE_SUFFIXES
from edgetrain.annotations.import_source import ImportSource, SourceFile, own_names, parse_number, parse_size
from edgetrain.annotations.located_json import read_located
from edgetrain.annotations.shapes import BoxAround, around, around_points, box_around_turned
from edgetrain.core.annotation import LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.wording import counted

_DIGITS = 3
_PAIR = 2
_RECTANGLE, _POLYGON, _ELLIPSE = "rectangle", "polygon", "ellipse"
_KINDS = (_RECTANGLE, _POLYGON, _ELLIPSE)
_TOLD_BY = {"points": _POLYGON, "radiusX": _ELLIPSE, "height": _RECTANGLE, "rle": "brush", "x": "keypoint"}
_BESIDE = ("choices", "textarea", "rating", "number", "datetime", "taxonomy", "pairwise", "relation", "labels")
_PICTURE_KEYS = ("image", "img", "picture", "photo", "url")


def read_label_studio(source: ImportSource, reading: Reading) -> AnnotationSet:
    """Return the pictures of all files, in their order; the format states no order of classes."""
    pictures: list[Picture] = []
    empty = 0
    for file in source.files(".json"):
        located = read_located(file.path, file.name, reading, may_be_list=True)
        if located is None:
            continue
        tasks = located.values.get("")
        if not isinstance(tasks, list):
            text = "this is one object, not the list of tasks that Label Studio exports. Correct --from or the file."
            reading.fault(Place(file.name), text)
            continue
        for task, line in zip(tasks, located.lines[""]):
            place = Place(file.name, line)
            results = _results(task, place, reading)
            if results is None:
                empty += 1
            elif isinstance(task, dict):
                picture = _Task(source, file, place, reading).picture(task, results)
                pictures += [picture] if picture is not None else []
    if empty:
        reading.notes.append(f"{counted(empty, 'task')} without an annotation: skipped")
    return AnnotationSet(tuple(pictures), (), reading.counts())


def _results(task: object, place: Place, reading: Reading) -> list[Any] | None:
    """Return the regions of a task; ``None`` if it has no annotation, which is not the same as one without regions."""
    if not isinstance(task, dict):
        reading.fault(place, "a task is not an object; this is not Label Studio's JSON. Correct --from or the file.")
        return []
    own = task.get("annotations", task.get("completions"))
    if own is None:
        return _short_form(task)
    done = (
        [one for one in own if isinstance(one, dict) and not one.get("was_cancelled")] if isinstance(own, list) else []
    )
    chosen = [one for one in done if one.get("ground_truth")] or done
    if len(chosen) > 1:
        text = f"the task {task.get('id')!r} has {len(chosen)} annotations. Only one can be the ground truth."
        reading.fault(place, f"{text} Mark one with the star in Label Studio, or delete the others.")
    if not chosen:
        return None
    results = chosen[0].get("result")
    if not isinstance(results, list) or not all(isinstance(region, dict) for region in results):
        reading.fault(place, f"the result of the task {task.get('id')!r} is not a list of regions. Export it again.")
        return []
    return results


def _short_form(task: Mapping[str, Any]) -> list[Any] | None:
    """Return the regions of "JSON-MIN", each in the long form."""
    lists = [value for value in task.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
    if not lists and "annotation_id" not in task:
        return None
    regions = [region for values in lists for region in values if isinstance(region, dict)]
    return [
        {**region, "value": region, "type": next((key for key in region if key.endswith("labels")), _shape(region))}
        for region in regions
    ]


def _shape(region: Mapping[str, Any]) -> str:
    """Return the kind of a region that has no label of its own, by the values that it has; empty for no shape."""
    return next((kind for key, kind in _TOLD_BY.items() if key in region), "")


class _Task:
    """Reads one task; faults stand at its line."""

    def __init__(self, source: ImportSource, file: SourceFile, place: Place, reading: Reading) -> None:
        self._source, self._file, self._place, self._reading = source, file, place, reading

    def picture(self, task: Mapping[str, Any], results: list[Any]) -> Picture | None:
        names = self._names(task)
        if not names:
            text = f"the task {task.get('id')!r} does not name a picture inside the source."
            self._reading.fault(self._place, f"{text} Put the pictures next to the file, with their own names.")
            return None
        regions = [region for region in results if isinstance(region, dict)]
        shown = {(region.get("to_name"), region.get("item_index") or 0) for region in regions if _is_drawn(region)}
        if len(shown) > 1 or (shown and len(names) > 1):
            text = (
                f"the task {task.get('id')!r} has several pictures, and nothing says which picture a region belongs to."
            )
            self._reading.fault(self._place, f"{text} Give each picture a task of its own in Label Studio.")
            return None
        name = names[0]
        size = next((one for region in regions if (one := self._stated_size(region))), None)
        if size is None:
            path = self._source.picture(name, self._file.split, self._file.folder)
            size = self._source.size_of(path, self._place, name, self._reading)
        head = Picture(name, size, (), self._file.split, self._place)
        labels = {str(region.get("id")): self._labels(region) for region in regions if region.get("type") == "labels"}
        boxes = [box for region in regions if size for box in self._boxes(region, head, size, labels)]
        return Picture(name, size, tuple(boxes), self._file.split, self._place)

    def _names(self, task: Mapping[str, Any]) -> list[str]:
        """Return the names of the pictures that a task may show: those that are there, else the first stated."""
        data = task.get("data", task)
        fields = data if isinstance(data, dict) else {}
        usual = [fields.get(key) for key in _PICTURE_KEYS]
        others = [text for text in fields.values() if isinstance(text, str) and _is_picture(text)]
        split, folder = self._file.split, self._file.folder
        missing: list[str] = []
        for texts in (usual, others, [task.get("file_upload")]):
            stated = [self._source.stated_picture(text, self._reading, split=split, folder=folder) for text in texts]
            names = [name for name in dict.fromkeys(stated) if name is not None]
            there = [name for name in names if self._source.picture(name, split, folder) is not None]
            if there:
                return there[:1] if texts is usual else there
            missing += names
        return missing[:1]

    def _stated_size(self, region: Mapping[str, Any]) -> ImageSize | None:
        return parse_size(region.get("original_width"), region.get("original_height"))

    def _labels(self, region: Mapping[str, Any]) -> list[str]:
        value = region.get("value")
        values = value if isinstance(value, dict) else {}
        found = next((values[key] for key in values if key.endswith("labels")), None)
        names = found if isinstance(found, list) else [found] if isinstance(found, str) else []
        return [name.strip() for name in names if isinstance(name, str) and name.strip()]

    def _boxes(
        self, region: Mapping[str, Any], picture: Picture, size: ImageSize, labels: Mapping[Any, list[str]]
    ) -> Iterator[LabelledBox]:
        kind = str(region.get("type", "")).removesuffix("labels")
        if not kind or kind in _BESIDE or region.get("type") == "labels":
            self._reading.left_out["choices and texts"] += region.get("type") != "labels"
            return
        if kind not in _KINDS:
            self._reading.lose(f"regions of the kind {kind}", picture.name, picture.place)
            return
        own = self._source.choices.class_name
        names = self._labels(region) or labels.get(str(region.get("id")), []) or ([own] if own else [])
        box = _box(kind, region.get("value"), size)
        if not names or box is None or parse_number(region.get("image_rotation", 0)):
            what = (
                "has no label"
                if not names
                else "has no readable values"
                if box is None
                else "belongs to a rotated picture"
            )
            self._reading.fault(self._place, f"{picture.name}: a region {what}. Correct it in Label Studio.")
            return
        what = f"{kind}s" if kind != _RECTANGLE else "rotated boxes" if isinstance(box, BoxAround) else ""
        if what and not self._source.choices.with_polygons:
            self._reading.lose(what, picture.name, picture.place)
            return
        if what:
            self._reading.boxed[what] += 1
        for name in names:
            yield LabelledBox(name, box, self._place.line)


def _is_drawn(region: Mapping[str, Any]) -> bool:
    """Return whether a region has a place in the picture, unlike choices, texts and relations."""
    value = region.get("value")
    return isinstance(value, dict) and ("x" in value or "points" in value or "rle" in value)


def _is_picture(text: str) -> bool:
    return any(PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES for name in own_names(text))


def _box(kind: str, value: object, size: ImageSize) -> BoundingBox | None:
    values = value if isinstance(value, dict) else {}

    def pixels(number: object, side: int) -> float | None:
        percent = parse_number(number)
        return None if percent is None else round(percent * side / 100, _DIGITS)

    if kind == _POLYGON:
        stated = values.get("points")
        pairs = stated if isinstance(stated, list) else []
        if not all(isinstance(pair, list) and len(pair) == _PAIR for pair in pairs):
            return None
        points = [(pixels(x, size.width), pixels(y, size.height)) for x, y in pairs]
        known = [(x, y) for x, y in points if x is not None and y is not None]
        return around_points(known) if known and len(known) == len(pairs) else None
    names = ("width", "height") if kind == _RECTANGLE else ("radiusX", "radiusY")
    sides = [pixels(values.get(name), side) for name, side in zip(("x", "y", *names), (size.width, size.height) * 2)]
    known_sides = [side for side in sides if side is not None]
    if len(known_sides) != len(sides):
        return None
    x, y, width, height = known_sides
    degrees = parse_number(values.get("rotation", 0)) or 0
    if kind == _ELLIPSE:
        box = BoundingBox(x - width, y - height, x + width, y + height)
        return box_around_turned(box, degrees) if degrees else around(box)
    box = BoundingBox(x, y, round(x + width, _DIGITS), round(y + height, _DIGITS))
    return box_around_turned(box, degrees, (x, y)) if degrees % 360 else box
