"""Where a compiled model comes from: Google's compiler, or a stand-in that imitates it for tests and rehearsals.

A stand-in's file says so itself, in the metadata ``provenance``; it is structurally real, but no device can run it.
"""

from __future__ import annotations

from edgetrain.core.errors import MissingInputError, ModelError
from edgetrain.core.workspace import Workspace
from edgetrain.edgetpu.compiler.package import is_compiled
from edgetrain.tflite.file import TfliteModel, read_tflite

PROVENANCE_KEY = "provenance"
STAND_IN = "stand-in"


def is_stand_in(model: TfliteModel) -> bool:
    """Return whether a model was made by a stand-in of the compiler."""
    return model.metadata.get(PROVENANCE_KEY, b"").decode(errors="replace") == STAND_IN


def require_compiled_model(workspace: Workspace, purpose: str) -> TfliteModel:
    """Return the workspace's compiled model, if Google's compiler made it.

    Args:
        workspace: has the model.
        purpose: what it is wanted for.

    Raises:
        MissingInputError: the model was not compiled.
        ModelError: a stand-in made it, or it is damaged.
    """
    path = workspace.compiled_model_path
    if not path.is_file() and workspace.stand_in_model_path.is_file():
        raise _stand_in_error(workspace.stand_in_model_path.name, purpose)
    if not path.is_file():
        raise MissingInputError(f'{path}: does not exist. Run "ci/inv compile" first.')
    model = read_tflite(path)
    if is_stand_in(model):
        raise _stand_in_error(path.name, purpose)
    if not is_compiled(model):
        raise ModelError(f'{path}: this model is not compiled for the Edge TPU. Run "ci/inv compile" again.')
    return model


def _stand_in_error(name: str, purpose: str) -> ModelError:
    return ModelError(
        f"{name}: a stand-in made this file (provenance: {STAND_IN}), so it is no model for {purpose}. "
        'Run "ci/inv compile" with Google\'s edgetpu_compiler.'
    )
