"""The rooms of the library: how large they are, that nothing imports in a circle, and that mistakes are found."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections import Counter

import pytest

from tests.support.places import PROJECT_DIR

SOURCE_DIR = PROJECT_DIR / "src"
PACKAGE_DIR = SOURCE_DIR / "edgetrain"
LARGEST_SHARE = 0.15
MOST_MODULES = 20


def lines_by_room():
    """Return the number of lines of each room, those of its subfolders with it."""
    counts = Counter()
    for path in PACKAGE_DIR.rglob("*.py"):
        counts[path.relative_to(PACKAGE_DIR).parts[0]] += len(path.read_text(encoding="utf-8").splitlines())
    return counts


def test_no_room_holds_a_large_share_of_the_code():
    counts = lines_by_room()
    most = LARGEST_SHARE * sum(counts.values())

    assert {room: count for room, count in counts.items() if count > most} == {}


def test_no_folder_holds_many_modules():
    counts = Counter(path.parent for path in PACKAGE_DIR.rglob("*.py") if path.name != "__init__.py")

    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_every_folder_says_what_it_is():
    folders = [path for path in PACKAGE_DIR.rglob("*.py") if path.name == "__init__.py"]

    assert [str(path) for path in folders if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))] == []


def modules_of(root):
    """Return the paths of all modules below a folder that holds ``src``, ``ci`` and ``tasks.py``, by dotted name."""
    places = [("", root / "src"), ("", root)]
    paths = [*(root / "src").rglob("*.py"), *(root / "ci").rglob("*.py"), root / "tasks.py"]
    found = {}
    for path in paths:
        home = places[0][1] if path.is_relative_to(places[0][1]) else root
        parts = path.relative_to(home).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(path, known):
    """Yield the names of known modules that a module imports, those it names to ``import_module`` included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield from (name for name in ([full] if full in known else [node.module]) if name in known)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module" and node.args:
            name = getattr(node.args[0], "value", None)
            yield from ([name] if name in known else [])


def circles_in(root):
    """Return the groups of modules that import each other in a circle, sorted: Tarjan's strongly connected parts."""
    paths = modules_of(root)
    targets = {name: {other for other in imports_of(path, paths) if other != name} for name, path in paths.items()}
    found, order, low, stack = [], {}, {}, []

    def visit(name):
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in targets[name]:
            if other not in order:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == order[name]:
            part = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            found.extend([sorted(part)] if len(part) > 1 else [])

    for name in paths:
        if name not in order:
            visit(name)
    return sorted(found)


def test_nothing_imports_in_a_circle():
    assert circles_in(PROJECT_DIR) == []


@pytest.fixture
def copy(tmp_path):
    """Return a copy of the code, to make mistakes in."""
    for name in ("src", "ci"):
        shutil.copytree(PROJECT_DIR / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("tasks.py", "pyproject.toml"):
        shutil.copyfile(PROJECT_DIR / name, tmp_path / name)
    return tmp_path


def add_import(root, name, line):
    """Put an import at the end of a module; return the number of its line."""
    path = root / "src" / "edgetrain" / name
    text = path.read_text(encoding="utf-8") + line + "\n"
    path.write_text(text, encoding="utf-8")
    return text.count("\n")


def test_a_circle_is_found(copy):
    add_import(copy, "core/outcome.py", "from edgetrain.core.workspace.reports import StageRecord")
    add_import(copy, "core/errors.py", "from edgetrain.core.git.repository import Need")

    circles = circles_in(copy)

    assert any({"edgetrain.core.outcome", "edgetrain.core.workspace.reports"} <= set(circle) for circle in circles)
    assert any({"edgetrain.core.errors", "edgetrain.core.git.repository"} <= set(circle) for circle in circles)


@pytest.mark.parametrize(
    ("module", "line", "message"),
    [
        pytest.param(
            "review/review.py",
            "from edgetrain.training import recipe",
            "edgetrain.review is not allowed to import edgetrain.training",
            id="a room imports one above",
        ),
        pytest.param(
            "dataset/split.py",
            "from edgetrain.dataset import tabulate",
            "edgetrain.dataset.split is not allowed to import edgetrain.dataset.tabulate",
            id="a verb imports a verb",
        ),
    ],
)
def test_a_mistake_is_found_with_its_line(copy, module, line, message):
    number = add_import(copy, module, line)

    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"],
        cwd=copy,
        env={"PYTHONPATH": str(copy / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert message in done.stdout
    assert f"(l.{number})" in done.stdout


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        pytest.param(
            "import edgetrain.core.git.repository, edgetrain.core.git.changes", ("PIL", "lxml", "numpy"), id="git"
        ),
        pytest.param(
            "import edgetrain.edgetpu.preflight, edgetrain.edgetpu.compile, edgetrain.edgetpu.hardware",
            ("tensorflow", "pandas", "lxml"),
            id="edgetpu",
        ),
    ],
)
def test_a_room_needs_no_more_than_its_own_libraries(code, unwanted):
    """The libraries are hidden, as where a profile does not have them: the import must succeed without."""
    hide = f"import sys; sys.modules.update(dict.fromkeys({unwanted!r})); sys.path.insert(0, {str(SOURCE_DIR)!r}); "
    done = subprocess.run([sys.executable, "-c", hide + code], capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert done.returncode == 0
