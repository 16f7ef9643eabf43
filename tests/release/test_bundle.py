"""What is handed over: complete, reproducible, and nothing that no device has passed without saying so."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import yaml
from PIL import Image

from ci.standin.compiled_file import write_compiled
from edgetrain.core.errors import GateError, MissingInputError, ModelError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.system.files import file_digest, write_json
from edgetrain.core.system.folders import tree_digest
from edgetrain.core.workspace.label_map_file import write_label_map
from edgetrain.edgetpu.compiler.provenance import PROVENANCE_KEY
from edgetrain.release import bundle
from tests.support.tar_files import unpack_tar
from tests.support.tflite_models import content_of, detector

MAPPED = [True, True, True, False, True, False, False]


@pytest.fixture
def compiled(workspace):
    """Return a workspace with a compiled model: the stand-in's, its mark taken off as only a test may."""
    made = write_compiled(content_of(detector()), MAPPED, runtime=14, parameter_bytes=9)
    workspace.model_dir.mkdir(parents=True)
    workspace.compiled_model_path.write_bytes(made.replace(PROVENANCE_KEY.encode(), b"provenancx"))
    write_label_map(workspace.label_map_path, LabelMap(("boat", "2 stroke: fast")))
    return workspace


def passed(workspace, **changes):
    """Leave the report of a device that passed the model."""
    metrics = {"mean_average_precision": 0.4, "ap50": 0.8}
    report = {
        "is_hardware_pass": True,
        "model_sha256": file_digest(workspace.compiled_model_path),
        "latency": {"p50_ms": 7.25, "p90_ms": 8.0},
        "results": {"device": metrics},
        "summary": "usb:0: every check passed",
        "made_from": {"fingerprint": "f"},
    }
    write_json(workspace.report_path("hardware"), {**report, **changes})


def unpacked(workspace, folder):
    """Unpack the only archive and return its folder."""
    (archive,) = workspace.bundle_dir.iterdir()
    unpack_tar(archive, folder)
    return folder / archive.name.removesuffix(".tar.gz")


def test_frigate_s_bundle_has_what_its_configuration_names(settings, compiled, tmp_path):
    passed(compiled)

    report = bundle.run(settings(bundle__name="boats"), compiled)

    folder = unpacked(compiled, tmp_path)
    config = yaml.safe_load((folder / "config.yml").read_text())
    assert folder.name == "boats-frigate"
    assert sorted(path.name for path in folder.iterdir()) == [
        "MODEL_CARD.md",
        "config.yml",
        "labelmap.txt",
        "model_edgetpu.tflite",
    ]
    assert config["model"]["path"] == "/config/boats-frigate/model_edgetpu.tflite"
    assert (config["model"]["width"], config["model"]["height"]) == (8, 8)
    assert config["objects"]["track"] == ["boat", "2 stroke: fast"]
    assert report.results["is_proven"] is True


def test_labels_read_back_as_frigate_and_pycoral_read_them(settings, compiled, tmp_path):
    """Both take a number in front for the class index; a name that begins with a number must not be taken for one."""
    passed(compiled)
    bundle.run(settings(bundle__name="b"), compiled)

    lines = (unpacked(compiled, tmp_path) / "labelmap.txt").read_text().splitlines()

    assert {int(line.split(" ", maxsplit=1)[0]): line.split(" ", maxsplit=1)[1].strip() for line in lines} == {
        0: "boat",
        1: "2 stroke: fast",
    }


def test_equal_inputs_give_equal_bytes(settings, compiled):
    passed(compiled)

    first = bundle.run(settings(), compiled).results["sha256"]

    assert bundle.run(settings(), compiled).results["sha256"] == first


def test_the_card_says_what_was_measured_on_the_device(settings, compiled, tmp_path):
    passed(compiled)
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "attribution.csv").write_text("file,licence\na.jpg,CC0\nb.jpg,CC BY 4.0\nc.jpg,CC0\n")
    bundle.run(settings(), compiled)

    card = (unpacked(compiled, tmp_path / "out") / "MODEL_CARD.md").read_text()

    assert "| Edge TPU | 0.400 | 0.800 |" in card
    assert "| int8 (CPU) | unproven | unproven |" in card
    assert "7.2 ms (median), 8.0 ms" in card
    assert "- CC0: 2" in card


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param(None, "the hardware test was not run", id="not run"),
        pytest.param({"is_hardware_pass": False, "is_rehearsal": True}, "only rehearsed on the CPU", id="rehearsed"),
        pytest.param({"model_sha256": "0" * 64}, "was of another model", id="another model"),
        pytest.param({"is_hardware_pass": False}, "the hardware test failed: usb:0", id="failed"),
    ],
)
def test_a_model_that_no_device_passed_is_refused(settings, compiled, changes, reason):
    if changes is not None:
        passed(compiled, **changes)

    with pytest.raises(GateError, match=reason):
        bundle.run(settings(), compiled)

    assert not compiled.bundle_dir.exists()


def test_an_unproven_bundle_says_so_in_name_and_card(settings, compiled, tmp_path):
    report = bundle.run(settings(bundle__unproven=True, bundle__name="b"), compiled)

    folder = unpacked(compiled, tmp_path)
    assert folder.name == "b-frigate-unproven"
    assert "**Unproven: this model did not pass a test on a Coral device.**" in (folder / "MODEL_CARD.md").read_text()
    assert report.results["is_proven"] is False


def test_the_card_never_quotes_the_pass_of_another_model(settings, compiled, tmp_path):
    passed(compiled, model_sha256="0" * 64)
    bundle.run(settings(bundle__unproven=True), compiled)

    card = (unpacked(compiled, tmp_path / "out") / "MODEL_CARD.md").read_text()

    assert "the hardware test was of another model" in card
    assert "every check passed" not in card


def test_a_stand_in_s_model_is_refused_even_as_unproven(settings, compiled):
    made = write_compiled(content_of(detector()), MAPPED, runtime=14, parameter_bytes=9)
    compiled.compiled_model_path.write_bytes(made)

    with pytest.raises(ModelError, match="a stand-in made this file"):
        bundle.run(settings(bundle__unproven=True), compiled)


def test_a_model_with_outputs_in_another_order_is_refused(settings, compiled):
    spec = detector()
    changed = write_compiled(
        content_of(type(spec)(spec.tensors, spec.operators, spec.inputs, spec.outputs[::-1])),
        MAPPED,
        runtime=14,
        parameter_bytes=9,
    )
    compiled.compiled_model_path.write_bytes(changed.replace(PROVENANCE_KEY.encode(), b"provenancx"))

    with pytest.raises(ModelError, match="outputs are not boxes, classes, scores, count in this order"):
        bundle.run(settings(bundle__unproven=True), compiled)


def test_without_a_compiled_model_the_way_to_it_is_named(settings, workspace):
    with pytest.raises(MissingInputError, match=r'Run "ci/inv compile" first'):
        bundle.run(settings(), workspace)


def test_pycoral_s_example_runs_as_it_is(settings, compiled, tmp_path, monkeypatch, capsys):
    """Against a double with pycoral's names: the picture is stretched, the scale is input over picture."""
    passed(compiled)
    bundle.run(settings(bundle__format="pycoral", bundle__name="b"), compiled)
    folder = unpacked(compiled, tmp_path)
    seen = install_pycoral(monkeypatch)
    Image.new("RGB", (80, 40)).save(tmp_path / "a.png")
    code = compile((folder / "detect.py").read_text(), str(folder / "detect.py"), "exec")
    example = {"__file__": str(folder / "detect.py"), "__name__": "example"}

    exec(code, example)  # noqa: S102 - the file under test
    example["main"](str(tmp_path / "a.png"))

    assert seen["model"] == str(folder / "model_edgetpu.tflite")
    assert (seen["size"], seen["scale"], seen["score"]) == ((8, 8), (0.1, 0.2), 0.4)
    assert capsys.readouterr().out == "2 stroke: fast 0.75: 1 2 3 4\n"


def judged(workspace, **changes):
    """Leave the reports of compilation and evaluation of the workspace's model, with a threshold for each class."""
    inputs = {"model/model.tflite": "m"}
    outputs = {"model/model_edgetpu.tflite": tree_digest(workspace.compiled_model_path)}
    write_json(
        workspace.report_path("compile"), {"made_from": {"fingerprint": "f", "inputs": inputs, "outputs": outputs}}
    )
    counts = {"boxes": 10, "right": 8, "wrong": 3}
    chosen = {name: {"threshold": value, "judged": counts} for name, value in THRESHOLDS.items()}
    thresholds = {"split": "validation", "images": 45, "rule": "best-f1", "classes": chosen}
    made_from = {"fingerprint": "f", "inputs": inputs}
    report = {"split": "test", "images": 70, "thresholds": thresholds, "made_from": made_from}
    write_json(workspace.report_path("evaluate"), {**report, **changes})


THRESHOLDS = {"boat": 0.35, "2 stroke: fast": 0.8}


def test_frigate_s_configuration_has_the_thresholds_that_evaluate_chose(settings, compiled, tmp_path):
    passed(compiled)
    judged(compiled)
    report = bundle.run(settings(bundle__name="b"), compiled)
    folder = unpacked(compiled, tmp_path)
    filters = yaml.safe_load((folder / "config.yml").read_text())["objects"]["filters"]

    assert filters == {name: {"min_score": value, "threshold": value} for name, value in THRESHOLDS.items()}
    assert "| boat | 0.35 | 8 | 2 | 3 |" in (folder / "MODEL_CARD.md").read_text()
    assert (report.results["thresholds"], report.notes) == (THRESHOLDS, ())


def test_pycoral_s_example_applies_the_threshold_of_each_class(settings, compiled, tmp_path, monkeypatch, capsys):
    """The double finds class 1 with 0.75, whose threshold is 0.8; a score that the user gives wins."""
    passed(compiled)
    judged(compiled)
    bundle.run(settings(bundle__format="pycoral", bundle__name="b"), compiled)
    folder = unpacked(compiled, tmp_path)
    seen = install_pycoral(monkeypatch)
    Image.new("RGB", (80, 40)).save(tmp_path / "a.png")
    example = {"__file__": str(folder / "detect.py"), "__name__": "example"}
    exec(compile((folder / "detect.py").read_text(), "detect.py", "exec"), example)  # noqa: S102 - under test
    example["main"](str(tmp_path / "a.png"))
    silent = capsys.readouterr().out
    example["main"](str(tmp_path / "a.png"), "0.7")

    assert (silent, seen["score"]) == ("", 0.7)
    assert capsys.readouterr().out == "2 stroke: fast 0.75: 1 2 3 4\n"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"made_from": {"inputs": {"model/model.tflite": "other"}}}, "is of another model", id="model"),
        pytest.param({"thresholds": {"classes": {"boat": {"threshold": 0.3}}}}, "has other classes", id="classes"),
        pytest.param({"thresholds": None}, 'evaluate" first', id="no thresholds"),
    ],
)
def test_thresholds_of_something_else_stay_outside(settings, compiled, tmp_path, changes, reason):
    passed(compiled)
    judged(compiled, **changes)
    report = bundle.run(settings(bundle__name="b"), compiled)

    assert reason in report.notes[0]
    assert "filters" not in yaml.safe_load((unpacked(compiled, tmp_path) / "config.yml").read_text())["objects"]


def install_pycoral(monkeypatch):
    """Put a double in pycoral's place and return what it is told."""
    seen = {}
    names = ("pycoral", "pycoral.adapters", "pycoral.utils", "pycoral.utils.dataset", "pycoral.utils.edgetpu")
    modules = {name: ModuleType(name) for name in names}

    def make_interpreter(model_path_or_content):
        seen["model"] = model_path_or_content
        return SimpleNamespace(allocate_tensors=lambda: None, invoke=lambda: None)

    def get_objects(_interpreter, score_threshold, image_scale):
        seen.update(score=score_threshold, scale=image_scale)
        box = SimpleNamespace(xmin=1, ymin=2, xmax=3, ymax=4)
        return [SimpleNamespace(id=1, score=0.75, bbox=box)]

    modules["pycoral.utils.edgetpu"].make_interpreter = make_interpreter
    modules["pycoral.utils.dataset"].read_label_file = lambda path: {
        int(line.split(" ", maxsplit=1)[0]): line.split(" ", maxsplit=1)[1].strip()
        for line in Path(path).read_text(encoding="utf-8").splitlines()
    }
    modules["pycoral.adapters"].common = SimpleNamespace(
        input_size=lambda _: (8, 8), set_input=lambda _, image: seen.update(size=image.size)
    )
    modules["pycoral.adapters"].detect = SimpleNamespace(get_objects=get_objects)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return seen


@pytest.mark.tensorflow
def test_a_model_of_the_project_is_read_as_frigate_reads_it(finished_workspace):
    """Frigate takes output 0 for boxes, 1 for classes, 2 for scores, 3 for the count. The compiler keeps this order."""
    import numpy as np

    from edgetrain.tflite.interpreters import Interpreter

    interpreter = Interpreter(str(finished_workspace.model_path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.full((1, 96, 96, 3), 90, np.uint8))
    interpreter.invoke()
    boxes, classes, scores, count = (
        interpreter.get_tensor(detail["index"])[0] for detail in interpreter.get_output_details()
    )

    assert (boxes.shape[1], classes.shape, scores.shape) == (4, (len(boxes),), (len(boxes),))
    assert int(count) <= len(boxes)
    assert list(scores) == sorted(scores, reverse=True)
    names = (finished_workspace.labels_path).read_text().splitlines()
    assert {int(index) for index in classes[: int(count)]} <= set(range(len(names)))


def test_the_report_is_json(settings, compiled):
    passed(compiled)

    assert json.loads(json.dumps(bundle.run(settings(), compiled).results))["format"] == "frigate"
