"""What edgetpu_compiler left in a file; the expected figures of Google's models are those of public notes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci.standin.compiled_file import write_compiled
from edgetrain.core.errors import ModelError
from edgetrain.edgetpu.compiler.package import EDGETPU_OPERATOR, is_compiled, packages_of
from edgetrain.tflite.file import parse_tflite, read_tflite
from tests.support.places import SHARED_DIR
from tests.support.tflite_models import OperatorSpec, content_of, detector

MODELS = SHARED_DIR / "edgetpu_models"
MAPPED = [True, True, True, False, True, False, False]


def test_a_source_model_has_no_package(tmp_path):
    model = parse_tflite(content_of(detector()), "m")

    assert not is_compiled(model)
    assert packages_of(model, tmp_path) == []


@pytest.mark.parametrize("runtime", [12, 14])
def test_runtime_and_parameters_are_read_from_the_package(tmp_path, runtime):
    data = write_compiled(content_of(detector()), MAPPED, runtime=runtime, parameter_bytes=1000)

    (package,) = packages_of(parse_tflite(data, "m"), tmp_path)

    assert (package.min_runtime_version, package.cached_bytes, package.streamed_bytes) == (runtime, 1000, 0)


@pytest.mark.parametrize("options", [b"", b"\x01", b"\0" * 40, b"\x28\x01\x28\x01\x01\x04\x02\x24\x01"])
def test_a_package_that_is_none_is_one_message(tmp_path, options):
    operator = OperatorSpec(EDGETPU_OPERATOR, ("picture",), ("input",), options=options)
    model = parse_tflite(content_of(replace(detector(), operators=(operator,))), "m")

    with pytest.raises(ModelError, match="holds no sound program for the Edge TPU"):
        packages_of(model, tmp_path / "m.tflite")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "runtime", "cached", "streamed"),
    [
        pytest.param("mobilenet_v1_0.25_128_quant_edgetpu.tflite", 12, 566_912, 0, id="mobilenet"),
        pytest.param("split_concat_edgetpu.tflite", 13, 192, 0, id="split_concat"),
        pytest.param("keras_lstm_mnist_ptq_edgetpu.tflite", 12, 43_968, 576, id="lstm"),
    ],
)
def test_google_s_packages_are_read(name, runtime, cached, streamed):
    (package,) = packages_of(read_tflite(MODELS / name), MODELS / name)

    assert (package.min_runtime_version, package.cached_bytes, package.streamed_bytes) == (runtime, cached, streamed)
    assert package.compiler_version.startswith("cl/")
