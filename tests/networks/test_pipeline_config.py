"""The Object Detection API's configuration: read with paths that hold from anywhere, refused where it is wrong."""

from __future__ import annotations

import importlib

import pytest

from edgetrain.core.errors import SettingsError

pytestmark = pytest.mark.tensorflow

TEXT = """
train_config { fine_tune_checkpoint: "checkpoint/ckpt-0" }
train_input_reader {
  label_map_path: "annotations/label_map.pbtxt"
  tf_record_input_reader { input_path: ["records/train.record-?", "/data/more.record"] }
}
eval_input_reader {
  label_map_path: "annotations/label_map.pbtxt"
  tf_record_input_reader { input_path: "records/test.record-?" }
}
"""


@pytest.fixture(scope="module")
def pipeline_config():
    """Return the module, loaded only where the API is installed."""
    return importlib.import_module("edgetrain.networks.pipeline_config")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("model {\n  sssd { } }", r"^x\.config:2:3 : .*sssd.* Correct the settings or", id="unknown field"),
        pytest.param("train_config { batch_size: many }", r"^x\.config:1:28 : .*many", id="word for a number"),
        pytest.param("train_config { batch_size: 1.5 }", r"^x\.config:1:28 : .*1\.5", id="half a picture"),
        pytest.param("train_config {", r"^x\.config:1:14 : .*Expected", id="not closed"),
        pytest.param(
            "train_config { fine_tune_checkpoint_version: V9 }", r'has no value named "?V9', id="unknown choice"
        ),
    ],
)
def test_a_wrong_text_is_reported_with_line_and_column(pipeline_config, text, message):
    with pytest.raises(SettingsError, match=message):
        pipeline_config.parse_pipeline_config(text, where="x.config")


def test_relative_paths_are_those_of_the_workspace(pipeline_config, workspace):
    workspace.root.mkdir()
    workspace.pipeline_config_path.write_text(TEXT)

    config = pipeline_config.read_pipeline_config(workspace)

    root = workspace.root.resolve()
    assert config.train_config.fine_tune_checkpoint == f"{root}/checkpoint/ckpt-0"
    assert config.train_input_reader.label_map_path == f"{root}/annotations/label_map.pbtxt"
    assert list(config.train_input_reader.tf_record_input_reader.input_path) == [
        f"{root}/records/train.record-?",
        "/data/more.record",
    ]
    assert config.eval_input_reader[0].label_map_path == f"{root}/annotations/label_map.pbtxt"


def test_an_empty_path_stays_empty(pipeline_config, workspace):
    workspace.root.mkdir()
    workspace.pipeline_config_path.write_text("train_config { batch_size: 1 }")

    assert pipeline_config.read_pipeline_config(workspace).train_config.fine_tune_checkpoint == ""


def test_a_file_that_someone_broke_is_reported_by_its_path(pipeline_config, workspace):
    workspace.root.mkdir()
    workspace.pipeline_config_path.write_text("train_config { batch_sise: 1 }")

    with pytest.raises(SettingsError, match=r"build/pipeline\.config:1:16 : .*batch_sise"):
        pipeline_config.read_pipeline_config(workspace)


def test_the_api_s_augmentations_are_known_by_name(pipeline_config):
    known = pipeline_config.known_augmentations()

    assert {"random_horizontal_flip", "ssd_random_crop"} <= set(known)
    assert "resize_image" not in known  # without a size of its own it gives pictures of none
    assert list(known) == sorted(known)
