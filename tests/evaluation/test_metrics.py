"""COCO's figures: the same as pycocotools gives for the same boxes written as COCO's own JSON."""

from __future__ import annotations

import contextlib
import io
import random

import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edgetrain.core.boxes import BoundingBox
from edgetrain.evaluation.metrics import Detection, Truth, coco_metrics

NAMES = ("boat", "fish", "house")
IMAGES = 8
BOX = BoundingBox(10, 10, 50, 40)


def random_scene(seed):
    """Return truths, and detections of which some are near a truth, some of another class and some anywhere."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, nothing secret

    def box():
        xmin, ymin = chance.uniform(0, 400), chance.uniform(0, 400)
        return BoundingBox(xmin, ymin, xmin + chance.uniform(4, 200), ymin + chance.uniform(4, 200))

    def near(one):
        return BoundingBox(*(value + chance.gauss(0, 6) for value in (one.xmin, one.ymin, one.xmax, one.ymax)))

    truths = [Truth(chance.randrange(IMAGES - 2), chance.randint(1, 3), box()) for _ in range(chance.randint(1, 30))]
    detections = [
        Detection(truth.image_id, chance.choice((truth.class_id, truth.class_id, 1)), near(truth.box), chance.random())
        for truth in truths
        for _ in range(chance.randint(0, 2))
    ]
    detections += [Detection(chance.randrange(IMAGES), 2, box(), chance.random()) for _ in range(chance.randint(1, 20))]
    return truths, detections


def cocos_own(truths, detections):
    """Return the statistics of COCOeval, fed with dictionaries as in COCO's annotation and result files."""

    def row(one):
        width, height = one.box.xmax - one.box.xmin, one.box.ymax - one.box.ymin
        box = [one.box.xmin, one.box.ymin, width, height]
        return {"image_id": one.image_id, "category_id": one.class_id, "bbox": box, "area": width * height}

    coco = COCO()
    coco.dataset = {
        "images": [{"id": number} for number in range(IMAGES)],
        "categories": [{"id": number} for number in (1, 2, 3)],
        "annotations": [{**row(one), "id": number, "iscrowd": 0} for number, one in enumerate(truths, start=1)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes([{**row(one), "score": one.score} for one in detections]), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


def metrics_of(truths, detections, images=IMAGES):
    return coco_metrics(truths, detections, images=images, class_names=NAMES)


@pytest.mark.parametrize("seed", [pytest.param(seed, id=str(seed)) for seed in range(20)])
def test_the_figures_are_those_of_pycocotools(seed):
    truths, detections = random_scene(seed)
    expected = cocos_own(truths, detections)

    metrics = metrics_of(truths, detections)

    actual = (metrics.mean_average_precision, metrics.ap50, metrics.ap75, metrics.average_recall)
    assert actual == pytest.approx((expected[0], expected[1], expected[2], expected[8]), abs=1e-12)


@pytest.mark.parametrize("seed", [pytest.param(seed, id=str(seed)) for seed in range(5)])
def test_the_mean_over_the_classes_is_the_ap(seed):
    metrics = metrics_of(*random_scene(seed))

    known = [value for value in metrics.class_ap.values() if value is not None]

    assert sum(known) / len(known) == pytest.approx(metrics.mean_average_precision)


def test_perfect_detections_are_1():
    truths, _ = random_scene(0)

    metrics = metrics_of(truths, [Detection(one.image_id, one.class_id, one.box, 0.9) for one in truths])

    assert (metrics.mean_average_precision, metrics.ap50, metrics.ap75, metrics.average_recall) == pytest.approx(
        (1,) * 4
    )


def test_no_detection_at_all_is_0():
    metrics = metrics_of([Truth(0, 1, BOX)], [])

    assert (metrics.mean_average_precision, metrics.ap50, metrics.ap75, metrics.average_recall) == (0, 0, 0, 0)
    assert metrics.class_ap == {"boat": 0, "fish": None, "house": None}


def test_a_class_without_ground_truth_is_none_even_if_it_was_detected():
    metrics = metrics_of([Truth(0, 1, BOX)], [Detection(0, 1, BOX, 0.9), Detection(0, 3, BOX, 0.9)])

    assert metrics.class_ap == {"boat": pytest.approx(1), "fish": None, "house": None}
    assert metrics.mean_average_precision == pytest.approx(1)


def test_without_any_ground_truth_there_are_no_figures():
    with pytest.raises(ValueError, match="no ground truth to compare with"):
        metrics_of([], [Detection(0, 1, BOX, 0.9)])


def test_a_false_detection_on_a_picture_without_objects_costs_precision():
    truths = [Truth(0, 1, BOX), Truth(1, 1, BOX)]
    right = [Detection(0, 1, BOX, 0.9), Detection(1, 1, BOX, 0.5)]
    on_negative = Detection(2, 1, BOX, 0.7)

    assert metrics_of(truths, right).mean_average_precision == pytest.approx(1)
    assert metrics_of(truths, [*right, on_negative]).mean_average_precision < 0.9


def test_the_right_box_of_the_wrong_class_counts_as_nothing():
    assert metrics_of([Truth(0, 1, BOX)], [Detection(0, 2, BOX, 0.9)]).ap50 == 0


@pytest.mark.parametrize(
    ("shift", "ap50", "ap75"),
    [pytest.param(0, 1, 1, id="exact"), pytest.param(10, 1, 0, id="IoU 0.6"), pytest.param(20, 0, 0, id="IoU 0.33")],
)
def test_how_well_a_box_must_fit_depends_on_the_figure(shift, ap50, ap75):
    shifted = BoundingBox(BOX.xmin + shift, BOX.ymin, BOX.xmax + shift, BOX.ymax)

    metrics = metrics_of([Truth(0, 1, BOX)], [Detection(0, 1, shifted, 0.9)])

    assert (metrics.ap50, metrics.ap75) == (pytest.approx(ap50), pytest.approx(ap75))


def test_only_the_best_100_detections_of_a_picture_count():
    others = [Detection(0, 1, BoundingBox(200 + i, 200, 220 + i, 220), 0.9) for i in range(100)]

    assert metrics_of([Truth(0, 1, BOX)], [*others, Detection(0, 1, BOX, 0.5)]).ap50 == 0
    assert metrics_of([Truth(0, 1, BOX)], [*others[1:], Detection(0, 1, BOX, 0.5)]).ap50 > 0


def test_the_order_of_detections_does_not_matter():
    truths, detections = random_scene(3)

    assert metrics_of(truths, detections[::-1]) == metrics_of(truths, detections)


def test_nothing_is_printed(capfd):
    metrics_of(*random_scene(1))
    metrics_of([Truth(0, 1, BOX)], [])

    assert capfd.readouterr() == ("", "")
