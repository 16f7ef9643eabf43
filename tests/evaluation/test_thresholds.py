"""One matching serves all thresholds: counts agree with pycocotools and with counting anew, and rules are kept."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edgetrain.core.boxes import BoundingBox
from edgetrain.evaluation.metrics import Detection, Truth
from edgetrain.evaluation.thresholds import (
    STEPS,
    RuleLimits,
    ThresholdRule,
    chosen_threshold,
    curve_of,
    is_counted,
    matches,
    score_curve,
    sum_of,
)
from tests.evaluation.test_metrics import IMAGES, NAMES, random_scene

BOX = BoundingBox(10, 10, 50, 40)


def cocos_precision(truths, detections):
    """Return pycocotools' precision at IoU 0.50: recall by class."""

    def row(one):
        box = [one.box.xmin, one.box.ymin, one.box.width, one.box.height]
        return {"image_id": one.image_id, "category_id": one.class_id, "bbox": box, "area": one.box.area}

    coco = COCO()
    coco.dataset = {
        "images": [{"id": number} for number in range(IMAGES)],
        "categories": [{"id": number} for number in range(1, len(NAMES) + 1)],
        "annotations": [{**row(one), "id": number, "iscrowd": 0} for number, one in enumerate(truths, start=1)],
    }
    coco.createIndex()
    evaluation = COCOeval(coco, coco.loadRes([{**row(one), "score": one.score} for one in detections]), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval["precision"][0, :, :, 0, -1]


@pytest.mark.parametrize("seed", [pytest.param(seed, id=str(seed)) for seed in range(20)])
def test_precision_at_each_recall_is_that_of_pycocotools(seed):
    truths, detections = random_scene(seed)
    expected = cocos_precision(truths, detections)

    for number in range(1, len(NAMES) + 1):
        actual = score_curve(truths, detections, number).precision_at_recall
        if actual:
            assert actual == pytest.approx(list(expected[:, number - 1]), abs=1e-12)
        else:
            assert np.all(expected[:, number - 1] == -1)


@pytest.mark.parametrize("seed", [pytest.param(seed, id=str(seed)) for seed in range(10)])
def test_counts_are_those_of_the_detections_that_a_threshold_leaves(seed):
    truths, detections = random_scene(seed)
    curve = score_curve(truths, detections, 2)

    for place in range(0, STEPS + 1, 5):
        left = [one for one in detections if one.score >= place / STEPS]
        alone = score_curve(truths, left, 2)
        assert (curve.right[place], curve.wrong[place]) == (alone.right[0], alone.wrong[0])


def test_a_detection_takes_the_labelled_box_that_it_covers_best():
    near, nearer = BoundingBox(0, 0, 10, 10), BoundingBox(2, 0, 12, 10)

    assert matches([near, nearer], [nearer, nearer]) == [1, 0]
    assert matches([near], [near, near]) == [0, None]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_box_that_is_no_number_finds_nothing(bad):
    assert matches([BOX], [BoundingBox(bad, 0, 10, 10)]) == [None]


def test_shares_are_unknown_where_there_is_nothing_to_share():
    empty = curve_of(0, [])

    assert (empty.precision(0), empty.recall(0), empty.f1(0), empty.precision_at_recall) == (None, None, 0, ())


def test_all_classes_together_have_the_sum_of_the_counts():
    truths, detections = random_scene(1)
    curves = [score_curve(truths, detections, number) for number in (1, 2, 3)]
    whole = sum_of(curves)

    assert whole.truths == len(truths)
    assert whole.right[0] + whole.wrong[0] == sum(is_counted(one.box) for one in detections)


CURVE = curve_of(4, [(0.9, True), (0.8, True), (0.6, False), (0.5, True), (0.3, False), (0.2, False)])


@pytest.mark.parametrize(
    ("limits", "right", "wrong"),
    [
        pytest.param(RuleLimits(ThresholdRule.BEST_F1), 3, 1, id="best F1"),
        pytest.param(RuleLimits(ThresholdRule.MIN_PRECISION, min_precision=0.9), 2, 0, id="precision"),
        pytest.param(RuleLimits(ThresholdRule.MAX_FALSE_ALARMS, max_false_alarms=10), 3, 1, id="one false alarm"),
        pytest.param(RuleLimits(ThresholdRule.MAX_FALSE_ALARMS, max_false_alarms=9), 2, 0, id="no false alarm"),
    ],
)
def test_a_rule_chooses_what_finds_most_within_its_limit(limits, right, wrong):
    chosen = chosen_threshold(CURVE, limits, images=10)

    assert (CURVE.right[chosen.place], CURVE.wrong[chosen.place]) == (right, wrong)
    assert chosen.is_kept


def test_a_threshold_stands_in_the_middle_of_those_that_do_equally_well():
    assert (
        chosen_threshold(curve_of(1, [(0.8, True), (0.4, False)]), RuleLimits(ThresholdRule.BEST_F1), 1).value == 0.61
    )


def test_a_rule_that_cannot_be_kept_says_so():
    curve = curve_of(2, [(0.9, False), (0.5, True)])
    chosen = chosen_threshold(curve, RuleLimits(ThresholdRule.MIN_PRECISION, min_precision=0.9), images=1)

    assert not chosen.is_kept
    assert chosen.reason == "best F1; no threshold finds most with a precision of at least 0.9"


@pytest.mark.parametrize(
    ("curve", "reason"),
    [
        pytest.param(curve_of(0, [(0.9, False)]), "no labelled box to choose by", id="no label"),
        pytest.param(curve_of(3, [(0.9, False)]), "none of its labelled boxes is found", id="nothing found"),
    ],
)
def test_without_anything_to_choose_by_it_is_one_half(curve, reason):
    chosen = chosen_threshold(curve, RuleLimits(ThresholdRule.BEST_F1), images=3)

    assert (chosen.value, chosen.is_kept) == (0.5, False)
    assert chosen.reason.startswith(reason)


def test_a_class_is_judged_by_its_own_boxes_only():
    assert score_curve([Truth(0, 1, BOX)], [Detection(0, 2, BOX, 0.9)], 1).right[0] == 0
