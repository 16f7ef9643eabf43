"""What a stand-in made is refused, whatever it is called."""

from __future__ import annotations

import pytest

from ci.standin.compiled_file import write_compiled
from edgetrain.core.errors import MissingInputError, ModelError
from edgetrain.edgetpu.compiler.provenance import is_stand_in, require_compiled_model
from edgetrain.tflite.file import parse_tflite
from tests.support.tflite_models import content_of, detector

MADE = write_compiled(
    content_of(detector()), [True, True, True, False, True, False, False], runtime=12, parameter_bytes=9
)


def test_a_stand_in_s_file_says_so_itself():
    assert is_stand_in(parse_tflite(MADE, "m"))
    assert not is_stand_in(parse_tflite(content_of(detector()), "m"))


@pytest.mark.parametrize("name", ["model_edgetpu.stand-in.tflite", "model_edgetpu.tflite"])
def test_a_stand_in_s_file_is_refused_under_any_name(workspace, name):
    workspace.model_dir.mkdir(parents=True)
    (workspace.model_dir / name).write_bytes(MADE)

    with pytest.raises(ModelError, match=rf"{name}: a stand-in made this file .* no model for a device"):
        require_compiled_model(workspace, "a device")


def test_a_model_that_was_not_compiled_is_refused(workspace):
    workspace.model_dir.mkdir(parents=True)
    workspace.compiled_model_path.write_bytes(content_of(detector()))

    with pytest.raises(ModelError, match="is not compiled for the Edge TPU"):
        require_compiled_model(workspace, "a device")


def test_without_a_model_the_way_to_it_is_named(workspace):
    with pytest.raises(MissingInputError, match=r'Run "ci/inv compile" first'):
        require_compiled_model(workspace, "a device")
