"""What the Object Detection API imports and nobody needs is stood in for: for the API alone, until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edgetrain.tensorflow_setup import STAND_INS
from tests.support.places import PROJECT_DIR


def run(folder, code):
    """Run code in a fresh interpreter that finds the modules of a folder; return what it prints, last line last."""
    start = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(PROJECT_DIR / 'src')!r}]\n"
    ran = subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True, check=False, timeout=300)
    return (ran.stderr + ran.stdout).strip()


@pytest.fixture
def api(tmp_path):
    """Return a folder with an Object Detection API of one module, whose text the caller writes."""
    package = tmp_path / "object_detection"
    package.mkdir()
    (package / "__init__.py").touch()
    return package


def test_the_api_imports_derives_from_and_stores_what_is_not_there(api):
    (api / "part.py").write_text(
        "import lvis.absent.part as part\nfrom lvis.other import eval as other\n"
        "class Own(part.Base): pass\nprint(Own.__name__, other.__name__)"
    )

    assert run(api.parent, "import edgetrain, object_detection.part") == "Own lvis.other.eval"


@pytest.mark.parametrize("use", ["other.thing()", "other()", "Own()"])
def test_what_is_used_all_the_same_is_named(api, use):
    (api / "part.py").write_text(f"from lvis import other\nclass Own(other): pass\n{use}")

    assert 'edgetrain\'s networks and metrics do without it. Install "lvis"' in run(
        api.parent, "import edgetrain, object_detection.part"
    )


def test_nobody_else_is_given_a_stand_in(tmp_path):
    """A program that asks whether a package is there must hear the truth."""
    (tmp_path / "foreign.py").write_text("import lvis")

    assert run(tmp_path, "import edgetrain, foreign").endswith("No module named 'lvis'")


def test_an_installed_package_is_the_one_that_is_imported(api):
    (api.parent / "lvis.py").write_text("here = True")
    (api / "part.py").write_text("import lvis\nprint(lvis.here)")

    assert run(api.parent, "import edgetrain, object_detection.part") == "True"


def test_to_prepare_twice_changes_nothing(tmp_path):
    code = "from edgetrain.tensorflow_setup import prepare; before = list(sys.meta_path); prepare()"

    assert run(tmp_path, f"{code}; print(before == sys.meta_path)") == "True"


@pytest.mark.tensorflow
def test_every_stand_in_is_imported_by_the_api(tmp_path):
    """Else it is out of date."""
    code = "import edgetrain.training.object_detection_api; from object_detection import model_lib_v2"
    loaded = run(tmp_path, f"{code}; print(*sys.modules)").splitlines()[-1].split()

    assert [name for name in STAND_INS if name not in loaded and name != "tensorflow.compat.v1.estimator"] == []


@pytest.mark.tensorflow
def test_keras_is_the_one_that_the_api_was_written_for(tmp_path):
    home = run(tmp_path, "import edgetrain, tensorflow as tf; print(tf.keras.Model.__module__)").splitlines()[-1]

    assert "keras.src.engine" in home  # that of Keras 3 is keras.src.models
