"""Each labelled box and each detection has one verdict; the confusion matrix counts every one of them."""

from __future__ import annotations

from collections import Counter

import pytest

from edgetrain.core.boxes import BoundingBox, ImageSize, NormalizedBox
from edgetrain.evaluation.analysis import SHOWN, Found, curves_of, mistakes_report, object_groups, thresholds_of
from edgetrain.evaluation.metrics import Detection, Truth
from edgetrain.evaluation.mistakes import Kind, judged_picture
from edgetrain.evaluation.thresholds import RuleLimits, Threshold, ThresholdRule, is_counted, score_curve
from edgetrain.records.example import DetectionExample, ExampleBox
from tests.evaluation.test_metrics import random_scene

BOX = BoundingBox(10, 10, 50, 40)
FAR = BoundingBox(100, 100, 140, 140)
LOOSE = BoundingBox(30, 10, 70, 40)
HALF = {1: 0.5, 2: 0.5, 3: 0.5}


def kinds_of(truths, detections):
    return Counter(one.kind for one in judged_picture(truths, detections, HALF).verdicts)


@pytest.mark.parametrize(
    ("detections", "kinds"),
    [
        pytest.param([(1, BOX, 0.9)], [Kind.RIGHT], id="right"),
        pytest.param([], [Kind.MISSED], id="missed"),
        pytest.param([(1, BOX, 0.49)], [Kind.MISSED], id="below the threshold"),
        pytest.param([(1, BOX, 0.9), (1, BOX, 0.8)], [Kind.RIGHT, Kind.DOUBLE], id="double"),
        pytest.param([(1, BOX, 0.8), (2, BOX, 0.9)], [Kind.RIGHT, Kind.DOUBLE], id="double of another class"),
        pytest.param([(2, BOX, 0.9)], [Kind.WRONG_CLASS], id="wrong class"),
        pytest.param([(1, LOOSE, 0.9)], [Kind.MISPLACED], id="misplaced"),
        pytest.param([(1, BOX, 0.9), (1, LOOSE, 0.8)], [Kind.RIGHT, Kind.MISPLACED], id="misplaced on a found one"),
        pytest.param([(1, FAR, 0.9)], [Kind.INVENTED, Kind.MISSED], id="invented"),
        pytest.param([(2, LOOSE, 0.9)], [Kind.INVENTED, Kind.MISSED], id="near, of another class"),
    ],
)
def test_what_a_detection_of_one_labelled_box_is(detections, kinds):
    found = [Detection(0, class_id, box, score) for class_id, box, score in detections]

    assert kinds_of([Truth(0, 1, BOX)], found) == Counter(kinds)


def test_a_picture_without_objects_has_inventions_only():
    assert kinds_of([], [Detection(0, 1, BOX, 0.9)]) == Counter([Kind.INVENTED])


def test_the_best_guess_below_the_threshold_is_kept_for_the_reader():
    weak = [Detection(0, 1, BOX, 0.2), Detection(0, 1, BOX, 0.4), Detection(0, 2, BOX, 0.45)]

    assert judged_picture([Truth(0, 1, BOX)], weak, HALF).weaker == (0.4,)


@pytest.mark.parametrize("seed", [pytest.param(seed, id=str(seed)) for seed in range(20)])
def test_every_box_is_counted_once(seed):
    """Rows sum up to the labelled boxes, columns to the detections that count."""
    truths, detections = random_scene(seed)
    found = [one for one in detections if one.score >= 0.5]
    pairs = []
    for image_id in range(8):
        ours, theirs = ([one for one in ones if one.image_id == image_id] for ones in (truths, detections))
        judged = judged_picture(ours, theirs, HALF)
        pairs += judged.pairs()
        assert sorted(one.detection for one in judged.verdicts if one.detection is not None) == [
            *range(len(judged.detections))
        ]
        assert sorted(one.truth for one in judged.verdicts if one.truth is not None) == [*range(len(ours))]

    assert Counter(row for row, _ in pairs if row) == Counter(one.class_id for one in truths)
    assert Counter(column for _, column in pairs if column) == Counter(one.class_id for one in found)


@pytest.mark.parametrize("seed", [pytest.param(seed, id=str(seed)) for seed in range(20)])
def test_what_is_right_is_what_the_curves_count(seed):
    """The curves agree with pycocotools, so the diagonal of the matrix does, too."""
    truths, detections = random_scene(seed)
    detections = [one for one in detections if is_counted(one.box)]
    judged = [
        judged_picture(*([one for one in ones if one.image_id == image_id] for ones in (truths, detections)), HALF)
        for image_id in range(8)
    ]
    cells = Counter(pair for picture in judged for pair in picture.pairs())

    for class_id in (1, 2, 3):
        curve = score_curve(truths, detections, class_id)
        found = sum(count for (_, column), count in cells.items() if column == class_id)
        assert (cells[class_id, class_id], found) == (curve.right[50], curve.right[50] + curve.wrong[50])


def example(number, *boxes):
    names = {1: "boat", 2: "fish"}
    labelled = tuple(
        ExampleBox(NormalizedBox(b.ymin / 200, b.xmin / 200, b.ymax / 200, b.xmax / 200), names[class_id], class_id)
        for class_id, b in boxes
    )
    return DetectionExample(f"{number}.jpg", f"images/{number}.jpg", b"", "jpeg", ImageSize(200, 200), labelled)


FOUND = Found(
    [example(0, (1, BOX)), example(1, (2, BOX), (1, FAR)), example(2)],
    [Detection(0, 1, BOX, 0.9), Detection(1, 1, BOX, 0.8), Detection(2, 2, FAR, 0.7)],
)
THRESHOLDS = {"boat": Threshold(0.5, ""), "fish": Threshold(0.5, "")}


def test_the_matrix_has_labels_in_rows_and_findings_in_columns():
    report = mistakes_report(FOUND, THRESHOLDS, ("boat", "fish"))

    assert report["names"] == ["boat", "fish", "background"]
    assert report["confusion"] == [[1, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert {(cell["row"], cell["column"]): cell["shown"] for cell in report["cells"]} == {
        (0, 0): [0],
        (0, 2): [1],
        (1, 0): [1],
        (2, 1): [2],
    }


def test_label_faults_are_sure_detections_that_the_labels_do_not_have():
    faults = mistakes_report(FOUND, THRESHOLDS, ("boat", "fish"))["label_faults"]

    assert faults["texts"] == ["boat 0.80 where the label says fish", "fish 0.70 where no label is"]


def test_of_very_many_pictures_a_list_has_some_with_boxes_more_with_names_and_counts_the_rest():
    many = Found([example(number, (1, BOX)) for number in range(500)], [])
    missed = mistakes_report(many, THRESHOLDS, ("boat", "fish"))["kinds"]["missed"]

    assert (missed["count"], missed["total"], len(missed["shown"]), len(missed["named"])) == (500, 500, SHOWN, 200)


def test_the_parts_of_few_and_many_objects_make_the_whole():
    groups = object_groups(FOUND, ("boat", "fish"))

    assert [(one["objects"], one["pictures"], one["boxes"]) for one in groups] == [("1 object", 1, 1), ("2 or 3", 1, 2)]
    assert groups[0]["ap50"] == pytest.approx(1)


def test_each_class_has_a_threshold_even_without_labels():
    curves = curves_of(FOUND, ("boat", "fish", "house"))

    assert [*thresholds_of(curves, RuleLimits(ThresholdRule.BEST_F1), 3)] == ["boat", "fish", "house"]
