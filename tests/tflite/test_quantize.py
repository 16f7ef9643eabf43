"""What quantization is measured on and what it tells, on a detector whose right answers are known."""

from __future__ import annotations

import json
import zipfile

import pytest

from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import MissingInputError
from edgetrain.core.splits import Split
from edgetrain.core.workspace import Workspace
from edgetrain.pipeline import flow
from tests.conftest import settings_of
from tests.support.grid_detector import SIDE, write_all_pictures, write_detector, write_pictures
from tests.support.outcomes import failed

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def quantized(tmp_path_factory):
    """Return a function that gives the settings of a workspace quantized on good or on black pictures."""
    made = {}

    def make(*, is_black):
        if is_black not in made:
            root = tmp_path_factory.mktemp("quantized")
            made[is_black] = settings_of(root, root / "build", quantize__representative_images=6)
            workspace = Workspace(root / "build")
            write_all_pictures(workspace, is_black=is_black)
            write_detector(workspace)
            flow.run_stage("quantize", made[is_black])
        return made[is_black]

    return make


def _report(settings, stage="quantize"):
    return json.loads(Workspace(settings.workspace.root).report_path(stage).read_text())


def _average_precisions(settings):
    results = _report(settings, "evaluate")["results"]
    return [results[name]["mean_average_precision"] for name in ("float32", "int8")]


def test_the_report_counts_the_pictures_that_measured_the_ranges(quantized):
    report = _report(quantized(is_black=False))

    assert report["summary"].endswith("measured on 6 of 12 training pictures")
    assert (report["representative_images"], report["representative_classes"]) == (6, {"lamp": 6})
    assert report["representative_negatives"] == 0


def test_the_layers_are_compared_on_validation_pictures(quantized):
    """Every int8 operator that changes values, in the model's order; ranges that fit hold all values."""
    calibration = _report(quantized(is_black=False))["calibration"]

    assert (calibration["checked"], calibration["checked_split"]) == (3, "validation")
    assert [layer["operator"] for layer in calibration["layers"]] == ["CONV_2D", "LOGISTIC"]
    assert all(layer["relative_error"] < 0.05 and layer["outside"] == 0 for layer in calibration["layers"])


def test_both_models_carry_the_labels(quantized):
    """As an archive that any ZIP program opens."""
    workspace = Workspace(quantized(is_black=False).workspace.root)

    for path in (workspace.float_model_path, workspace.model_path):
        with zipfile.ZipFile(path) as archive:
            assert archive.read("labels.txt") == b"lamp\n"


@pytest.mark.parametrize("is_black", [pytest.param(False, id="good"), pytest.param(True, id="black")])
def test_pixels_mean_the_same_whatever_pictures_measured_the_ranges(quantized, is_black):
    """0 is -1 and 255 is 1: a device hands the pixels over as they are."""
    from edgetrain.tflite.interpreters import Interpreter

    model_path = Workspace(quantized(is_black=is_black).workspace.root).model_path
    (details,) = Interpreter(str(model_path)).get_input_details()
    scale, zero_point = details["quantization"]

    assert [(pixel - zero_point) * scale for pixel in (0, 255)] == pytest.approx([-1, 1], abs=0.005)


def test_good_pictures_pass_the_gate(quantized):
    settings = quantized(is_black=False)
    gated = settings_of(settings.dataset.root, settings.workspace.root, evaluate__max_ap_drop=0.02)

    flow.run_stage("evaluate", gated)

    assert _average_precisions(gated) == [1, pytest.approx(1)]


def test_black_pictures_are_caught_by_the_gate(quantized):
    """Bright and very bright became one; the message has the figures that say why."""
    settings = quantized(is_black=True)
    gated = settings_of(settings.dataset.root, settings.workspace.root, evaluate__max_ap_drop=0.02)

    outcome = flow.run_stage("evaluate", gated).outcome

    failed(outcome, match=r"(?s)int8 loses 0\.\d+ AP .*on 10 test pictures")
    float_precision, int8_precision = _average_precisions(gated)
    assert int8_precision < 0.6 < float_precision
    assert "\n  1. 6 of 12 training pictures measured the ranges: raise" in outcome.failure
    assert "\n  2. on 3 validation pictures 1 of 2 layers have 1% or more of their values outside" in outcome.failure
    assert "\n  4. if your use can bear the loss, allow it with --max-ap-drop" in outcome.failure


def test_the_report_names_the_pictures_which_the_seed_draws(quantized, tmp_path):
    settings = quantized(is_black=False)
    other = settings_of(tmp_path, tmp_path / "build", quantize__representative_images=6, quantize__seed=1)
    write_all_pictures(Workspace(tmp_path / "build"), is_black=False)
    write_detector(Workspace(tmp_path / "build"))

    flow.run_stage("quantize", other)

    first, second = (_report(one)["representative_pictures"] for one in (settings, other))
    assert len(first) == len(second) == 6
    assert first != second


def test_only_the_named_pictures_are_read(quantized):
    from edgetrain.tflite.quantize import _pixels

    workspace = Workspace(quantized(is_black=False).workspace.root)

    pixels = _pixels(workspace, Split.TRAIN, ["train3", "train7"], ImageSize(SIDE, SIDE))

    assert [array.shape for array in pixels] == [(SIDE, SIDE, 3)] * 2


def test_without_validation_pictures_training_pictures_compare_the_layers(tmp_path):
    settings = settings_of(tmp_path, tmp_path / "build")
    workspace = Workspace(tmp_path / "build")
    write_pictures(workspace, Split.TRAIN, count=2)
    write_detector(workspace)

    flow.run_stage("quantize", settings)

    calibration = _report(settings)["calibration"]
    assert (calibration["checked"], calibration["checked_split"]) == (2, "train")
    assert _report(settings)["input"] == f"uint8 1x{SIDE}x{SIDE}x3"


def test_without_training_pictures_nothing_is_written(tmp_path):
    settings = settings_of(tmp_path, tmp_path / "build")
    workspace = Workspace(tmp_path / "build")
    write_pictures(workspace, Split.TRAIN, count=0)
    write_detector(workspace)

    with pytest.raises(MissingInputError, match=r"train\.record.*: no training picture"):
        flow.run_stage("quantize", settings)

    assert not workspace.model_dir.exists()
