"""The first draw is COCO's own figure; intervals shrink with the pictures; the file keeps what was found."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.errors import DatasetError
from edgetrain.evaluation.analysis import Found
from edgetrain.evaluation.bootstrap import class_tables, draws_of, interval, weights_of
from edgetrain.evaluation.judged_file import read_judged, write_judged
from edgetrain.evaluation.metrics import Detection, judge
from edgetrain.records.example import DetectionExample, ExampleBox

NAMES = ("boat", "fish")
SIZE = ImageSize(400, 400)


def scene(pictures, seed=3):
    """Return labelled pictures, and detections near the boxes, doubled, of another class, or anywhere."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, nothing secret
    examples, detections = [], []
    for number in range(pictures):
        boxes = []
        for _ in range(number % 4):
            low, high = chance.uniform(0, 0.5), chance.uniform(0.1, 0.4)
            class_id = chance.choice((1, 2))
            box = NormalizedBox(low, low / 2, low + high, low / 2 + high)
            boxes.append(ExampleBox(box, NAMES[class_id - 1], class_id))
            for _ in range(chance.randrange(3)):
                moved = replace(box, xmax=box.xmax + chance.uniform(-0.08, 0.1))
                found = chance.choice((class_id, class_id, 1))
                detections.append(Detection(number, found, moved.to_pixels(SIZE), round(chance.random(), 3)))
        examples.append(DetectionExample(f"{number}.jpg", f"a/{number}.jpg", b"", "jpeg", SIZE, tuple(boxes)))
    return Found(examples, detections)


def draws(found, path):
    write_judged(path, found, NAMES)
    pictures = list(read_judged(path).values())
    return draws_of(class_tables(pictures), weights_of(len(pictures), len(found.detections)))


@pytest.mark.parametrize("seed", range(5))
def test_the_first_draw_has_cocos_figures(tmp_path, seed):
    found = scene(40, seed)
    metrics = judge(found.examples, found.detections, NAMES)
    drawn = draws(found, tmp_path / "detections.csv")

    assert drawn.ap[0] == pytest.approx(metrics.mean_average_precision, rel=1e-9)
    assert drawn.ap50[0] == pytest.approx(metrics.ap50, rel=1e-9)


def test_the_interval_holds_the_figure_and_shrinks_with_the_pictures(tmp_path):
    widths = []
    for pictures in (20, 320):
        drawn = draws(scene(pictures), tmp_path / "detections.csv")
        low, high = interval(drawn.ap50)
        assert low < drawn.ap50[0] < high
        widths.append(high - low)

    assert widths[1] < widths[0] / 2


def test_the_file_keeps_every_picture_and_box(tmp_path):
    found = scene(9)
    write_judged(tmp_path / "detections.csv", found, NAMES)
    pictures = read_judged(tmp_path / "detections.csv")

    assert list(pictures) == [one.source_id for one in found.examples]
    assert [len(one.truths) for one in pictures.values()] == [len(one.boxes) for one in found.examples]
    assert sum(len(one.detections) for one in pictures.values()) == len(found.detections)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("a.jpg,boat,0.5,1,2", ":2: 5 columns instead of 8", id="columns"),
        pytest.param("a.jpg,boat,0.5,1,2,x,4,1111111111", ":2: could not convert", id="no number"),
        pytest.param("a.jpg,boat,0.5,1,2,inf,4,1111111111", ":2: a number is out of range", id="infinite"),
        pytest.param("a.jpg,boat,0.5,1,2,3,4,11", ":2: a number is out of range", id="marks"),
    ],
)
def test_a_line_of_another_kind_is_one_message(tmp_path, line, message):
    path = tmp_path / "detections.csv"
    path.write_text(f"picture,class,score,xmin,ymin,xmax,ymax,right\n{line}\n", encoding="utf-8")

    with pytest.raises(DatasetError, match=message):
        read_judged(path)
