"""What concerns a whole dataset of others: names, copies, divisions, chosen classes, messages, all cases."""

from __future__ import annotations

import unicodedata

import pytest

from edgetrain.annotations.voc import parse_annotation
from edgetrain.core.errors import DatasetError, SettingsError
from edgetrain.core.settings.class_choice import ClassChoice
from edgetrain.core.splits import Split
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.dataset import export_annotations, label_map, split
from edgetrain.review import validate
from edgetrain.review.validate import check
from tests.conftest import draw_labelled
from tests.support.foreign_labels import rules_of
from tests.support.places import SHARED_DIR

CASES = SHARED_DIR / "cases" / "annotations"

# --- names in other forms, label maps ---


def test_names_in_another_unicode_form_or_with_percent_codes_are_found_with_one_warning(settings, workspace, tmp_path):
    for number, (stem, written) in enumerate(
        [("Zähler_ñ", unicodedata.normalize("NFD", "Zähler_ñ")), ("a b", "a%20b"), ("100%", "100%")]
    ):
        path = draw_labelled(tmp_path, stem, shade=40 * number)
        path.write_text(path.read_text(encoding="utf-8").replace(f"{stem}.jpg", f"{written}.jpg"), encoding="utf-8")
        path.rename(path.with_name(f"{written}.xml"))

    found = rules_of(settings, workspace, tmp_path)
    assert found == [
        (f"annotations/{unicodedata.normalize('NFD', 'Zähler_ñ')}.xml", "filename-form"),
        ("annotations/a%20b.xml", "filename-form"),
    ]


def test_display_names_are_the_classes_where_the_names_are_those_of_no_box(settings, workspace, voc_dataset):
    names = ("fish", "boat", "house")
    items = (f"item {{ id: {n} name: '/m/{n}' display_name: '{name}' }}\n" for n, name in enumerate(names, start=1))
    (voc_dataset / "label_map.pbtxt").write_text("".join(items))

    assert label_map.run(settings(voc_dataset), workspace).results["classes"] == list(names)
    assert read_label_map(workspace.label_map_path).names == names
    assert "class-unknown" not in {rule for _, rule in rules_of(settings, workspace, voc_dataset)}


# --- augmented copies, validation pictures ---


def test_augmented_copies_stay_together_and_that_is_said(settings, workspace, tmp_path):
    for number in range(24):
        draw_labelled(tmp_path / "set", f"IMG_{number % 8}_jpg.rf.{number:06x}", shade=10 * number)

    report = split.run(settings(tmp_path / "set"), workspace)
    places = {}
    for part in Split:
        for line in workspace.split_path(part).read_text().splitlines():
            places.setdefault(line.split(".rf.")[0], set()).add(part)
    assert {len(parts) for parts in places.values()} == {1}
    assert "24 augmented copies (NAME.rf.…) of 8 pictures: copies stay together" in report.notes


def test_a_division_that_parts_augmented_copies_is_an_error(settings, workspace, tmp_path):
    for folder in ("train", "test"):
        draw_labelled(tmp_path, f"a_jpg.rf.{folder}", folders=(folder, folder), shade=len(folder))

    assert ("train/a_jpg.rf.train.xml", "split-augmented") in rules_of(settings, workspace, tmp_path)


@pytest.mark.parametrize(("share", "count"), [(0.25, 1), (0, 0)])
def test_without_validation_pictures_a_share_of_train_becomes_them(settings, workspace, voc_dataset, share, count):
    (voc_dataset / "splits").mkdir()
    names = sorted(f"annotations/{path.name}" for path in (voc_dataset / "annotations").glob("*.xml"))
    for name, own in (("train", names[:8]), ("test", names[8:])):
        (voc_dataset / "splits" / f"{name}.txt").write_text("".join(f"{one}\n" for one in own))

    report = split.run(settings(voc_dataset, split__validation=share), workspace)
    chosen = workspace.split_path(Split.VALIDATION).read_text().splitlines()
    assert bool(chosen) == bool(count)
    assert set(chosen) <= set(names[:8])
    assert workspace.split_path(Split.TEST).read_text().splitlines() == names[8:]
    assert any("has no validation split" in note for note in report.notes)


# --- chosen classes ---


def test_chosen_classes_are_applied_counted_and_said_and_files_stay(settings, workspace, voc_dataset):
    before = {path: path.read_bytes() for path in voc_dataset.rglob("*.xml")}
    given = {"dataset__classes": {"rename": {"fish": "boat"}, "drop": ["house"], "emptied": "leave-out"}}

    report = split.run(settings(voc_dataset, **given), workspace)
    assert {name for one in report.results["splits"].values() for name in one["classes"]} == {"boat"}
    assert any(note.startswith("dataset.classes: boxes under another name: ") for note in report.notes)
    assert any(note.startswith("dataset.classes: 5 boxes left out: house 5") for note in report.notes)
    assert label_map.run(settings(voc_dataset, **given), workspace).results["classes"] == ["boat"]
    assert {path: path.read_bytes() for path in voc_dataset.rglob("*.xml")} == before


def test_a_picture_without_a_chosen_object_is_a_negative_only_if_said(settings, workspace, voc_dataset):
    choice = {"keep": ["boat"]}

    with pytest.raises(DatasetError, match=r"dataset.classes leaves no object in \d+ pictures"):
        split.run(settings(voc_dataset, dataset__classes=choice), workspace)
    found = check(settings(voc_dataset, dataset__classes=choice), workspace)[0]
    assert "class-emptied" in {one.rule for one in found}
    split.run(settings(voc_dataset, dataset__classes={**choice, "emptied": "negatives"}), workspace)
    lines = sum(len(workspace.split_path(part).read_text().splitlines()) for part in Split)
    assert lines == 12


@pytest.mark.parametrize(
    ("choice", "fault"),
    [
        pytest.param({"kep": ["a"]}, r'kep is not a setting\. Did you mean "keep"', id="unknown"),
        pytest.param({"keep": ["a"], "drop": ["a"]}, "'a' is in keep and in drop", id="contradiction"),
        pytest.param("a", "must be a mapping of keep, rename, drop, emptied", id="text"),
        pytest.param({"rename": {"a": ""}}, "empty name", id="empty name"),
    ],
)
def test_a_choice_of_classes_that_makes_no_sense_is_an_error(settings, choice, fault):
    with pytest.raises(SettingsError, match=fault):
        settings(dataset__classes=choice)


def test_names_that_no_box_has_are_told():
    assert list(ClassChoice(keep=("boad",)).notes(["boat"])) == [
        "dataset.classes: 1 box left out: boat 1",
        "dataset.classes names 'boad', but no box has that class. Did you mean \"boat\"?",
    ]


# --- messages ---


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("<annotation><filename>a & b</filename></annotation>", "Write & as &amp;.", id="ampersand"),
        pytest.param("", "write <annotation><filename>PICTURE.jpg</filename></annotation>", id="empty"),
        pytest.param("<annotation/><annotation/>", "Keep one root element", id="two"),
        pytest.param("<annotation><object>", "ends too early", id="cut"),
    ],
)
def test_faults_of_xml_are_told_in_a_users_words(tmp_path, text, words):
    _, problems = parse_annotation(text.encode(), tmp_path)

    assert words in f"{problems[0].message} {problems[0].fix}"


def test_a_spreadsheet_runs_nothing_of_an_exported_table(settings, workspace, tmp_path, bring, made):
    path = draw_labelled(tmp_path / "set", "a")
    path.write_text(path.read_text().replace("<name>boat<", '<name>=HYPERLINK("http://x")<'))
    out = tmp_path / "source" / "x.csv"

    given = {"export_annotations__format": "csv", "export_annotations__out": out}
    export_annotations.run(settings(tmp_path / "set", **given), workspace)
    assert '"\'=HYPERLINK(""http://x"")"' in out.read_text()
    bring("csv", {})
    assert made()["a.jpg"][0][0] == '=HYPERLINK("http://x")'


def test_more_boxes_than_the_model_reports_are_said(settings, workspace, voc_dataset):
    report = validate.run(settings(voc_dataset, export__max_detections=2), workspace)
    assert report.notes == ()
    path = voc_dataset / "annotations" / "0001.xml"
    text = path.read_text()
    start, end = text.index("\t<object>"), text.rindex("</annotation>")
    third = text[start:end].replace("<xmin>4<", "<xmin>9<").replace("<xmin>34<", "<xmin>40<")
    path.write_text(text[:end] + third + text[end:])

    notes = validate.run(settings(voc_dataset, export__max_detections=2), workspace).notes
    assert any("1 picture holds more boxes than the 2 that the model will report" in note for note in notes)


def test_pictures_of_telephones_are_named_with_the_way_out(settings, workspace, voc_dataset):
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
    (voc_dataset / "images" / "0001.jpg").write_bytes(heic)
    (voc_dataset / "images" / "new.HEIC").write_bytes(heic)

    found = [one for one in check(settings(voc_dataset), workspace)[0] if one.file.startswith("images/")]
    assert [(one.file, one.rule) for one in found] == [
        ("images/0001.jpg", "image-format"),
        ("images/new.HEIC", "image-orphaned"),
    ]
    assert "heif-convert 0001.jpg 0001.jpg" not in found[0].fix
    assert "Convert it to JPEG" in found[0].fix


# --- the cases beside the project ---

COUNTS = [
    pytest.param("85-yolo-half-upper", "yolo", 24, 24, {}, id="folders in another case"),
    pytest.param("87-yolo-partial-polygons", "yolo", 14, 14, {}, id="some polygons"),
    pytest.param("12-yolo-obb", "yolo", 4, 4, {}, id="oriented boxes"),
    pytest.param("84-coco-cvat-masks", "coco", 2, 2, {"boxes_from_crowds": True}, id="masks"),
    pytest.param("36-yolo-exif", "yolo", 3, 3, {"boxes_drawn_on": "turned"}, id="turned pictures"),
    pytest.param("21-yolo-split-lists", "yolo", 10, 10, {}, id="lists"),
    pytest.param("29-coco-ls-windows", "coco", 5, 5, {}, id="foreign paths"),
    pytest.param("88-coco-from-via", "coco", 1, 1, {}, id="ids as text"),
    pytest.param("33-coco-captions-beside", "coco", 1, 1, {}, id="captions"),
    pytest.param("40-cvat-zip/task.zip", "cvat", 1, 1, {}, id="zip"),
    pytest.param("19-roboflow-darknet", "yolo", 9, 9, {}, id="Darknet"),
    pytest.param("54-via-json", "via", 1, 1, {}, id="VIA"),
    pytest.param("55-labelstudio-json", "label-studio", 1, 1, {}, id="Label Studio"),
    pytest.param("08-rolabelimg-rectlabel", "voc", 9, 11, {}, id="shapes in VOC"),
    pytest.param("69-edje-images-train-test", "voc", 11, 11, {}, id="VOC deeper"),
]


@pytest.mark.shared
@pytest.mark.parametrize(("case", "source_format", "pictures", "boxes", "choices"), COUNTS)
def test_the_cases_are_read_whole(bring, case, source_format, pictures, boxes, choices):  # noqa: PLR0913, PLR0917
    results = bring(source_format, {}, (), source=CASES / case, **choices).results

    assert (results["pictures"], results["boxes"]) == (pictures, boxes)
