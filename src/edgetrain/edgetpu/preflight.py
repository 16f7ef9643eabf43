"""Judge the int8 model before anybody calls edgetpu_compiler: what will run on the Edge TPU, what will not, and why."""

from __future__ import annotations

from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.workspace import Workspace
from edgetrain.edgetpu.compiler.judgement import judge_tflite, outcome_of
from edgetrain.edgetpu.compiler.rules import PLAIN_SSD_ON_CPU


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Return the verdict on the workspace's int8 model.

    Not good if the compiler would refuse it, or leave more on the CPU than SSD post-processing.

    Raises:
        ModelError: the file is no TFLite model.
    """
    judgement = judge_tflite(
        workspace.model_path, runtime=settings.compile.min_runtime_version, expected_on_cpu=PLAIN_SSD_ON_CPU
    )
    return outcome_of(judgement, "preflight")
