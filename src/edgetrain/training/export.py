"""Export the trained weights as a SavedModel whose graph ends in SSD post-processing."""

from __future__ import annotations

from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.system.files import replacing_dir
from edgetrain.core.workspace import Workspace
from edgetrain.networks.pipeline_config import read_pipeline_config
from edgetrain.training.object_detection_api import export_saved_model


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Write the SavedModel for conversion to TFLite: batch 1, input float32 in -1 to 1."""
    config = read_pipeline_config(workspace)
    detections = settings.export.max_detections
    with replacing_dir(workspace.saved_model_dir) as temporary:
        export_saved_model(config, workspace.trained_dir, temporary, max_detections=detections)
    return Outcome(f"SavedModel, at most {detections} detections for each picture", {"max_detections": detections})
