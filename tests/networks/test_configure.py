"""The configuration is rendered from the settings: the same bytes for the same settings, and all of them in it."""

from __future__ import annotations

import importlib
import json
import re

import pytest

from edgetrain.core.errors import MissingInputError, SettingsError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.settings.choices import NetworkType
from edgetrain.core.workspace.label_map_file import write_label_map
from tests.support.places import PROJECT_DIR

pytestmark = pytest.mark.tensorflow
GOLDEN_DIR = PROJECT_DIR / "tests" / "templates"
NETWORKS = [pytest.param(one.value, id=one.value) for one in NetworkType]


@pytest.fixture(scope="module")
def configure():
    """Return the stage, loaded only where the API is installed."""
    return importlib.import_module("edgetrain.networks.configure")


@pytest.fixture
def inputs(workspace):
    """Write what the stage reads: a label map of three classes and the note about the checkpoint."""
    workspace.checkpoint_dir.mkdir(parents=True)
    (workspace.checkpoint_dir / "checkpoint.json").write_text(json.dumps({"type": "classification"}))
    workspace.label_map_path.parent.mkdir()
    write_label_map(workspace.label_map_path, LabelMap(("boat", "fish", "house")))


@pytest.fixture
def rendered(configure, inputs, settings, workspace):
    """Return a function that runs the stage with some settings and gives the text."""

    def rendered(**changes):
        configure.run(settings(**changes), workspace)
        return workspace.pipeline_config_path.read_text(encoding="utf-8")

    return rendered


@pytest.fixture
def parsed(rendered):
    """Return a function that runs the stage with some settings and gives the API's own reading of the text."""
    parse = importlib.import_module("edgetrain.networks.pipeline_config").parse_pipeline_config
    return lambda **changes: parse(rendered(**changes), where="test")


@pytest.mark.parametrize("network", NETWORKS)
def test_the_text_is_the_one_that_was_reviewed(rendered, network):
    """After a wanted change: copy the new text over the golden file and look at the difference."""
    expected = (GOLDEN_DIR / f"{network}.config.golden").read_text(encoding="utf-8")

    assert rendered(network__type=network) == expected


@pytest.mark.parametrize("network", NETWORKS)
def test_the_same_settings_give_the_same_bytes(rendered, network):
    assert rendered(network__type=network) == rendered(network__type=network)


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        pytest.param({}, "model.ssd.num_classes", 3, id="classes"),
        pytest.param({"network__image_size": 96}, "model.ssd.image_resizer.fixed_shape_resizer.width", 96, id="width"),
        pytest.param(
            {"network__image_size": 96}, "model.ssd.image_resizer.fixed_shape_resizer.height", 96, id="height"
        ),
        pytest.param(
            {"network__depth_multiplier": "0.25"}, "model.ssd.feature_extractor.depth_multiplier", 0.25, id="depth"
        ),
        pytest.param({"network__max_boxes": 7}, "train_config.max_number_of_boxes", 7, id="boxes in training"),
        pytest.param({"network__max_boxes": 7}, "train_input_reader.max_number_of_boxes", 7, id="boxes read"),
        pytest.param({"training__steps": 7}, "train_config.num_steps", 7, id="steps"),
        pytest.param({"training__batch_size": 7}, "train_config.batch_size", 7, id="batch"),
        pytest.param(
            {"training__gradient_clip_norm": 0}, "train_config.gradient_clipping_by_norm", 0, id="no clipping"
        ),
        pytest.param({}, "train_config.fine_tune_checkpoint_type", "classification", id="kind of checkpoint"),
    ],
)
def test_a_setting_arrives_where_the_api_reads_it(parsed, change, field, expected):
    value = parsed(**change)
    for part in field.split("."):
        value = getattr(value, part)

    assert value == expected


@pytest.mark.parametrize("text", [pytest.param(text, id=text) for text in ("0.001", "1e-5", "0.00000123", "1", "3e-7")])
def test_numbers_keep_their_value(parsed, text):
    schedule = parsed(training__learning_rate=text).train_config.optimizer.adam_optimizer.learning_rate

    assert schedule.cosine_decay_learning_rate.learning_rate_base == pytest.approx(float(text), rel=1e-6)


@pytest.mark.parametrize(
    ("steps", "warmup", "expected"),
    [
        pytest.param(1000, 0.03, 30, id="share"),
        pytest.param(10, 0.03, 0, id="less than one"),
        pytest.param(9, 0, 0, id="none"),
    ],
)
def test_the_rate_follows_the_number_of_steps(parsed, steps, warmup, expected):
    config = parsed(training__steps=steps, training__warmup=warmup).train_config

    schedule = config.optimizer.adam_optimizer.learning_rate.cosine_decay_learning_rate

    assert (schedule.total_steps, schedule.warmup_steps) == (steps, expected)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    ("name", "is_frozen"),
    [
        pytest.param("Conv1/kernel:0", True, id="v2 backbone"),
        pytest.param("conv_dw_1_bn/gamma:0", True, id="v1 backbone"),
        pytest.param("mobiledet_1_conv_BN/gamma:0", True, id="mobiledet backbone"),
    ],
)
def test_without_the_whole_model_only_the_backbone_is_frozen(parsed, network, name, is_frozen):
    patterns = parsed(network__type=network, training__train_whole_model=False).train_config.freeze_variables

    assert len(patterns) == 1
    assert bool(re.match(patterns[0], name)) is is_frozen


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_has_an_input_size_of_its_own(parsed, network):
    resizer = parsed(network__type=network).model.ssd.image_resizer.fixed_shape_resizer

    expected = {"mobiledet_ssd": 320, "mobilenet_v2_fpnlite": 320, "mobilenet_v1_fpn": 640}.get(network, 300)
    assert (resizer.width, resizer.height) == (expected, expected)


@pytest.mark.parametrize(
    ("blocks", "frozen"),
    [
        pytest.param(0, [], id="none"),
        pytest.param(1, ["Conv1", "conv_dw_1_bn", "expanded_conv_project"], id="the first"),
        pytest.param(3, ["Conv1", "block_2_expand", "conv_dw_1_bn", "conv_pw_3", "expanded_conv_project"], id="three"),
    ],
)
def test_of_a_whole_model_the_first_blocks_are_frozen(parsed, blocks, frozen):
    """A block of v1 is a depthwise and a pointwise convolution; the first of v2 is the one that expands nothing."""
    patterns = parsed(training__frozen_blocks=blocks).train_config.freeze_variables
    layers = ["Conv1", "block_2_expand", "block_3_expand", "conv_dw_1_bn", "conv_pw_3", "conv_pw_4"]
    layers += ["expanded_conv_project"]

    assert [name for name in layers if any(re.match(one, f"{name}/kernel:0") for one in patterns)] == frozen


def test_augmentations_are_kept_in_their_order(parsed):
    options = parsed(training__augmentations="ssd_random_crop, random_horizontal_flip").train_config

    chosen = [option.WhichOneof("preprocessing_step") for option in options.data_augmentation_options]

    assert chosen == ["ssd_random_crop", "random_horizontal_flip"]


def test_no_augmentation_is_a_choice(parsed):
    assert len(parsed(training__augmentations="").train_config.data_augmentation_options) == 0


def test_an_unknown_augmentation_is_refused_with_the_nearest_one(rendered, workspace):
    with pytest.raises(
        SettingsError, match=r'\'random_horizontal_flop\' is no .*Did you mean "random_horizontal_flip"\?'
    ):
        rendered(training__augmentations="random_horizontal_flop")

    assert not workspace.pipeline_config_path.exists()


@pytest.mark.parametrize("text", [pytest.param(text, id=text or "empty") for text in ("", "{}", "[1]", "{")])
def test_a_checkpoint_that_was_put_there_by_hand_is_one_message(rendered, workspace, text):
    (workspace.checkpoint_dir / "checkpoint.json").write_text(text)

    with pytest.raises(
        MissingInputError, match=r'checkpoint\.json: nothing says what .* Run "ci/inv checkpoint" first'
    ):
        rendered()


def test_the_report_says_what_was_configured(configure, inputs, settings, workspace):
    report = configure.run(settings(training__train_whole_model=False), workspace)

    assert report.summary == "mobilenet_v2_ssd 300x300, 3 classes, backbone frozen, 1000 steps of 16 pictures"
    assert json.loads(json.dumps(dict(report.results)))["steps"] == 1000
