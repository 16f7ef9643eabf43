"""What preflight predicts of public models, and what the compiler did of each."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace

import pytest

from edgetrain.edgetpu.compiler.package import EDGETPU_OPERATOR, packages_of
from edgetrain.edgetpu.compiler.prediction import predict
from edgetrain.edgetpu.compiler.rules import NEWEST_RUNTIME
from edgetrain.tflite.file import read_tflite
from tests.support.places import SHARED_DIR

MODELS = SHARED_DIR / "edgetpu_models"
CASES = SHARED_DIR / "cases" / "edgetpu_models"
PAIRS = [
    pytest.param(path, id=path.stem)
    for folder in (MODELS, CASES)
    for path in sorted(folder.glob("*.tflite"))
    if path.with_name(f"{path.stem}_edgetpu.tflite").exists()
]


@pytest.mark.shared
def test_there_are_pairs_to_compare():
    assert len(PAIRS) == 6


@pytest.mark.shared
@pytest.mark.parametrize("runtime", ["newest", "its own"])
@pytest.mark.parametrize("path", PAIRS)
def test_the_prediction_is_what_the_compiler_did(path, runtime, tmp_path):
    """The source is renamed and its twin out of reach; only this test reads the twin, whose runtime may be 12 or 13."""
    source = tmp_path / "model.tflite"
    shutil.copyfile(path, source)
    twin = read_tflite(path.with_name(f"{path.stem}_edgetpu.tflite"))
    left = Counter(operator.name for operator in twin.operators if operator.name != EDGETPU_OPERATOR)
    (package,) = packages_of(twin, path)

    prediction = predict(
        read_tflite(source), source, runtime=NEWEST_RUNTIME if runtime == "newest" else package.min_runtime_version
    )

    assert dict(prediction.on_cpu) == dict(left)
    assert prediction.refusals == ()
    assert prediction.mapped == len(prediction.operators) - sum(left.values())


@pytest.mark.shared
@pytest.mark.parametrize("path", PAIRS)
def test_a_perturbed_operator_changes_the_verdict(path, tmp_path):
    model = read_tflite(path)
    before = predict(model, tmp_path)
    first = model.subgraphs[0].operators[0]

    for changed in (replace(first, code=150, name="GELU"), replace(first, name="Atan", code=32)):
        graph = replace(model.subgraphs[0], operators=(changed, *model.subgraphs[0].operators[1:]))
        after = predict(replace(model, subgraphs=(graph,)), tmp_path)
        assert after.refusals != before.refusals
        assert Counter(verdict.outcome for verdict in after.operators)["refused"] == 1
