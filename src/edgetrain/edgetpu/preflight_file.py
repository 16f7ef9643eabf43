"""Judge any TFLite file, compiled or not: what runs on the Edge TPU, what does not, and why."""

from __future__ import annotations

from edgetrain.core.errors import SettingsError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.workspace import Workspace
from edgetrain.edgetpu.compiler.judgement import judge_tflite, outcome_of


def run(settings: Settings, workspace: Workspace) -> Outcome:  # noqa: ARG001 - every stage is called alike
    """Return the verdict on the file ``preflight.model``: not good if the compiler would refuse it, or map nothing.

    Raises:
        SettingsError: no file is named.
        ModelError: the file is no TFLite model.
    """
    if settings.preflight.model is None:
        raise SettingsError("preflight.model is empty. Name a .tflite file with --model.")
    judgement = judge_tflite(
        settings.preflight.model,
        runtime=settings.compile.min_runtime_version,
        min_level=settings.preflight.min_level,
    )
    return outcome_of(judgement, "preflight")
