"""Figures of a dataset: measured on the pictures themselves, nothing left out in silence."""

from __future__ import annotations

import json

import pytest

from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split
from edgetrain.core.system.files import write_json
from edgetrain.dataset.division import write_split_list
from edgetrain.dataset.stats.stats import run
from edgetrain.report import page as report
from tests.conftest import draw_labelled


def edit(path, old, new):
    """Replace a text in an annotation."""
    path.write_text(path.read_text().replace(old, new))


def test_pictures_boxes_and_classes_are_counted(settings, workspace, voc_dataset):
    stats = run(settings(voc_dataset), workspace)

    whole = stats.results["parts"]["all"]
    assert stats.summary == "12 pictures, 16 boxes, 3 classes"
    assert (whole["images"], whole["negatives"], whole["boxes"]) == (12, 1, 16)
    assert whole["classes"] == {"boat": 6, "fish": 5, "house": 5}
    assert list(stats.results["parts"]) == ["all"]


def test_sizes_are_those_at_the_network_s_input(settings, workspace, tmp_path):
    draw_labelled(tmp_path / "dataset", "a")

    whole = run(settings(network__image_size=320), workspace).results["parts"]["all"]

    assert whole["quantiles"]["width"] == [24 / 64 * 320] * 7
    assert whole["quantiles"]["height"] == [pytest.approx(34 / 48 * 320, abs=1e-3)] * 7
    assert [one["count"] for one in whole["histograms"]["side"]] == [0, 0, 0, 0, 0, 0, 1, 0]


def test_the_splits_of_the_workspace_are_told_apart(settings, workspace, voc_dataset):
    names = [f"annotations/{number:04d}.xml" for number in range(12)]
    for split, part in zip(Split, (names[:8], names[8:10], names[10:])):
        write_split_list(workspace.split_path(split), part)

    parts = run(settings(voc_dataset), workspace).results["parts"]

    assert {name: part["images"] for name, part in parts.items()} == {
        "train": 8,
        "validation": 2,
        "test": 2,
        "all": 12,
    }


def test_the_dataset_s_own_splits_are_told_apart_and_what_is_in_none(settings, workspace, voc_dataset):
    write_split_list(voc_dataset / "splits" / "train.txt", [f"annotations/{number:04d}.xml" for number in range(9)])

    parts = run(settings(voc_dataset), workspace).results["parts"]

    counts = {name: part["images"] for name, part in parts.items()}
    assert counts == {"train": 9, "validation": 0, "test": 0, "no split": 3, "all": 12}


def test_a_small_object_and_a_box_without_anchor_are_counted_and_named(settings, workspace, voc_dataset):
    edit(voc_dataset / "annotations" / "0000.xml", "<xmax>28<", "<xmax>4.5<")

    results = run(settings(voc_dataset), workspace).results

    assert results["parts"]["all"]["small"] == 1
    assert results["anchors"]["unmatched"] == 1
    assert results["anchors"]["worst"][0]["place"] == "annotations/0000.xml:14"
    assert "\n  annotations/0000.xml:14: boat 2.3x212.5 px, best IoU 0.0" in results["text"]


def test_every_shape_of_anchors_says_what_it_fits(settings, workspace, voc_dataset):
    anchors = run(settings(voc_dataset), workspace).results["anchors"]

    assert sum(shape["best"] for shape in anchors["shapes"]) == 16
    assert [shape["matched"] for shape in anchors["shapes"] if shape["layer"] == 0] == [0, 0, 0]
    assert max(shape["matched"] for shape in anchors["shapes"]) == 16


def test_what_cannot_be_measured_is_left_out_and_said(settings, workspace, voc_dataset):
    edit(voc_dataset / "annotations" / "0000.xml", "<xmax>28<", "<xmax>1<")
    edit(voc_dataset / "annotations" / "0002.xml", "<xmax>28<", "<xmax>x<")
    (voc_dataset / "images" / "0004.jpg").write_text("no picture")

    stats = run(settings(voc_dataset), workspace)

    assert stats.results["left_out"] == {"annotations": 2, "boxes": 1}
    assert stats.notes == ('2 annotations and 1 box were skipped because of faults: "ci/inv validate" lists them',)
    assert stats.results["parts"]["all"]["images"] == 10


def test_without_any_picture_there_is_nothing_to_measure(settings, workspace, tmp_path):
    draw_labelled(tmp_path / "dataset", "a")
    (tmp_path / "dataset" / "images" / "a.jpg").unlink()

    with pytest.raises(DatasetError, match=r"no picture can be measured .*a.xml:3: its picture"):
        run(settings(), workspace)


def test_a_dataset_without_boxes_has_figures_too(settings, workspace, tmp_path):
    draw_labelled(tmp_path / "dataset", "a", boxes=0)

    stats = run(settings(), workspace)

    assert stats.summary == "1 picture, 0 boxes, 0 classes"
    assert stats.results["parts"]["all"]["quantiles"]["width"] == []


@pytest.mark.parametrize("boxes", [0, 2])
def test_the_page_shows_the_figures(settings, workspace, tmp_path, boxes):
    draw_labelled(tmp_path / "dataset", "a", boxes=boxes)
    stats = run(settings(), workspace)
    write_json(workspace.report_path("stats"), json.loads(json.dumps({**stats.results, "stage": "stats"})))

    report.run(settings(), workspace)

    page = workspace.report_page_path.read_text(encoding="utf-8")
    assert "<h2>Boxes and anchors</h2>" in page
    assert page.count('class="cell"') == (1 if boxes else 0)
    assert page.count("<circle") == 33
