"""MobileDet as a full-int8 TFLite file at its full size: what the Edge TPU takes of it, and what Frigate is handed."""

from __future__ import annotations

import pytest
import yaml

from ci.standin.compiled_file import write_compiled
from edgetrain.core.label_map import LabelMap
from edgetrain.core.workspace.label_map_file import write_label_map
from edgetrain.edgetpu.compiler.prediction import MAPS, predict
from edgetrain.edgetpu.compiler.provenance import PROVENANCE_KEY
from edgetrain.edgetpu.compiler.rules import PLAIN_SSD_ON_CPU
from edgetrain.networks.start.coco_classes import COCO_CLASSES
from edgetrain.release import bundle
from edgetrain.tflite.file import read_tflite
from tests.support.tar_files import unpack_tar
from tests.support.tiny_run import pipeline_text

pytestmark = pytest.mark.tensorflow
SIDE = 320


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    """Return an untrained model of COCO's classes: the compiler looks at the graph, hardly at the weights."""
    from edgetrain.networks.pipeline_config import parse_pipeline_config
    from edgetrain.training.untrained_model import write_untrained_model

    text = pipeline_text("mobiledet_ssd", image_size=SIDE, depth_multiplier=1.0, num_classes=len(COCO_CLASSES))
    path = tmp_path_factory.mktemp("mobiledet") / "model.tflite"
    write_untrained_model(parse_pipeline_config(text, where="test"), path, max_detections=20)
    return path


def test_all_but_the_known_three_operators_map(model_path):
    prediction = predict(read_tflite(model_path), model_path)

    assert (prediction.refusals, prediction.on_cpu, prediction.level) == ((), PLAIN_SSD_ON_CPU, "all")
    assert len(prediction.operators) > 120
    assert 4e6 < prediction.parameter_bytes < 6e6


def test_frigate_is_handed_a_model_of_the_form_of_its_default_one(model_path, settings, workspace, tmp_path):
    """A picture of uint8 in; 20 boxes, classes, scores and their number out; by name what its settings must say."""
    model = read_tflite(model_path)
    (graph,) = model.subgraphs
    mapped = [verdict.outcome == MAPS for verdict in predict(model, model_path).operators]
    made = write_compiled(model_path.read_bytes(), mapped, runtime=14, parameter_bytes=9)
    workspace.model_dir.mkdir(parents=True)
    # The stand-in's mark is taken off, as only a test may.
    workspace.compiled_model_path.write_bytes(made.replace(PROVENANCE_KEY.encode(), b"provenancx"))
    write_label_map(workspace.label_map_path, LabelMap(tuple(COCO_CLASSES.values())))

    bundle.run(settings(bundle__unproven=True, bundle__name="m"), workspace)

    unpack_tar(next(workspace.bundle_dir.iterdir()), tmp_path)
    handed = yaml.safe_load((tmp_path / "m-frigate-unproven" / "config.yml").read_text())["model"]
    ends = [[graph.tensors[place] for place in places] for places in (graph.inputs, graph.outputs)]
    assert [(one.type, tuple(one.shape)) for one in ends[0]] == [("UINT8", (1, SIDE, SIDE, 3))]
    assert [one.type for one in ends[1]] == ["FLOAT32"] * 4
    assert {name: handed[name] for name in ("width", "height", "model_type", "input_tensor", "input_pixel_format")} == {
        "width": SIDE,
        "height": SIDE,
        "model_type": "ssd",
        "input_tensor": "nhwc",
        "input_pixel_format": "rgb",
    }
