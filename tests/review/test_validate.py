"""The review of a dataset: all faults at once, each at its line, and never a traceback."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgetrain.core.errors import DatasetError, EdgetrainError
from edgetrain.core.workspace import Workspace
from edgetrain.dataset.division import write_split_list
from edgetrain.review.validate import check, run
from tests.conftest import draw_labelled, settings_of
from tests.support.outcomes import failed
from tests.support.places import DATA_DIR, PROJECT_DIR

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PROJECT_DIR / "src")}


def edit(path, old, new):
    """Replace a text in an annotation."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def chosen(settings, root, **changes):
    """Return settings that find nothing wrong with a class of few boxes, of which a tiny dataset has no other."""
    return settings(root, validate__min_class_boxes=0, **changes)


def places(findings):
    """Return file, line and rule of each finding."""
    return [(finding.file, finding.line, finding.rule) for finding in findings]


def test_a_faultless_dataset_is_counted(settings, workspace, voc_dataset):
    report = run(chosen(settings, voc_dataset), workspace)

    assert report.summary == "12 pictures, 16 boxes, 3 classes: 0 errors, 0 warnings"
    assert report.results == {
        "findings": [],
        "counts": {"error": 0, "warning": 0},
        "rules": {},
        "images": 12,
        "boxes": 16,
        "most_boxes": 2,
        "classes": {"boat": 6, "fish": 5, "house": 5},
        "negatives": 1,
    }


def break_everything(root):
    """Give a dataset of twelve pictures faults of many kinds."""
    annotations, images = root / "annotations", root / "images"
    edit(annotations / "0000.xml", "<xmax>28</xmax>", "<xmax>812</xmax>")
    edit(annotations / "0001.xml", "<xmin>4</xmin>", "<xmin>1_0</xmin>")
    (annotations / "0002.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>')
    (annotations / "0003.xml").write_text("<annotation>\n<object>")
    (images / "0004.jpg").unlink()
    (images / "0006.jpg").write_bytes((images / "0006.jpg").read_bytes()[:-2])
    (images / "0007.jpg").write_text("<html>not found</html>")
    edit(annotations / "0008.xml", "<width>64</width>", "<width>0</width>")
    Image.new("RGB", (64, 48)).save(images / "0009.jpg", "GIF")
    (images / "0010.jpg").write_bytes((images / "0011.jpg").read_bytes())
    (images / "new.png").write_bytes(b"")


def test_every_fault_is_reported_in_one_run(settings, workspace, voc_dataset):
    break_everything(voc_dataset)

    findings, report = check(chosen(settings, voc_dataset), workspace)

    assert places(findings) == [
        ("annotations/0000.xml", 22, "box-outside"),
        ("annotations/0001.xml", 20, "not-a-number"),
        ("annotations/0002.xml", 1, "xml-unsafe"),
        ("annotations/0003.xml", 2, "xml-malformed"),
        ("annotations/0004.xml", 3, "image-missing"),
        ("annotations/0008.xml", 8, "size-mismatch"),
        ("annotations/0011.xml", 1, "twin-boxes"),
        ("images/0006.jpg", 1, "image-truncated"),
        ("images/0007.jpg", 1, "image-unreadable"),
        ("images/0009.jpg", 1, "image-format"),
        ("images/new.png", 1, "image-orphaned"),
    ]
    assert report.results["counts"] == {"error": 9, "warning": 2}


def test_errors_fail_with_all_findings_and_their_number(settings, workspace, voc_dataset):
    edit(voc_dataset / "annotations" / "0000.xml", "<xmax>28</xmax>", "<xmax>812</xmax>")
    (voc_dataset / "images" / "new.png").touch()

    outcome = failed(run(chosen(settings, voc_dataset), workspace))

    expected = (DATA_DIR / "validate_failure.txt").read_text(encoding="utf-8")
    assert f"{outcome.failure}\n" == expected
    assert outcome.results["counts"] == {"error": 1, "warning": 1}


def test_a_long_list_is_cut_in_the_message_but_not_in_the_report(settings, workspace, voc_dataset):
    objects = "<object/>" * 40
    edit(voc_dataset / "annotations" / "0000.xml", "</annotation>", f"{objects}</annotation>")

    outcome = failed(
        run(chosen(settings, voc_dataset), workspace),
        match=r"… and 30 more in reports/validate.json\n80 errors, 0 warnings",
    )

    assert len(outcome.results["findings"]) == 80


@pytest.mark.parametrize("strict", [False, True])
def test_warnings_fail_only_where_they_are_asked_to(settings, workspace, voc_dataset, strict):
    (voc_dataset / "images" / "new.png").touch()
    strictly = chosen(settings, voc_dataset, validate__strict=strict)

    if strict:
        failed(run(strictly, workspace), match="0 errors, 1 warning")
    else:
        assert run(strictly, workspace).summary.endswith("0 errors, 1 warning")


def test_classes_are_held_against_a_committed_label_map(settings, workspace, voc_dataset):
    (voc_dataset / "label_map.pbtxt").write_text("item { id: 1 name: 'boats' } item { id: 2 name: 'fish' }")

    findings, _ = check(chosen(settings, voc_dataset), workspace)

    rules = {(one.message.split()[0], one.rule, one.severity) for one in findings}
    assert rules == {("'boat'", "class-typo", "error"), ("'house'", "class-unknown", "warning")}


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        pytest.param(b"item {\n id: x }", 2, "id is x, not a whole number.", id="syntax"),
        pytest.param(b"# one\n\xff", 2, "not UTF-8 text (invalid start byte).", id="other encoding"),
        pytest.param(b"item {\n @ }", 2, "'@' is not expected here.", id="odd letter"),
        pytest.param(b"item { id: 0 name: 'a' }", 1, "the id 0 of 'a' is where 1 is missing", id="ids"),
        pytest.param(None, 1, "cannot be read (it is not a regular file).", id="folder"),
    ],
)
def test_a_malformed_label_map_is_one_finding_among_the_others(  # noqa: PLR0913, PLR0917 - fixtures
    settings, workspace, voc_dataset, content, line, message
):
    path = voc_dataset / "label_map.pbtxt"
    path.mkdir() if content is None else path.write_bytes(content)
    edit(voc_dataset / "annotations" / "0000.xml", "<xmax>28</xmax>", "<xmax>812</xmax>")

    findings, _ = check(chosen(settings, voc_dataset), workspace)

    assert [one[::2] for one in places(findings)] == [
        ("annotations/0000.xml", "box-outside"),
        ("label_map.pbtxt", "label-map-malformed"),
    ]
    assert findings[1].line == line
    assert findings[1].message.startswith(message)


def test_faults_of_split_lists_are_findings(settings, workspace, voc_dataset):
    write_split_list(voc_dataset / "splits" / "train.txt", ["annotations/gone.xml"])

    findings, _ = check(chosen(settings, voc_dataset), workspace)

    assert [place for place in places(findings) if place[2] != "class-missing"] == [
        ("splits/train.txt", 1, "split-unknown")
    ]


def test_a_rule_gets_another_severity_or_none(settings, workspace, voc_dataset):
    (voc_dataset / "images" / "new.png").touch()
    rules = {"image-orphaned": "error", "image-negative": "warning", "class-rare": "off"}

    findings, _ = check(settings(voc_dataset, validate__rules=rules), workspace)

    assert [(one.file, one.rule, one.severity) for one in findings] == [
        ("annotations/0005.xml", "image-negative", "warning"),
        ("images/new.png", "image-orphaned", "error"),
    ]


def git(folder, *words):
    """Run git as somebody."""
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def test_since_a_revision_only_changed_files_are_judged_alone_but_the_set_as_a_whole(settings, workspace, voc_dataset):
    for name in ("0000", "0001"):
        edit(voc_dataset / "annotations" / f"{name}.xml", "<xmax>28</xmax>", "<xmax>812</xmax>")
    (voc_dataset / "images" / "new.png").touch()
    git(voc_dataset, "init")
    git(voc_dataset, "add", ".")
    git(voc_dataset, "commit", "-m", "all")
    edit(voc_dataset / "annotations" / "0001.xml", "812", "813")

    findings, report = check(chosen(settings, voc_dataset, validate__since="HEAD"), workspace)

    assert places(findings) == [("annotations/0001.xml", 22, "box-outside"), ("images/new.png", 1, "image-orphaned")]
    assert report.results["changed"] == ["annotations/0001.xml"]


def test_pixels_are_decoded_only_where_they_are_asked_for(settings, workspace, voc_dataset):
    path = voc_dataset / "images" / "0003.png"
    Image.effect_noise((64, 48), 90).save(path)
    data = path.read_bytes()
    path.write_bytes(data[:400] + b"\xff" * 400 + data[800:])
    (voc_dataset / "images" / "0003.jpg").unlink()
    edit(voc_dataset / "annotations" / "0003.xml", "<filename>0003.jpg", "<filename>0003.png")

    rules = {"near-twin-boxes": "off"}  # the drawn pictures look alike, and their classes differ
    chosen_settings = [
        chosen(settings, voc_dataset, validate__pixels=pixels, validate__rules=rules) for pixels in (False, True)
    ]

    found = [check(one, workspace)[0] for one in chosen_settings]
    assert [places(findings) for findings in found] == [[], [("images/0003.png", 1, "pixels-damaged")]]


def test_more_boxes_than_training_reads_are_found(settings, workspace, voc_dataset):
    findings, report = check(chosen(settings, voc_dataset, network__max_boxes=1), workspace)

    assert {one.rule for one in findings} == {"too-many-boxes"}
    assert report.results["most_boxes"] == 2


def test_an_annotation_that_cannot_be_read_is_a_finding(settings, workspace, voc_dataset):
    (voc_dataset / "annotations" / "0000.xml").unlink()
    (voc_dataset / "annotations" / "0000.xml").symlink_to(voc_dataset / "gone.xml")

    findings, _ = check(chosen(settings, voc_dataset), workspace)

    assert places(findings) == [("annotations/0000.xml", 1, "xml-malformed")]


HOSTILE = {
    "device": "/dev/zero",
    "secret": "../../secret.xml",
    "endless": "endless.xml",
}


@pytest.mark.parametrize("target", HOSTILE.values(), ids=HOSTILE)
def test_an_annotation_that_leads_out_is_a_finding_and_is_never_read(settings, workspace, voc_dataset, target):
    (voc_dataset.parent / "secret.xml").write_text("<annotation><object><name>secret</name></object></annotation>")
    (voc_dataset / "annotations" / "endless.xml").symlink_to("endless.xml")
    (voc_dataset / "annotations" / "zero.xml").symlink_to(target)

    findings, report = check(chosen(settings, voc_dataset), workspace)

    rule = "xml-malformed" if target == "endless.xml" else "link-outside"
    assert ("annotations/zero.xml", 1, rule) in places(findings)
    assert "secret" not in str(report.results["classes"])


def test_a_hostile_pull_request_takes_no_memory(voc_dataset, tmp_path):
    """A device and a file of 40 MB among the changes: each a finding, within 250 MB of memory for data."""
    git(voc_dataset, "init", "-q")
    git(voc_dataset, "add", ".")
    git(voc_dataset, "commit", "-qm", "before")
    (voc_dataset / "annotations" / "zero.xml").symlink_to("/dev/zero")
    (voc_dataset / "annotations" / "large.xml").write_bytes(b"<a>" + b" " * 40_000_000)
    places = ["--dataset", str(voc_dataset), "--workspace", str(tmp_path / "build")]
    command = [sys.executable, "ci/program.py", "validate", *places, "--since", "HEAD", "--format", "json"]

    done = subprocess.run(
        command,
        cwd=PROJECT_DIR,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (250 << 20,) * 2),
    )

    found = {finding["file"]: finding["message"] for finding in json.loads(done.stdout)["findings"]}
    assert found["annotations/zero.xml"].startswith("it is a link that points outside the")
    assert found["annotations/large.xml"] == "the file cannot be read (it is larger than 32 MiB)."


def test_a_workspace_of_another_dataset_is_refused(settings, workspace, voc_dataset, tmp_path):
    draw_labelled(tmp_path / "other", "a", shade=7)
    run(chosen(settings, voc_dataset), workspace)

    with pytest.raises(DatasetError, match=r"other shares no picture with it\. Give another --workspace"):
        run(settings(tmp_path / "other"), workspace)


def test_the_claim_names_every_picture(settings, workspace, voc_dataset):
    run(chosen(settings, voc_dataset), workspace)

    assert len(json.loads(workspace.dataset_path.read_text())["images"]) == 12


def test_file_names_that_are_no_text_are_reviewed_and_known_again(settings, workspace, voc_dataset):
    for folder, suffix in (("annotations", ".xml"), ("images", ".jpg")):
        (voc_dataset / folder / f"0003{suffix}").rename(voc_dataset / folder / f"caf\udce9{suffix}")

    found = [run(chosen(settings, voc_dataset), workspace).results["findings"] for _ in range(2)]

    assert found[0] == found[1]
    assert [one.file for one in found[0]] == ["annotations/caf\udce9.xml"]


@given(st.data())
def test_a_damaged_file_never_gives_a_traceback(tmp_path_factory, data):
    """Whatever stands in an annotation or a picture, the review ends with a report or an error of ours."""
    root = tmp_path_factory.mktemp("damaged")
    path = draw_labelled(root, "a")
    target = data.draw(st.sampled_from([path, root / "images" / "a.jpg"]))
    source = target.read_bytes()
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(source))] * 2)))
    target.write_bytes(source[:start] + data.draw(st.binary(max_size=6)) + source[end:])
    chosen = settings_of(root, root / "build")

    try:
        outcome = run(chosen, Workspace(root / "build"))
    except EdgetrainError as error:
        outcome = error

    assert str(outcome)


def test_neither_tensorflow_nor_pandas_nor_numpy_is_loaded():
    code = "import sys, edgetrain.review.validate; print(sorted({'tensorflow', 'pandas', 'numpy'} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT)

    assert result.stdout == "[]\n"


@pytest.mark.shared
def test_the_photographs_have_four_pairs_of_twins_and_no_error(settings, workspace, raccoon):
    findings, report = check(settings(raccoon), workspace)

    pairs = {frozenset(re.findall(r"images/raccoon-(\d+)", one.message)) for one in findings}
    assert report.results["counts"] == {"error": 0, "warning": 4}
    assert pairs == {frozenset(pair) for pair in (("11", "116"), ("83", "120"), ("52", "74"), ("65", "98"))}
