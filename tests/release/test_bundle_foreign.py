"""A model that was not trained here, handed over to Frigate as its releases read it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from ci.standin.compiled_file import write_compiled
from edgetrain.core.errors import ModelError
from edgetrain.core.system.files import file_digest, write_json
from edgetrain.edgetpu.compiler.provenance import PROVENANCE_KEY
from edgetrain.release import bundle
from tests.support.tar_files import unpack_tar
from tests.support.tflite_models import ModelSpec, OperatorSpec, TensorSpec, content_of, detector

CELLS = 8 * 8 + 4 * 4 + 2 * 2
# The keys of ``model`` that Frigate 0.15, 0.16 and 0.17 know (``detector_config.py`` of each); an unknown one stops it.
KEYS = {
    *("path", "labelmap_path", "width", "height", "labelmap", "attributes_map", "input_tensor", "input_pixel_format"),
    *("input_dtype", "model_type"),
}
ATTRIBUTES = {"person": ["amazon", "face"], "car": ["amazon", "ups", "license_plate"], "motorcycle": ["license_plate"]}


def heads(classes, picture="UINT8"):
    """Return a graph with DFL heads: one operator a head, which a test of the ends needs no more of."""
    tensors = (
        TensorSpec("picture", (1, 64, 64, 3), picture),
        TensorSpec("boxes", (1, CELLS, 64)),
        TensorSpec("logits", (1, CELLS, classes)),
    )
    operators = (OperatorSpec("TANH", ("picture",), ("boxes",)), OperatorSpec("TANH", ("picture",), ("logits",)))
    return ModelSpec(tensors, operators, ("picture",), ("logits", "boxes"))


@pytest.fixture
def handed(settings, workspace, tmp_path):
    """Return a function that bundles a foreign model: the stand-in's, its mark taken off as only a test may."""

    def make(spec, labels, mapped, **changes):
        source = tmp_path / "theirs.tflite"
        source.write_bytes(content_of(spec))
        (tmp_path / "labels.txt").write_text(labels)
        own = workspace.with_model(source)
        own.model_dir.mkdir(parents=True)
        made = write_compiled(source.read_bytes(), mapped, runtime=14, parameter_bytes=9)
        own.compiled_model_path.write_bytes(made.replace(PROVENANCE_KEY.encode(), b"provenancx"))
        report = {"source_sha256": file_digest(source), "summary": "s", "made_from": {"fingerprint": "f"}}
        write_json(workspace.report_path("compile"), {**report, **changes})
        chosen = settings(model__file=source, model__labels=tmp_path / "labels.txt", bundle__unproven=True)
        bundle.run(chosen, workspace)
        (archive,) = workspace.bundle_dir.iterdir()
        unpack_tar(archive, tmp_path / "out")
        (folder,) = (tmp_path / "out").iterdir()
        return folder

    return make


def tracked(folder):
    """Return what Frigate would track: names to track without those that it holds for attributes (``video.py``)."""
    config = yaml.safe_load((folder / "config.yml").read_text())
    held = {name for names in config["model"].get("attributes_map", ATTRIBUTES).values() for name in names}
    return [name for name in config["objects"]["track"] if name not in held]


def labels_of(folder):
    """Return the labels as Frigate's ``load_labels`` reads them."""
    lines = (folder / "labelmap.txt").read_text().splitlines()
    assert lines[0].split(" ", maxsplit=1)[0].isdigit()
    return {int(index): label.strip() for index, label in (line.split(" ", maxsplit=1) for line in lines)}


@pytest.mark.parametrize("picture", ["UINT8", "INT8"])
def test_dfl_heads_are_yolo_generic(handed, picture):
    folder = handed(heads(3, picture), "boat\nfish\nhouse\n", [True, True])

    config = yaml.safe_load((folder / "config.yml").read_text())
    assert folder.name == "theirs-frigate-unproven"
    assert config["model"]["model_type"] == "yolo-generic"
    assert (config["model"]["width"], config["model"]["height"]) == (64, 64)
    assert set(config["model"]) <= KEYS
    assert "Frigate 0.17 or later" in (folder / "config.yml").read_text()
    assert labels_of(folder) == {0: "boat", 1: "fish", 2: "house"}


def test_an_ssd_of_others_is_ssd(handed):
    folder = handed(detector(), "0  boat\n2  house\n", [True, True, True, False, True, False, False])

    config = yaml.safe_load((folder / "config.yml").read_text())
    assert config["model"]["model_type"] == "ssd"
    assert set(config["model"]) <= KEYS
    assert labels_of(folder) == {0: "boat", 2: "house"}
    assert tracked(folder) == ["boat", "house"]


def test_names_that_frigate_holds_for_attributes_are_tracked_all_the_same(handed):
    folder = handed(heads(3), "face\nups\nboat\n", [True, True])

    text = (folder / "config.yml").read_text()
    assert tracked(folder) == ["face", "ups", "boat"]
    assert yaml.safe_load(text)["model"]["attributes_map"] == {}
    assert "Frigate holds face, ups for attributes of persons and cars" in text


def test_other_names_leave_the_attributes_as_they_are(handed):
    folder = handed(heads(2), "boat\nfish\n", [True, True])

    assert "attributes_map" not in yaml.safe_load((folder / "config.yml").read_text())["model"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param(
            heads(1), "with 1 class Frigate's yolo-generic takes boxes and classes for each other", id="1 class"
        ),
        pytest.param(heads(64), "with 64 classes Frigate's", id="64 classes"),
    ],
)
def test_what_frigate_reads_wrong_is_refused(handed, spec, message):
    with pytest.raises(ModelError, match=message):
        handed(spec, "boat\n", [True, True])


def test_a_model_whose_outputs_are_those_of_tensorflow_2_is_refused(handed):
    spec = replace(detector(), outputs=("scores", "boxes", "count", "classes"))

    with pytest.raises(ModelError, match=r'Run "ci/inv adapt" and "ci/inv compile" again'):
        handed(spec, "boat\n", [True, True, True, False, True, False, False])


def test_the_compiled_file_of_another_model_is_refused(handed):
    with pytest.raises(ModelError, match="what was compiled last is another model"):
        handed(heads(2), "boat\nfish\n", [True, True], source_sha256="0")


def test_a_decoder_that_frigate_has_not_on_a_coral_is_named(handed):
    tensors = (TensorSpec("picture", (1, 64, 64, 3), "UINT8"), TensorSpec("head", (1, 7, CELLS)))
    spec = ModelSpec(tensors, (OperatorSpec("TANH", ("picture",), ("head",)),), ("picture",), ("head",))

    with pytest.raises(ModelError, match="frigate reads no model of the decoder yolo on a Coral"):
        handed(spec, "boat\n", [True])


def test_the_card_says_nothing_of_a_training(handed):
    text = (handed(heads(2), "boat\nfish\n", [True, True]) / "MODEL_CARD.md").read_text()

    assert "did not pass a test on a Coral device" in text
    assert "training." not in text
