"""Files of newer converters, refused before, accepted and equal after; and what cannot be repaired, named."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from edgetrain.core.errors import ModelError, SettingsError
from edgetrain.edgetpu.adapt import adapt
from edgetrain.edgetpu.adapt.proof import compare
from edgetrain.edgetpu.compiler.prediction import predict
from edgetrain.tflite.editing import take_apart
from edgetrain.tflite.file import read_tflite
from edgetrain.tflite.model_kind import SSD_ORDER, kind_of
from edgetrain.tflite.rendering import render
from tests.support.outcomes import failed
from tests.support.places import PROJECT_DIR
from tests.support.tflite_models import chain, content_of, detector, write_model

pytestmark = pytest.mark.tensorflow  # the interpreter that proves
NEWER = PROJECT_DIR / "tests" / "data" / "newer"


@pytest.fixture
def adapted(settings, workspace, tmp_path):
    """Return a function that adapts a file and returns the outcome and the file written."""

    def run(path):
        target = tmp_path / "out.tflite"
        return adapt.run(settings(adapt__model=path, adapt__out=target), workspace), target

    return run


@pytest.mark.parametrize(
    ("name", "refusal", "change"),
    [
        pytest.param(
            "grouped_depthwise",
            "version '6'",
            "CONV_2D of 16 groups of one channel -> DEPTHWISE_CONV_2D",
            id="depthwise",
        ),
        pytest.param(
            "grouped_fours", "version '6'", "CONV_2D of 4 groups -> SPLIT, 4 CONV_2D, CONCATENATION", id="groups"
        ),
        pytest.param("onnx2tf_grouped", "version '6'", "CONV_2D of 4 groups -> SPLIT, 4 CONV_2D", id="onnx2tf"),
        pytest.param("version_only", "version '6'", "CONV_2D version 6 -> 3 (2 times)", id="version"),
        pytest.param("dynamic_batch", "dynamic-sized tensors", "batch of unknown size -> 1", id="batch"),
    ],
)
def test_what_was_refused_is_accepted_and_computes_the_same(adapted, name, refusal, change):
    path = NEWER / f"{name}.tflite"
    before = predict(read_tflite(path), path)

    outcome, target = adapted(path)

    after = predict(read_tflite(target), target)
    assert any(refusal in text for text in before.refusals)
    assert (after.refusals, after.level) == ((), "all")
    assert any(text.startswith(change) for text in outcome.results["changes"])
    assert outcome.results["proof"]["differing"] == 0 < outcome.results["proof"]["values"]


def test_a_float_input_becomes_uint8(adapted):
    outcome, target = adapted(NEWER / "float_ends.tflite")

    graph = read_tflite(target).subgraphs[0]
    assert graph.tensors[graph.inputs[0]].type == "UINT8"
    assert outcome.results["changes"][0].endswith("uint8, a value q standing for (q - 128) * 0.00784285")
    assert outcome.results["proof"]["differing"] == 0


def test_the_outputs_of_tensorflow_2_come_in_the_order_of_tensorflow_1(adapted):
    path = NEWER / "tensorflow_2_order.tflite"
    assert kind_of(read_tflite(path)).outputs != SSD_ORDER

    outcome, target = adapted(path)

    assert kind_of(read_tflite(target)).outputs == SSD_ORDER
    assert outcome.results["changes"] == ["outputs scores, boxes, count, classes -> boxes, classes, scores, count"]


def test_the_int8_picture_of_an_ssd_becomes_uint8(adapted, tmp_path):
    """What bundle says of such a model is: run adapt."""
    whole = take_apart((NEWER / "tensorflow_2_order.tflite").read_bytes(), "m")
    first = whole.operators[0]
    assert (first.name, whole.tensors[first.outputs[0]].type) == ("QUANTIZE", "INT8")
    signature = replace(whole.signatures[0], inputs=((whole.signatures[0].inputs[0][0], first.outputs[0]),))
    spec = replace(whole, operators=whole.operators[1:], inputs=first.outputs, signatures=(signature,))
    path = tmp_path / "int8.tflite"
    path.write_bytes(render(spec))

    outcome, target = adapted(path)
    again, same = adapted(target.rename(tmp_path / "once.tflite"))

    graph, after = read_tflite(same).subgraphs[0], take_apart(same.read_bytes(), "m")
    assert [graph.tensors[place].type for place in graph.inputs] == ["UINT8"]
    assert graph.tensors[graph.inputs[0]].name == spec.tensors[first.outputs[0]].name
    assert after.signatures[0].inputs[0][1] == graph.inputs[0]
    assert graph.operators[0].name == "QUANTIZE"
    assert outcome.results["changes"][0].startswith("int8 input")
    assert outcome.results["proof"]["differing"] == 0 < outcome.results["proof"]["values"]
    assert again.results["changes"] == []


def test_the_int8_input_of_another_model_stays(adapted, tmp_path):
    path = write_model(tmp_path / "in.tflite", chain("TANH"))

    assert adapted(path)[0].results["changes"] == []


def test_what_cannot_be_repaired_is_named_and_nothing_is_written(adapted, tmp_path):
    outcome, _ = adapted(NEWER / "gelu.tflite")

    failed(outcome, match=r"(?s)nothing was written.*not repaired: .*GELU came after")
    assert not (tmp_path / "out.tflite").exists()
    assert json.loads(json.dumps(outcome.results))["not_repaired"]


def test_a_file_without_a_fault_is_written_as_it_is(adapted, tmp_path):
    path = write_model(tmp_path / "in.tflite", replace(detector(), outputs=SSD_ORDER))

    outcome, target = adapted(path)

    assert target.read_bytes() == path.read_bytes()
    assert outcome.summary == "in.tflite -> out.tflite: 0 changes; nothing to prove"


def test_equal_files_give_equal_bytes(adapted):
    first, second = (adapted(NEWER / "grouped_fours.tflite")[1].read_bytes() for _ in range(2))

    assert first == second


def test_names_signatures_and_metadata_are_kept(adapted):
    path = NEWER / "grouped_depthwise.tflite"
    before = take_apart(path.read_bytes(), "m")

    after = take_apart(adapted(path)[1].read_bytes(), "m")

    assert {tensor.name for tensor in before.tensors} <= {tensor.name for tensor in after.tensors}
    assert (after.signatures, after.metadata, after.description) == (
        before.signatures,
        before.metadata,
        before.description,
    )


def test_another_weight_is_a_difference_that_the_proof_finds():
    content = (NEWER / "grouped_depthwise.tflite").read_bytes()
    changed = adapt.rewrite(take_apart(content, "m")).model
    place = next(o.inputs[1] for o in changed.operators if o.name == "DEPTHWISE_CONV_2D")
    weights = bytearray(changed.tensors[place].data)
    weights[0] ^= 0x40

    proof = compare(content, render(changed.with_tensor(place, data=bytes(weights))))

    assert proof.differing > 0
    assert proof.largest_difference > 0


def test_a_rewrite_that_computes_something_else_is_not_written(adapted, monkeypatch, tmp_path):
    original = adapt.without_grouped
    monkeypatch.setattr(adapt, "without_grouped", lambda model: _biased(original(model)))

    with pytest.raises(ModelError, match="the rewritten model computes something else"):
        adapted(NEWER / "grouped_depthwise.tflite")

    assert not (tmp_path / "out.tflite").exists()


def _biased(found):
    model, changes, kept = found
    place = next(o.inputs[2] for o in model.operators if o.name == "DEPTHWISE_CONV_2D")
    bias = np.frombuffer(model.tensors[place].data, np.int32) + 1000
    return model.with_tensor(place, data=bias.tobytes()), changes, kept


def test_both_files_must_be_named(settings, workspace):
    with pytest.raises(SettingsError, match=r"Name both files: --model X\.tflite --out Y\.tflite"):
        adapt.run(settings(), workspace)


def test_a_file_is_not_written_over_itself(settings, workspace):
    path = NEWER / "gelu.tflite"

    with pytest.raises(SettingsError, match="this is the file to read"):
        adapt.run(settings(adapt__model=path, adapt__out=path), workspace)


def test_a_folder_that_is_not_there_is_an_error(settings, workspace, tmp_path):
    with pytest.raises(SettingsError, match="Name a file in a folder that exists"):
        adapt.run(settings(adapt__model=NEWER / "gelu.tflite", adapt__out=tmp_path / "no" / "x.tflite"), workspace)


def test_unknown_sizes_beside_the_batch_are_named():
    model = take_apart(content_of(detector().with_tensor("picture", signature=(-1, -1, -1, 3))), "m")

    assert adapt.rewrite(model).kept[0].startswith("input 'picture' has unknown sizes beside the batch")
