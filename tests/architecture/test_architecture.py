"""What the style guide says of the code as a whole: layers, doors, sizes, what is loaded when."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from functools import cache

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports
from invoke import Program
from invoke.loader import FilesystemLoader
from invoke.parser import Parser

from tests.support.places import PROJECT_DIR

PACKAGE_DIR = PROJECT_DIR / "src" / "edgetrain"
MODULES = sorted(PACKAGE_DIR.rglob("*.py"))
OURS = [*MODULES, *sorted((PROJECT_DIR / "ci").rglob("*.py")), PROJECT_DIR / "tasks.py"]
HEAVY = ("tensorflow", "object_detection", "pandas", "numpy", "jinja2", "pycoral", "lxml", "PIL")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
README = PROJECT_DIR / "README.md"

# The modules that may import a library: names below edgetrain, a folder ending in "/".
DOORS = {
    "lxml": ["annotations/voc.py", "annotations/xml_events.py"],
    "pandas": ["dataset/table.py"],
    "jinja2": ["template.py"],
    "apache_beam": ["records/beam.py"],
    "grpc": ["records/beam.py"],  # only its errors, which Beam lets through
    "pycocotools": ["evaluation/metrics.py"],
    "google_crc32c": ["records/tfrecord.py"],
    "google.protobuf": ["networks/pipeline_config.py", "demo/pretraining.py"],
    "object_detection": [
        "training/object_detection_api.py",
        "networks/mobiledet_extractor.py",  # a network that the API's builder lacks
        "demo/pretraining.py",
    ],
    # A configuration is a message of the API's own type wherever it is handed on.
    "object_detection.protos": [
        "networks/pipeline_config.py",
        "training/input/batches.py",
        "training/loop.py",
        "training/untrained_model.py",
    ],
    # Those of the demo draw pictures of their own.
    "PIL": [
        "images/encoding.py",
        "images/image_file.py",
        "images/pixels.py",
        "demo/",
    ],
    "matplotlib": ["report/plots.py"],
    "tqdm": ["pipeline/console.py"],
    "urllib3": ["web/request.py"],
    "yaml": ["annotations/readers/yolo_files.py"],
    # What runs TFLite models, one file for each way.
    "pycoral": ["edgetpu/device/coral.py"],
    "tflite_runtime": ["tflite/interpreters.py"],
    "ai_edge_litert": ["tflite/interpreters.py"],
    "tensorflow.lite.python.interpreter": ["tflite/interpreters.py"],
    # The bindings of TFLite's schema, and the FlatBuffers in an Edge TPU's package.
    "tflite": ["tflite/editing.py", "tflite/file.py", "tflite/rendering.py"],
    "flatbuffers": [
        "edgetpu/compiler/package.py",
        "tflite/layer_comparison.py",
        "tflite/metadata.py",
        "tflite/rendering.py",
    ],
    "tensorflow": [
        "training/",
        "networks/start/",
        "networks/mobiledet_backbone.py",
        "networks/mobiledet_extractor.py",
        "tflite/conversion.py",
        "demo/",
    ],
    # Only the FlatBuffers reader that TensorFlow carries along.
    "tensorflow.lite": ["tflite/graph.py", "tflite/layer_comparison.py", "tflite/metadata.py"],
    # Arrays of pixels, boxes and model inputs.
    "numpy": [
        "edgetpu/adapt/",
        "evaluation/bootstrap.py",
        "evaluation/decoders.py",
        "images/pixels.py",
        "evaluation/metrics.py",
        "edgetpu/device/trial.py",
        "demo/",
        "networks/start/",
        "tflite/",
        "training/",
    ],
}

# Of the standard library: what one module does for all others, names below edgetrain.
ONE_OF_EACH = {
    "fcntl": ["core/system/lock.py"],
    "multiprocessing": ["core/system/workers.py"],
    "subprocess": ["core/system/processes.py", "dataset/label.py", "edgetpu/device/trial_runner.py"],
    "http.client": [],
    "xml.parsers.expat": ["annotations/voc_text.py"],  # lxml does not tell which bytes an element is made of
    "urllib.request.build_opener": [],
    "concurrent.futures.ProcessPoolExecutor": [],
}


def name_of(path):
    return path.relative_to(PROJECT_DIR).as_posix()


def each(paths):
    """Return test parameters, one for each file, under its name."""
    return [pytest.param(path, id=name_of(path)) for path in paths]


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports_of(path):
    """Return the full names of everything that a module imports, wherever in it, with the lines."""
    names = {}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names.update((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names.update((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
    return names


def is_within(name, library):
    return f"{name}.".startswith(f"{library}.")


def foreign_imports(path):
    """Return what a module imports from outside the standard library and edgetrain, with the lines."""
    home = {*sys.stdlib_module_names, "edgetrain"}
    return {name: line for name, line in imports_of(path).items() if name.split(".")[0] not in home}


def wrong_doors(path, package_dir):
    """Return a message for each library that a module imports although it is no door to it."""
    place = path.relative_to(package_dir).as_posix()
    found = []
    for name, line in foreign_imports(path).items():
        doors = [door for library, places in DOORS.items() if is_within(name, library) for door in places]
        if not any(place == door or (door.endswith("/") and place.startswith(door)) for door in doors):
            found.append(f"{place}:{line}: imports {name}; the doors are {doors}")
    return found


def loaded_after(code):
    """Return the names of all modules that a fresh interpreter has loaded after some code."""
    start = f"import sys; sys.path[:0] = [{str(PROJECT_DIR)!r}, {str(PROJECT_DIR / 'src')!r}]"
    end = "print('\\n', *sys.modules, sep='\\n')"
    ran = subprocess.run(
        [sys.executable, "-c", f"{start}\n{code}\n{end}"], capture_output=True, text=True, check=True, timeout=120
    )
    return set(ran.stdout.splitlines())


def test_layers_are_kept(monkeypatch):
    monkeypatch.chdir(PROJECT_DIR)

    assert lint_imports(config_filename="pyproject.toml", no_cache=True) == EXIT_STATUS_SUCCESS


@pytest.mark.parametrize("path", each(MODULES))
def test_every_library_is_imported_through_its_door(path):
    assert wrong_doors(path, PACKAGE_DIR) == []


def test_a_library_in_the_wrong_place_is_found_with_its_line(tmp_path):
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "outcome.py").write_text('"""A value."""\n\nfrom lxml import etree\n')

    (fault,) = wrong_doors(tmp_path / "core" / "outcome.py", tmp_path)

    assert (
        fault
        == "core/outcome.py:3: imports lxml.etree; the doors are ['annotations/voc.py', 'annotations/xml_events.py']"
    )


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_what_is_done_for_all_is_done_in_one_place(name):
    users = [
        path.relative_to(PACKAGE_DIR).as_posix()
        for path in MODULES
        if any(is_within(imported, name) for imported in imports_of(path))
    ]

    assert users == ONE_OF_EACH[name]


def test_git_is_run_in_one_place():
    """A command is a list or tuple of words, one of which is the program, in a module that starts programs."""
    starters = ("subprocess", "edgetrain.core.system.processes")
    runners = [
        name_of(path)
        for path in OURS
        if any(is_within(name, starter) for name in imports_of(path) for starter in starters)
        for node in ast.walk(tree_of(path))
        if isinstance(node, (ast.List, ast.Tuple)) and any(getattr(word, "value", None) == "git" for word in node.elts)
    ]

    assert runners == ["src/edgetrain/core/git/program.py"]


def test_no_door_is_out_of_date():
    used = {name for path in MODULES for name in foreign_imports(path)}

    assert {library for library in DOORS if not any(is_within(name, library) for name in used)} == set()
    assert [place for places in DOORS.values() for place in places if not (PACKAGE_DIR / place).exists()] == []


@pytest.mark.parametrize("path", each(sorted((PACKAGE_DIR / "core").rglob("*.py"))))
def test_the_core_needs_the_standard_library_only(path):
    assert foreign_imports(path) == {}


@pytest.mark.parametrize("path", each(MODULES))
def test_only_the_console_prints_and_nothing_exits_or_looks_at_the_environment(path):
    names = {node.id for node in ast.walk(tree_of(path)) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute)}
    # Beam's parser of options ends the process: its door catches that.
    allowed = {"console.py": {"print"}, "beam.py": {"SystemExit"}}.get(path.name, set())
    forbidden = {"print", "exit", "quit", "SystemExit"} - allowed

    assert names & forbidden == set()
    # TensorFlow is told by a variable which Keras it is to use.
    tells = {"tensorflow_setup.py": {"environ"}}.get(path.name, set())
    looked = {"environ", "getenv", "os.environ", "os.getenv", "sys.exit"} - tells
    assert (attributes | imports_of(path).keys()) & looked == set()


@pytest.mark.parametrize("path", each(OURS))
def test_functions_are_short(path):
    functions = [node for node in ast.walk(tree_of(path)) if isinstance(node, FUNCTIONS)]
    long = [f"{node.name}:{node.lineno}" for node in functions if node.end_lineno - node.lineno + 1 > 50]

    assert long == []


@pytest.mark.parametrize("path", each([*OURS, *sorted((PROJECT_DIR / "tests").rglob("*.py"))]))
def test_a_file_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", each(OURS))
def test_the_code_is_python_3_9(path):
    ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 9))

    slotted = [node.lineno for node in ast.walk(tree_of(path)) if isinstance(node, ast.keyword) and node.arg == "slots"]
    assert slotted == []


@pytest.mark.parametrize("path", each(OURS))
def test_imports_stand_at_the_top(path):
    inner = {
        node.lineno
        for function in ast.walk(tree_of(path))
        if isinstance(function, FUNCTIONS)
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }

    assert inner == set() or path.name in ("tasks.py", "task_runner.py")


@pytest.mark.parametrize("path", each(OURS))
def test_everything_public_has_a_docstring(path):
    kinds = (*FUNCTIONS, ast.ClassDef)
    public = [node for node in tree_of(path).body if isinstance(node, kinds) and not node.name.startswith("_")]

    assert [node.name for node in public if not ast.get_docstring(node)] == []
    assert ast.get_docstring(tree_of(path))


def test_no_module_is_named_like_the_standard_library_or_like_a_drawer():
    taken = sys.stdlib_module_names | {"utils", "helpers", "common"}

    assert [name_of(path) for path in MODULES if path.stem in taken] == []


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        pytest.param(
            f"from invoke.main import program; program.run(['inv', '-r', {str(PROJECT_DIR)!r}, '--list'], exit=False)",
            {*HEAVY, "tqdm"},
            id="inv --list",
        ),
        pytest.param(
            "import edgetrain.review.validate", {"tensorflow", "object_detection", "pandas", "numpy"}, id="validate"
        ),
        pytest.param(
            "import edgetrain.dataset.split", {"tensorflow", "object_detection", "pandas", "numpy"}, id="split"
        ),
        pytest.param(
            "import edgetrain.dataset.import_annotations, edgetrain.dataset.export_annotations",
            {"tensorflow", "pandas", "numpy"},
            id="import and export",
        ),
        pytest.param(
            "import edgetrain.records.write, edgetrain.records.verify",
            {"tensorflow", "object_detection", "pandas", "numpy"},
            id="records",
        ),
        pytest.param("import edgetrain.dataset.tabulate", {"tensorflow", "object_detection"}, id="tabulate"),
        pytest.param("import edgetrain.networks.configure", {"tensorflow", "pandas"}, id="configure"),
        pytest.param(
            "import edgetrain.edgetpu.preflight", {"tensorflow", "object_detection", "pandas"}, id="preflight"
        ),
        pytest.param("import edgetrain.edgetpu.compile", {"tensorflow", "object_detection", "pandas"}, id="compile"),
        pytest.param("import edgetrain.edgetpu.hardware", {"tensorflow", "object_detection", "pandas"}, id="hardware"),
        pytest.param("import edgetrain.release.bundle", {"tensorflow", "object_detection", "pandas"}, id="bundle"),
        pytest.param("import edgetrain.release.promote", {"object_detection", "jinja2", "lxml"}, id="promote"),
        pytest.param("import edgetrain.pipeline.answers, edgetrain.pipeline.console", set(HEAVY), id="flow"),
    ],
)
def test_a_fresh_interpreter_loads_only_what_is_needed(code, unwanted):
    loaded = loaded_after(code)

    assert "edgetrain" in loaded
    assert loaded & unwanted == set()


@pytest.mark.parametrize("path", each(MODULES))
def test_importing_a_module_does_nothing(path):
    """No statement at the top of a module is a bare call; values may be computed.

    The one exception prepares what every later import of TensorFlow needs (edgetrain/tensorflow_setup.py).
    """
    calls = [
        node.lineno for node in tree_of(path).body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]

    assert len(calls) == (1 if path == PACKAGE_DIR / "__init__.py" else 0)


@pytest.fixture(scope="module")
def parser():
    """Return Invoke's own parser for this project's tasks."""
    before = list(sys.path)
    module, _ = FilesystemLoader(start=str(PROJECT_DIR)).load("tasks")
    sys.path[:] = before
    return Parser(initial=Program().initial_context, contexts=module.namespace.to_contexts())


def readme_commands():
    """Return the words of every command in the README that starts with ``ci/inv``, as parameters."""
    text = README.read_text(encoding="utf-8") if README.is_file() else ""
    found = [
        *re.findall(r"`ci/inv ([^`\n]+)`", text),
        *re.findall(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*ci/inv (.+)$", text, flags=re.MULTILINE),
    ]
    plain = sorted({line.replace("TASK", "train").replace("…", "train") for line in found})
    return [pytest.param(shlex.split(line, comments=True), id=line.split("#")[0].strip()) for line in plain]


@pytest.mark.parametrize("words", readme_commands())
def test_every_command_of_the_readme_is_understood(parser, words):
    without_profile = words[2:] if words[0] == "--profile" else words

    assert parser.parse_argv([word for word in without_profile if word != "--help"])


def test_a_misspelt_flag_is_not_understood(parser):
    with pytest.raises(Exception, match="stepz"):
        parser.parse_argv(["train", "--stepz", "5"])
