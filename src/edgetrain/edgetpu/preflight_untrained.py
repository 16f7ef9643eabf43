"""Before training: push a model of the same shape, untrained, through export and quantization, and judge the result.

What edgetpu_compiler makes of a model depends on its graph, hardly on its weights: so nobody trains for hours towards a
model that will not map.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from edgetrain.core.errors import MissingInputError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.workspace import Workspace
from edgetrain.edgetpu.compiler.judgement import judge_tflite, outcome_of
from edgetrain.edgetpu.compiler.rules import PLAIN_SSD_ON_CPU
from edgetrain.networks.pipeline_config import read_pipeline_config
from edgetrain.training.untrained_model import write_untrained_model


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Return the verdict on the untrained model.

    Not good if the compiler would refuse it, or leave more on the CPU than SSD post-processing.

    Raises:
        MissingInputError: there is no ``pipeline.config``.
    """
    logging.getLogger("absl").setLevel(logging.ERROR)
    if not workspace.pipeline_config_path.is_file():
        raise MissingInputError(f'{workspace.pipeline_config_path}: does not exist. Run "ci/inv configure" first.')
    config = read_pipeline_config(workspace)
    with tempfile.TemporaryDirectory(dir=workspace.root, prefix=".untrained.") as folder:
        path = Path(folder, "untrained.tflite")
        write_untrained_model(config, path, max_detections=settings.export.max_detections)
        judgement = judge_tflite(path, runtime=settings.compile.min_runtime_version, expected_on_cpu=PLAIN_SSD_ON_CPU)
    return outcome_of(judgement, "preflight of an untrained model")
