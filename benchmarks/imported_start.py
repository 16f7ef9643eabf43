"""The start of a workspace as a TF2 backbone, for the stock loop, which refuses checkpoints of TensorFlow 1.

    ci/inv pipeline --dataset DIR --workspace WORKSPACE --url TF1_ARCHIVE --to configure
    .venv/train/bin/python benchmarks/imported_start.py WORKSPACE ARCHIVE.tar.gz
    .venv/train/bin/python benchmarks/recipes.py --photographs DIR --url ARCHIVE.tar.gz --recipes FILE --loop stock

The archive has the backbone's weights only: of a detector's checkpoint the stock loop takes no more into a network with
another head.
"""

from __future__ import annotations

import sys
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT_DIR), str(PROJECT_DIR / "src")]

from edgetrain.core.workspace import Workspace  # noqa: E402 - found through the line above
from edgetrain.demo.backbone_archive import write_archive  # noqa: E402
from edgetrain.networks.pipeline_config import read_pipeline_config  # noqa: E402
from edgetrain.networks.start.weight_matches import summary_of  # noqa: E402
from edgetrain.training import object_detection_api as api  # noqa: E402


def main() -> None:
    """Write the archive, and say what was taken."""
    if len(sys.argv) != 3:  # noqa: PLR2004
        raise SystemExit("usage: imported_start.py WORKSPACE ARCHIVE.tar.gz")
    workspace, archive = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    config = read_pipeline_config(Workspace(workspace))
    model = api.build_model(config, is_training=True)
    print(summary_of(api.restore_start(model, config, Path(config.train_config.fine_tune_checkpoint))))
    write_archive(model.feature_extractor.classification_backbone, archive)


if __name__ == "__main__":
    main()
