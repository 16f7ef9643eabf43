"""The whole flow on twelve drawn pictures and a tiny network: what a person gets, and what happens when it is cut."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest

from edgetrain.core.errors import TrainingError
from edgetrain.core.system.progress import Listener, listening
from edgetrain.core.workspace import Workspace
from edgetrain.evaluation.metrics import Detection
from edgetrain.pipeline import flow
from edgetrain.tflite.file import read_tflite
from edgetrain.training.history import read_history
from tests.soak.kills import environment, train_command, weights_digest
from tests.support.fake_stages import NAMES
from tests.support.outcomes import failed
from tests.support.places import PROJECT_DIR
from tests.support.tiny_run import tiny_settings

pytestmark = pytest.mark.tensorflow


class Recorder(Listener):
    """Remembers which stages ran, which were skipped, and what was noted."""

    def __init__(self):
        self.ran, self.skips, self.notes = [], [], []

    def finished(self, stage, summary, seconds):
        """Remember a stage that ran."""
        self.ran.append(stage)

    def skipped(self, stage, reason):
        """Remember a stage that had nothing to do."""
        self.skips.append(stage)

    def noted(self, text):
        """Remember a note."""
        self.notes.append(text)


def _pipeline(settings):
    recorder = Recorder()
    with listening(recorder):
        flow.run_pipeline(settings)
    return recorder


def _report(workspace, stage):
    return json.loads(workspace.report_path(stage).read_text())


def test_the_int8_model_computes_in_integers_and_speaks_as_coral_expects(finished_workspace):
    """One QUANTIZE, two DEQUANTIZE, integers between; boxes, classes, scores, count at the end."""
    (graph,) = read_tflite(finished_workspace.model_path).subgraphs
    names = [operator.name for operator in graph.operators]

    assert (names[0], names.count("QUANTIZE"), names.count("DEQUANTIZE")) == ("QUANTIZE", 1, 2)
    assert names[-1] == "TFLite_Detection_PostProcess"
    assert graph.float_operators() == []
    assert _output_sizes(finished_workspace.model_path) == [(1, 20, 4), (1, 20), (1, 20), (1,)]


def _output_sizes(path):
    from edgetrain.tflite.interpreters import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (details,) = interpreter.get_input_details()
    interpreter.set_tensor(details["index"], np.zeros(details["shape"], np.uint8))
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]).shape for detail in interpreter.get_output_details()]


def test_operator_versions_are_those_that_compiler_16_accepts(finished_workspace):
    """The newest version of each operator whose minimum TensorFlow is 2.5 or older."""
    ceiling = {"ADD": 3, "CONCATENATION": 3, "CONV_2D": 5, "DEPTHWISE_CONV_2D": 6, "DEQUANTIZE": 4, "LOGISTIC": 3}
    ceiling.update({"QUANTIZE": 2, "RESHAPE": 1, "TFLite_Detection_PostProcess": 1})
    counts = _report(finished_workspace, "quantize")["operators"]

    versions = {name.split(" v")[0]: int(name.split(" v")[1]) for name in counts}

    assert set(versions) <= set(ceiling)
    assert all(versions[name] <= ceiling[name] for name in versions)


def test_both_models_are_judged_on_the_same_pictures(finished_workspace):
    """The report has the figures of both, each between 0 and 1."""
    report = _report(finished_workspace, "evaluate")

    figures = [report["results"][name]["mean_average_precision"] for name in ("float32", "int8")]

    assert report["split"] == "train"
    assert all(0 <= figure <= 1 for figure in figures)


def test_a_second_run_skips_every_stage(copied_run):
    """Nothing changed, nothing to do."""
    recorder = _pipeline(copied_run())

    assert recorder.ran == []
    assert recorder.skips == NAMES


def test_one_changed_setting_reruns_only_what_depends_on_it(copied_run):
    """How many detections the graph reports is no matter of training; validate says where they are too few."""
    recorder = _pipeline(copied_run(export__max_detections=10))

    stages = ["validate", "preflight-untrained", "export", "quantize", "preflight", "evaluate", "report"]
    assert recorder.ran == stages


def _find_everything(examples):
    return [
        Detection(image_id, box.class_id, box.box.to_pixels(example.size), 1.0)
        for image_id, example in enumerate(examples)
        for box in example.boxes
    ]


@pytest.fixture
def only_finds(monkeypatch):
    """Return a function that lets one model find every box and the other none."""
    from edgetrain.evaluation import evaluate

    def only(seeing):
        found = {True: _find_everything, False: lambda _examples: []}
        monkeypatch.setattr(evaluate, "detect_all", lambda name, _path, examples: found[name == seeing](examples))

    return only


def test_an_accuracy_gate_fails_with_the_figures_kept(copied_run, only_finds):
    """Exit with a message; the report has the figures all the same."""
    only_finds("float32")
    settings = copied_run(evaluate__max_ap_drop=0.99)

    outcome = flow.run_stage("evaluate", settings).outcome

    failed(outcome, match=r"int8 loses 1\.000 AP .*evaluate\.max_ap_drop 0\.99")
    results = _report(Workspace(settings.workspace.root), "evaluate")["results"]
    assert [results[name]["mean_average_precision"] for name in ("float32", "int8")] == [1, 0]


def test_too_low_an_ap50_fails_and_the_page_says_why(copied_run, only_finds):
    only_finds("float32")
    settings = copied_run(evaluate__min_ap50=0.5)
    workspace = Workspace(settings.workspace.root)

    outcome = flow.run_stage("evaluate", settings).outcome
    flow.run_stage("report", settings)

    failed(outcome, match=r"evaluate: int8 has an AP50 of 0\.000, less than evaluate\.min_ap50 0\.5")
    assert _report(workspace, "evaluate")["made_from"]["fingerprint"] == ""
    assert "evaluate failed: int8 has an AP50 of 0.000" in workspace.report_page_path.read_text(encoding="utf-8")


def test_an_int8_model_that_is_better_passes_the_gate(copied_run, only_finds):
    """A drop below 0 is no drop."""
    only_finds("int8")
    settings = copied_run(evaluate__max_ap_drop=0)

    flow.run_stage("evaluate", settings)

    assert _report(Workspace(settings.workspace.root), "evaluate")["made_from"]["fingerprint"]


def test_a_loss_that_is_no_number_names_step_and_pictures(copied_run, monkeypatch):
    """And the earlier run is kept aside, not lost."""
    from edgetrain.training import object_detection_api as api

    real = api.training_losses

    def broken(*arguments):
        losses = real(*arguments)
        return losses._replace(penalty=losses.penalty * float("nan"))

    monkeypatch.setattr(api, "training_losses", broken)
    settings = copied_run(training__restart=True)

    with pytest.raises(TrainingError, match=r"loss is nan at step 1; the batch was images/\d{4}\.jpg"):
        flow.run_stage("train", settings)

    assert Workspace(settings.workspace.root).previous_train_dir.is_dir()


def test_resume_refuses_to_continue_a_run_of_other_inputs(copied_run):
    """The message says which inputs changed."""
    settings = copied_run(training__seed=7, training__resume=True)

    with pytest.raises(TrainingError, match="cannot continue, these inputs changed: seed"):
        flow.run_stage("train", settings)


def _wait_for(folder, pattern, process):
    deadline = time.monotonic() + 300
    while not any(folder.glob(pattern)):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.whole
def test_a_run_killed_and_continued_elsewhere_ends_with_the_weights_of_one_that_was_not(copied_run, tmp_path):
    """Kill -9, and an empty job folder with the same inputs: the state directory has it. More kills: ``ci.soak``."""
    first, state = tmp_path / "build", tmp_path / "state"
    changes = {"training__steps": 24, "training__weight_average": 0.9}
    flow.run_pipeline(copied_run(**changes), to="configure")
    for name in ("other", "peace"):
        shutil.copytree(first, tmp_path / name, ignore=shutil.ignore_patterns("train", "train.previous"))
    options = {
        "env": environment(checkpoint_every_steps=2, weight_average=0.9, state_dir=state),
        "cwd": PROJECT_DIR,
        "stderr": subprocess.PIPE,
    }
    with subprocess.Popen(train_command(first, "--dataset", str(tmp_path / "none")), **options) as process:
        _wait_for(state, "*/train/checkpoints/ckpt-6.index", process)
        process.send_signal(signal.SIGKILL)
    shutil.rmtree(first)
    recorder = Recorder()
    with listening(recorder):
        flow.run_stage("train", copied_run(**changes, training__state_dir=state, workspace__root=tmp_path / "other"))
    flow.run_stage("train", copied_run(**changes, workspace__root=tmp_path / "peace"))

    reports = [_report(Workspace(tmp_path / name), "train") for name in ("other", "peace")]
    assert any(text.startswith("continuing from step") for text in recorder.notes)
    assert (reports[0]["first_step"] >= 4, reports[1]["first_step"]) == (True, 0)
    assert read_history(Workspace(tmp_path / "other").history_path, up_to=24)[-1].step == 24
    assert weights_digest(tmp_path / "other") == weights_digest(tmp_path / "peace")


def _bytes_of(root):
    parts = ("splits", "annotations", "records", "pipeline.config")
    files = [path for part in parts for path in sorted([root / part, *(root / part).glob("*")]) if path.is_file()]
    return {path.relative_to(root): path.read_bytes() for path in files}


def test_the_same_dataset_and_seed_give_the_same_bytes(tmp_path, tiny_dataset, backbone_archive):
    """Splits, tables, label map, records and configuration do not depend on where or when they are made."""
    for name in ("one", "another"):
        flow.run_pipeline(tiny_settings(tiny_dataset, tmp_path / name, backbone_archive), to="configure")

    first, second = (_bytes_of(tmp_path / name) for name in ("one", "another"))

    assert len(first) == 13
    assert first == second
