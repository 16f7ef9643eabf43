"""The page's part on thresholds and mistakes: its figures are the report's, its pictures are embedded once."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import re

import pytest
from PIL import Image

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.splits import Split
from edgetrain.evaluation.analysis import (
    Found,
    curves_of,
    curves_report,
    mistakes_report,
    object_groups,
    thresholds_of,
    thresholds_report,
)
from edgetrain.evaluation.metrics import Detection
from edgetrain.evaluation.thresholds import RuleLimits, ThresholdRule
from edgetrain.records.example import DetectionExample, ExampleBox
from edgetrain.records.tfrecord import write_records
from tests.support.examples import encode_example
from tests.support.report_material import HOSTILE, text_of

NAMES = ("boat", "fish")
LIMITS = RuleLimits(ThresholdRule.BEST_F1)


def noise(chance, size):
    """Return a JPEG of noise: no photograph takes more bytes."""
    buffer = io.BytesIO()
    Image.frombytes("RGB", size, chance.randbytes(3 * size[0] * size[1])).save(buffer, "JPEG", quality=70)
    return buffer.getvalue()


def judged_pictures(count, names=NAMES, size=(64, 48)):
    """Return pictures with two boxes each, and detections that are right, wrong or absent."""
    chance = random.Random(7)  # noqa: S311 - reproducible, nothing secret
    examples, detections = [], []
    for number in range(count):
        boxes = []
        for class_id in (1, 2):
            low = chance.uniform(0, 0.5)
            box = NormalizedBox(low, low, low + 0.4, low + 0.3)
            boxes.append(ExampleBox(box, names[class_id - 1], class_id))
            if chance.random() < 0.7:
                found = chance.choice((class_id, class_id, 1))
                detections.append(Detection(number, found, box.to_pixels(ImageSize(*size)), chance.random()))
        data = noise(chance, size) if number < 50 else examples[number % 50].image_bytes
        examples.append(
            DetectionExample(f"{number}.jpg", f"images/{number}.jpg", data, "jpeg", ImageSize(*size), tuple(boxes))
        )
    return Found(examples, detections)


@pytest.fixture
def analysed(judged, workspace):
    """Return a function that leaves records and the report of an evaluation of some pictures."""

    def write(found, names=NAMES):
        workspace.records_dir.mkdir(parents=True)
        write_records(workspace.shard_path(Split.TEST, 0, 1), map(encode_example, found.examples))
        curves = curves_of(found, names)
        images = len(found.examples)
        thresholds = thresholds_of(curves, LIMITS, images)
        analysis = {
            "curves": curves_report(curves),
            "thresholds": thresholds_report(thresholds, LIMITS, ("validation", images, curves), (images, curves)),
            "mistakes": mistakes_report(found, thresholds, names),
            "groups": object_groups(found, names),
        }
        judged(images=images, boxes=2 * images, **analysis)
        return analysis

    return write


def test_the_table_of_thresholds_has_the_figures_of_the_report(analysed, page):
    report = analysed(judged_pictures(30))
    words = text_of(page())

    for name, one in report["thresholds"]["classes"].items():
        judged = one["judged"]
        missed = judged["boxes"] - judged["right"]
        row = f"{name} {one['threshold']:.2f} {judged['right']} of {judged['boxes']} {missed} {judged['wrong']}"
        assert f"{row} {judged['precision']:.3f} {judged['recall']:.3f}" in words


def test_the_slider_counts_what_the_report_counts(analysed, page):
    report = analysed(judged_pictures(30))
    html = page()
    shown = re.findall(r'<option [^>]*data-boxes="(\d+)" data-right="([^"]*)" data-wrong="([^"]*)"', html)
    rows = [report["curves"]["all"], *report["curves"]["classes"].values()]

    assert shown == [(str(row["boxes"]), *(" ".join(map(str, row[key])) for key in ("right", "wrong"))) for row in rows]


def test_the_matrix_has_the_counts_of_the_report(analysed, page):
    report = analysed(judged_pictures(30))
    table = re.search(r'<table class="confusion">.*?</table>', page(), re.DOTALL)[0]
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", table, re.DOTALL)
    shown = [[int(b or n) for b, n in re.findall(r'%">(?:<button[^>]*><b>(\d+)</b>|(\d+)</td>)', row)] for row in rows]

    assert shown == report["mistakes"]["confusion"]


def test_each_picture_is_embedded_once_and_reachable_from_its_cells(analysed, page):
    report = analysed(judged_pictures(20))
    html = page()
    figures = re.findall(r'<figure data-picture="(\d+)">', html)
    opened = {number for text in re.findall(r'data-numbers="([\d ]*)"', html) for number in text.split()}

    assert len(figures) == len(set(figures)) == len(report["mistakes"]["pictures"])
    assert opened == set(figures)


def test_a_thousand_pictures_stay_below_five_megabytes(analysed, page):
    analysed(judged_pictures(1000, size=(640, 480)))

    assert 1_000_000 < len(page().encode()) < 5_000_000


def test_a_picture_without_room_or_records_is_named(analysed, workspace, page):
    analysed(judged_pictures(5))
    workspace.shard_path(Split.TEST, 0, 1).unlink()
    html = page()

    assert "<figure data-picture" not in html
    assert "<code>images/0.jpg</code>" in html


def test_only_the_pages_own_script_may_run(analysed, page):
    analysed(
        judged_pictures(5, (HOSTILE, "'\"><img src=x onerror=alert(1)>")), (HOSTILE, "'\"><img src=x onerror=alert(1)>")
    )
    html = page()
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

    assert f"script-src 'sha256-{digest}'" in html
    assert "<img src=x" not in html
    assert html.count("<script") == 1


def test_the_verdict_says_in_words_what_to_do(analysed, left, page):
    report = analysed(judged_pictures(30))
    left("split", {"splits": {"train": {"classes": {"boat": 40, "fish": 40}, "boxes": 80, "images": 50}}})
    recalls = {name: one["judged"]["recall"] for name, one in report["thresholds"]["classes"].items()}
    worst = min(recalls, key=recalls.get)
    words = text_of(page())

    assert "Good enough? At the thresholds below it finds" in words
    assert f"“{worst}” is found least" in words
    assert "as many again as the 40 boxes in training" in words


def test_a_class_map_of_very_many_classes_shows_those_with_most_mistakes(analysed, page):
    names = tuple(f"class {number}" for number in range(90))
    analysed(judged_pictures(10, names), names)
    html = page()

    assert "50 classes with fewer mistakes are in reports/evaluate.json" in html
    assert len(html.encode()) < 2_000_000
