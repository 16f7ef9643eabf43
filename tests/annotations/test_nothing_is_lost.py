"""The law of every import: each object of a source is a box, or counted in a line that names its kind and its picture.

The sources and their counts are those of ``tests/support/foreign_sources.py``. That the law can fail is shown by
importers with faults built in, each of which must break it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgetrain.annotations import box_table, coco, cvat, exchange, labelme, open_images, yolo
from edgetrain.annotations.annotation_set import Reading
from edgetrain.annotations.exchange import read_annotations
from edgetrain.annotations.import_source import ImportSource, ReadingChoices
from edgetrain.annotations.readers import label_studio, via, voc_tree
from tests.support.foreign_sources import (
    KINDS,
    Coco,
    Cvat,
    CvatVideo,
    LabelMe,
    LabelStudio,
    OpenImages,
    Table,
    Via,
    Via3,
    Voc,
    Yolo,
)

SOURCES = (Coco, Yolo, Voc, Cvat, CvatVideo, LabelMe, Via, Via3, LabelStudio, OpenImages, Table)
PICTURES = st.dictionaries(
    st.builds("{}/p{}.png".format, st.sampled_from(("sub", "a/Images", "train/Images")), st.integers(0, 3)),
    st.lists(st.sampled_from(KINDS), max_size=4),
    min_size=1,
    max_size=3,
)
CHOICES = st.builds(ReadingChoices, with_polygons=st.booleans(), with_crowds=st.booleans())
# One of each kind in one picture, in a folder whose name is written otherwise than usual: enough for each mutation.
EVERYTHING = {"a/Images/p0.png": list(KINDS), "sub/p1.png": ["polygon"], "sub/p2.png": []}


def account(root, made, choices):
    """Return the objects of a source by picture, the same by what an import says, and the pictures emptied unsaid."""
    source = made(root, EVERYTHING) if isinstance(made, type) else made
    reading = Reading()
    annotations = read_annotations(source.source_format, ImportSource(root, choices=choices), reading)
    said = Counter()
    names = {}
    for picture in annotations.pictures:
        file = picture.found_as or picture.name
        names[picture.name, picture.place] = next((name for name in source.pictures if name.endswith(file)), file)
        said[names[picture.name, picture.place]] += len(picture.boxes)
    for pictures in reading.lost.values():
        for key, count in pictures.items():
            said[names[key]] += count
    emptied = {names[key] for key in reading.emptied(annotations.pictures)}
    truth = source.count()
    negatives = {names[one.name, one.place] for one in annotations.pictures if not one.boxes}
    unsaid = {name for name in negatives if truth[name]} - emptied
    return (+truth, +said, unsaid, reading.faults)


def holds(result):
    truth, said, unsaid, faults = result
    return bool(faults) or (truth == said and not unsaid)


@pytest.mark.parametrize("kind", SOURCES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pictures=PICTURES, choices=CHOICES)
def test_each_object_is_a_box_or_counted_with_its_picture(tmp_path_factory, kind, pictures, choices):
    root = tmp_path_factory.mktemp("law")

    truth, said, unsaid, faults = account(root, kind(root, pictures), choices)
    assert faults == []
    assert said == truth
    assert unsaid == set()


@pytest.mark.parametrize("kind", SOURCES)
def test_the_law_is_about_every_kind_of_object(tmp_path, kind):
    truth, said, _, faults = account(tmp_path, kind, ReadingChoices(with_polygons=False))

    assert (sum(truth.values()), faults) == (len(KINDS) + 1, [])
    assert said == truth


def dropped(function, chosen):
    """Return a function that gives ``None`` for the arguments that are chosen."""
    return lambda *args, **kwargs: None if chosen(*args) else function(*args, **kwargs)


MUTATIONS = [
    pytest.param(Coco, coco._FileReader, "_box_of_segmentation", lambda *_: True, id="coco: polygons"),
    pytest.param(
        Coco, coco._FileReader, "_labelled_box", lambda _, entry, *__: entry.get("iscrowd"), id="coco: crowds"
    ),
    pytest.param(Yolo, yolo, "_box_of_polygon", lambda *_: True, id="yolo: polygons"),
    pytest.param(Yolo, yolo, "_label_name", lambda _, name, *__: "Images" in name, id="yolo: a folder in another case"),
    pytest.param(Cvat, cvat._FileReader, "_add_shape", lambda *_: True, id="cvat: shapes"),
    pytest.param(CvatVideo, cvat._FileReader, "_add_tracked", lambda _, tag, __: tag == "box", id="video: boxes"),
    pytest.param(Via3, via, "_labelled_box", lambda region, *_: region[0]["name"] == "ellipse", id="via 3: ellipses"),
    pytest.param(
        LabelMe, labelme, "_labelled_box", lambda shape, *_: shape["shape_type"] == "point", id="labelme: points"
    ),
    pytest.param(Via, via, "_labelled_box", lambda region, *_: region[0]["name"] == "circle", id="via: circles"),
    pytest.param(LabelStudio, label_studio._Task, "picture", lambda _, task, __: "sub" in str(task), id="ls: a folder"),
    pytest.param(Table, box_table, "_labelled_box", lambda row, _: row["xmin"] == "1", id="csv: a row"),
    pytest.param(OpenImages, open_images._Pictures, "add_box", lambda _, row, __: row["isgroupof"] == "1", id="groups"),
    pytest.param(Voc, voc_tree._Tree, "picture", lambda _, file: "Annotations" in file.name, id="voc: a folder"),
]


@pytest.mark.parametrize(("kind", "place", "name", "chosen"), MUTATIONS)
def test_an_importer_that_drops_something_breaks_the_law(  # noqa: PLR0913, PLR0917
    tmp_path, monkeypatch, kind, place, name, chosen
):
    assert holds(account(tmp_path / "sound", kind, ReadingChoices()))
    function = getattr(place, name)
    broken = dropped(function, chosen)
    monkeypatch.setattr(place, name, (lambda *args: broken(*args) or "") if name == "_label_name" else broken)
    if kind is Yolo and name == "_label_name":
        monkeypatch.setattr(yolo, "_refuse_unused", lambda *_: None)

    assert not holds(account(tmp_path / "broken", kind, ReadingChoices()))


def without_last_boxes(pictures):
    return [replace(picture, boxes=picture.boxes[:-1]) for picture in pictures]


def without_second_picture(pictures):
    return [picture for picture in pictures if not picture.name.endswith(("p1.png", "000001.png"))]


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("broken", [without_last_boxes, without_second_picture])
def test_every_importer_that_drops_something_breaks_the_law(tmp_path, monkeypatch, kind, broken):
    reader = exchange._READERS[kind.source_format]

    def dropping(source, reading):
        annotations = reader(source, reading)
        return replace(annotations, pictures=tuple(broken(annotations.pictures)))

    assert holds(account(tmp_path / "sound", kind, ReadingChoices()))
    monkeypatch.setattr(exchange, "_READERS", {kind.source_format: dropping})
    assert not holds(account(tmp_path / "broken", kind, ReadingChoices()))


def test_a_label_file_that_an_importer_overlooks_is_a_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(yolo, "_LABELS_NAMES", ("labels",))
    monkeypatch.setattr(ImportSource, "spelled", lambda self, name: name if name in self._paths else None)

    *_, faults = account(tmp_path, Yolo, ReadingChoices())
    assert [fault for fault in faults if "no picture belongs to these labels" in fault[2]] != []


def test_every_importer_is_under_the_law():
    assert {one.source_format for one in SOURCES} == set(exchange._READERS)
