"""Whether the settings of a model of the user's own make sense, before anything is read or started."""

from __future__ import annotations

from pathlib import Path

from edgetrain.core.errors import MissingInputError, SettingsError
from edgetrain.core.settings.sections import ModelSettings


def own_model_files(chosen: ModelSettings) -> list[Path]:
    """Return the files that the settings name: the model, and its labels if they are named; empty without a model.

    Raises:
        SettingsError: labels or decoder are named without a model.
        MissingInputError: a path is that of no regular file.
    """
    if chosen.file is None:
        if chosen.labels is not None or chosen.decoder != "auto":
            raise SettingsError("--labels and --decoder belong to a model of your own: name it with --model, too.")
        return []
    named = [(chosen.file, "a .tflite file with --model"), (chosen.labels, "a file of labels with --labels")]
    for path, what in named:
        if path is not None and not path.is_file():
            reason = "this is no regular file" if path.exists() else "there is no such file"
            raise MissingInputError(f"{path}: {reason}. Name {what}.")
    return [path for path, _ in named if path is not None]
