"""Champion and challenger: the better model wins, every reason is told, and git keeps each champion."""

from __future__ import annotations

import json
import subprocess

import pytest

from ci.standin.compiled_file import write_compiled
from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.errors import GateError, MissingInputError, ModelError, SettingsError, ToolError
from edgetrain.core.files import file_digest, write_json
from edgetrain.core.label_map import LabelMap
from edgetrain.core.splits import Split
from edgetrain.formats.coco_metrics import Detection
from edgetrain.formats.detection_example import DetectionExample, ExampleBox, encode_example
from edgetrain.formats.pbtxt import write_label_map
from edgetrain.formats.provenance import PROVENANCE_KEY
from edgetrain.formats.tfrecord import write_records
from edgetrain.stages import promote
from edgetrain.stages.promote import NotPromotedError
from tests.tflite_models import content_of, detector

MAPPED = [True, True, True, False, True, False, False]
CLASSES = ("boat", "buoy")
BOX = NormalizedBox(0.1, 0.1, 0.6, 0.6)
BRANCH = "refs/heads/edgetrain-champion"


def git(folder, *words):
    """Run git and return what it says."""
    done = subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def example(name, class_id):
    """Return a picture with one box; its bytes are its name."""
    boxes = (ExampleBox(BOX, CLASSES[class_id - 1], class_id),)
    return DetectionExample(name, name, name.encode(), "jpeg", ImageSize(64, 48), boxes)


def pictures(start, count):
    """Return pictures numbered from a start, boats and buoys in turn."""
    return [example(f"{number:03d}.jpg", 1 + number % 2) for number in range(start, start + count)]


@pytest.fixture
def repository(tmp_path, voc_dataset):
    """Return the dataset as a git repository with one commit."""
    root = voc_dataset
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "-A")
    git(root, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "pictures")
    return root


@pytest.fixture
def finds(monkeypatch):
    """Return what each model finds, by its bytes: the share of the boxes of each class."""
    known = {}

    def detect_all(_name, path, examples):
        shares = known[path.read_bytes()]
        return [
            Detection(place, box.class_id, box.box.to_pixels(one.size), 0.9)
            for place, one in enumerate(examples)
            for box in one.boxes
            if (place // 2) % 10 < 10 * shares[box.class_id - 1]
        ]

    monkeypatch.setattr(promote, "detect_all", detect_all)
    return known


@pytest.fixture
def challenge(workspace, settings, repository, finds):
    """Return a function that puts a model into the workspace and runs the stage for it."""

    def run(model=b"one", shares=(0.8, 0.8), *, train=(0, 4), test=(100, 40), classes=CLASSES, **changes):
        finds[model] = shares
        workspace.records_dir.mkdir(parents=True, exist_ok=True)
        for split, (start, count) in ((Split.TRAIN, train), (Split.TEST, test)):
            write_records(workspace.shard_path(split, 0, 1), map(encode_example, pictures(start, count)))
        write_label_map(workspace.label_map_path, LabelMap(tuple(classes)))
        workspace.labels_path.write_text("\n".join(classes))
        workspace.model_dir.mkdir(exist_ok=True)
        workspace.model_path.write_bytes(model)
        made = write_compiled(content_of(detector()), MAPPED, runtime=14, parameter_bytes=9)
        # The mark of the stand-in is taken off, and a pass written by hand, as only a test may: no device is here.
        workspace.compiled_model_path.write_bytes(made.replace(PROVENANCE_KEY.encode(), b"provenancx") + model)
        report(workspace, "compile")
        metrics = {"mean_average_precision": 0.5, "ap50": 0.8}
        report(workspace, "evaluate", split="test", images=40, boxes=40, results={"int8": metrics, "float32": metrics})
        hardware = {"is_hardware_pass": True, "device": "usb:0", "latency": {"p90_ms": changes.pop("p90_ms", 8.0)}}
        hardware |= {"model_sha256": file_digest(workspace.compiled_model_path)}
        report(workspace, "hardware", **{**hardware, **changes.pop("hardware", {})})
        return promote.run(settings(dataset__root=repository, **changes), workspace)

    return run


def report(workspace, stage, **results):
    """Leave the report of a stage that read the workspace's int8 model."""
    inputs = {"model/model.tflite": file_digest(workspace.model_path)}
    origin = {"fingerprint": "f", "inputs": inputs, "outputs": {}, "settings": {}, "seconds": 1.0, "versions": {}}
    write_json(workspace.report_path(stage), {"summary": f"{stage} done", "notes": [], **results, "made_from": origin})


def broken(error):
    """Return the rules that a refusal names as broken."""
    return [ruling["rule"] for ruling in error.value.report.results["rulings"] if ruling["is_kept"] is False]


def test_the_first_model_with_a_pass_is_the_champion_and_stands_in_git(challenge, repository):
    before = git(repository, "status", "--porcelain")

    made = challenge()

    record = json.loads(git(repository, "show", f"{BRANCH}:champion.json"))
    assert made.results["decision"] == "promoted"
    assert git(repository, "ls-tree", "--name-only", BRANCH).split() == [
        "champion.json",
        "labels.txt",
        "model.tflite",
        "model_edgetpu.tflite",
    ]
    assert record["dataset"] == {"revision": git(repository, "rev-parse", "HEAD"), "is_clean": True}
    assert len(record["test_pictures"]) == 40
    assert git(repository, "status", "--porcelain") == before
    assert git(repository, "rev-parse", "--abbrev-ref", "HEAD") == "main"


def test_a_better_model_is_promoted(challenge, repository):
    challenge()

    made = challenge(b"two", (0.9, 0.9))

    assert made.results["decision"] == "promoted"
    assert git(repository, "rev-list", "--count", BRANCH) == "2"
    assert git(repository, "cat-file", "blob", f"{BRANCH}:model.tflite") == "two"


def test_a_worse_model_is_refused_with_both_comparisons(challenge, repository):
    challenge()
    before = git(repository, "rev-parse", BRANCH)

    with pytest.raises(NotPromotedError, match=r"BROKEN accuracy: AP 0\.\d+ against 0\.\d+ on 40 own test") as error:
        challenge(b"two", (0.5, 0.5))

    assert {"accuracy", "class"} == set(broken(error))
    assert "the champion's test pictures" in str(error.value)
    assert git(repository, "rev-parse", BRANCH) == before


def test_better_overall_but_one_class_collapsed_is_refused(challenge):
    challenge(shares=(0.5, 0.8))

    with pytest.raises(NotPromotedError, match=r"BROKEN class: buoy: AP 0\.\d+ against") as error:
        challenge(b"two", (1.0, 0.6))

    assert set(broken(error)) == {"class"}


@pytest.mark.parametrize(
    ("hardware", "reason"),
    [
        pytest.param({"is_hardware_pass": False}, "the hardware test failed", id="failed"),
        pytest.param({"is_hardware_pass": False, "is_rehearsal": True}, "only rehearsed on the CPU", id="rehearsed"),
        pytest.param({"model_sha256": "0" * 64}, "of another model", id="another model"),
    ],
)
def test_without_a_hardware_pass_nothing_is_promoted(challenge, repository, hardware, reason):
    with pytest.raises(NotPromotedError, match=f"BROKEN hardware: no hardware pass: .*{reason}") as error:
        challenge(hardware=hardware)

    assert broken(error) == ["hardware"]
    assert git(repository, "branch", "--list", "edgetrain-champion") == ""


def test_what_a_stand_in_made_is_refused_and_the_missing_pass_named(challenge, workspace, settings, repository, finds):
    challenge()
    finds[b"two"] = (1.0, 1.0)
    workspace.compiled_model_path.rename(workspace.stand_in_model_path)
    workspace.model_path.write_bytes(b"two")
    for stage in ("compile", "evaluate"):
        report(workspace, stage, split="test")

    with pytest.raises(NotPromotedError, match=r"no hardware pass: .*provenance: stand-in"):
        promote.run(settings(dataset__root=repository), workspace)


def test_another_label_map_is_refused_without_a_comparison(challenge):
    challenge()

    with pytest.raises(NotPromotedError, match=r"label maps differ.*new classes: ship; gone: buoy") as error:
        challenge(b"two", (1.0, 1.0), classes=("boat", "ship"))

    assert broken(error) == ["label map"]


def test_a_test_picture_of_the_champion_in_training_is_a_leak(challenge):
    challenge()

    with pytest.raises(NotPromotedError, match=r"BROKEN leak: 2 test pictures of the champion.*100\.jpg, 101\.jpg"):
        challenge(b"two", (1.0, 1.0), train=(98, 4), test=(102, 40))


def test_removing_test_pictures_does_not_make_a_champion(challenge):
    challenge()

    with pytest.raises(NotPromotedError, match=r"BROKEN missing pictures: 20 of the champion's 40 test pictures"):
        challenge(b"two", (1.0, 1.0), test=(120, 20))


def test_a_slower_model_is_refused(challenge):
    challenge()

    with pytest.raises(NotPromotedError, match=r"BROKEN latency: 12\.0 ms against 8\.0 ms .* allowed: 9\.6 ms"):
        challenge(b"two", (1.0, 1.0), p90_ms=12.0)


def test_the_champion_itself_changes_nothing(challenge, repository):
    challenge()
    before = git(repository, "rev-parse", BRANCH)

    made = challenge()

    assert made.results["decision"] == "is the champion"
    assert git(repository, "rev-parse", BRANCH) == before


def test_rollbacks_go_back_one_by_one_and_rewrite_nothing(challenge, workspace, settings, repository):
    for number, model in enumerate((b"one", b"two", b"three")):
        challenge(model, (0.7 + number / 10, 0.7 + number / 10))
    chosen = settings(dataset__root=repository, promote__rollback=True)

    models = []
    for _ in range(2):
        promote.run(chosen, workspace)
        models.append(git(repository, "cat-file", "blob", f"{BRANCH}:model.tflite"))

    assert models == ["two", "one"]
    assert git(repository, "rev-list", "--count", BRANCH) == "5"
    with pytest.raises(GateError, match="is the first one, so there is none to go back to"):
        promote.run(chosen, workspace)


def test_after_a_rollback_a_challenger_meets_the_champion_of_then(challenge, workspace, settings, repository):
    challenge(b"one", (0.5, 0.5))
    challenge(b"two", (0.9, 0.9))
    promote.run(settings(dataset__root=repository, promote__rollback=True), workspace)

    made = challenge(b"three", (0.6, 0.6))

    assert made.results["decision"] == "promoted"


@pytest.fixture
def remote(tmp_path, repository):
    """Return a bare repository that the dataset calls origin."""
    path = tmp_path / "remote.git"
    git(tmp_path, "init", "--quiet", "--bare", str(path))
    git(repository, "remote", "add", "origin", str(path))
    return path


def test_a_champion_is_pushed_and_taken_from_the_remote(challenge, remote, repository):
    challenge(promote__remote="origin")
    git(repository, "update-ref", "-d", BRANCH)

    with pytest.raises(NotPromotedError):
        challenge(b"two", (0.1, 0.1), promote__remote="origin")

    assert git(remote, "cat-file", "blob", f"{BRANCH}:model.tflite") == "one"


def test_a_remote_that_refuses_promotes_nothing(challenge, remote, repository):
    (remote / "hooks" / "pre-receive").write_text("#!/bin/sh\nexit 1\n")
    (remote / "hooks" / "pre-receive").chmod(0o755)

    with pytest.raises(ToolError, match=r"origin did not take edgetrain-champion.*Nothing was promoted"):
        challenge(promote__remote="origin")

    assert git(repository, "branch", "--list", "edgetrain-champion") == ""


def test_a_branch_that_moved_meanwhile_is_not_overwritten(challenge, repository, monkeypatch):
    challenge()
    real = promote.ChampionBranch.add

    def add(branch, champion, files):
        git(repository, "update-ref", BRANCH, "main")
        return real(branch, champion, files)

    monkeypatch.setattr(promote.ChampionBranch, "add", add)

    with pytest.raises(ToolError, match=r"moved meanwhile.*Nothing was promoted"):
        challenge(b"two", (0.9, 0.9))

    assert git(repository, "rev-parse", BRANCH) == git(repository, "rev-parse", "main")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("{", "no record of a champion", id="damaged"),
        pytest.param('{"schema": 99}', "version 99.*Update edgetrain", id="newer"),
        pytest.param('{"schema": 1}', "no record of a champion.*'dataset'", id="incomplete"),
    ],
)
def test_a_branch_that_holds_no_champion_is_one_message(challenge, repository, content, message):
    (repository / "champion.json").write_text(content)
    git(repository, "add", "champion.json")
    git(repository, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "other")
    git(repository, "branch", "edgetrain-champion")

    with pytest.raises(ModelError, match=message):
        challenge()


def test_a_dataset_without_a_repository_is_one_message(challenge, repository, tmp_path):
    with pytest.raises(SettingsError, match="kept in a git repository, and this is none"):
        challenge(promote__repository=tmp_path.parent)


def test_a_branch_name_that_git_refuses_is_one_message(challenge):
    with pytest.raises(SettingsError, match="is no name of a branch"):
        challenge(promote__champion="a..b")


def test_a_model_that_was_not_judged_is_one_message(challenge, workspace, settings, repository):
    challenge()
    workspace.model_path.write_bytes(b"other")

    with pytest.raises(MissingInputError, match="this very model was not judged yet"):
        promote.run(settings(dataset__root=repository), workspace)
