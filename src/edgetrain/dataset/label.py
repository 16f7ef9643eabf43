"""Start a program that draws boxes, on this dataset's pictures and with its classes; wait until it is closed.

The programs are labelImg and its successors: they take a folder of pictures, a file of class names and the folder of
the annotations on the command line, and write Pascal VOC XML.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from edgetrain.annotations.voc import parse_annotation
from edgetrain.core.errors import DatasetError, SettingsError, ToolError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.system.files import file_content, write_text
from edgetrain.core.wording import counted, suggestion
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.dataset.folder import LABEL_MAP_NAME
from edgetrain.dataset.layout import DatasetPart, find_only_part

_PROGRAMS = {"labelimgplusplus": "labelimgplusplus", "mlabelimg": "mlabelImg", "labelimg": "labelImg"}
_PINNED = "labelimgplusplus"  # the one of the label profile
_NO_DISPLAY = ("could not connect to display", "no Qt platform plugin could be initialized")
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
_LAST_LINES = 3


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Start the program and wait.

    Raises:
        SettingsError: the program is not one of those known.
        DatasetError: there is no picture to label, or the dataset has a folder for each split.
        ToolError: the program is not installed, has no display, or failed.
    """
    tool = settings.label.tool.lower()
    if tool not in _PROGRAMS:
        raise SettingsError(
            f"label.tool is {settings.label.tool!r}, but must be one of: {', '.join(_PROGRAMS)}."
            f"{suggestion(tool, _PROGRAMS)}"
        )
    program = shutil.which(_PROGRAMS[tool])
    if program is None:
        raise ToolError(f"{_PROGRAMS[tool]}: this program is not installed. {_how_to_get(tool)}")
    part = find_only_part(settings.dataset.root, "the program opens one", follow_links=settings.dataset.follow_links)
    image_dir, annotations_dir = part.image_dirs[0], _annotations_dir(settings.dataset.root, part)
    pictures = sum(path.suffix.lower() in _IMAGE_SUFFIXES for path in image_dir.rglob("*"))
    if not pictures:
        raise DatasetError(f"{image_dir}: this folder has no picture to label. Put JPEG or PNG files there.")
    names = _class_names(settings.dataset.root, annotations_dir)
    write_text(workspace.label_classes_path, "".join(f"{name}\n" for name in names))
    before = _annotations(annotations_dir)
    annotations_dir.mkdir(parents=True, exist_ok=True)
    _start([program, str(image_dir), str(workspace.label_classes_path), str(annotations_dir)])
    changed = {path for path, state in _annotations(annotations_dir).items() if before.get(path) != state}
    results: dict[str, object] = {"tool": tool, "classes": names, "written": sorted(path.name for path in changed)}
    note = () if names else ("no class is known yet: type the names, always with the same spelling",)
    return Outcome(f"{counted(len(changed), 'annotation')} written in {annotations_dir}", results, note)


def _how_to_get(tool: str) -> str:
    if tool == _PINNED:
        return 'Run "ci/inv --profile label label", which installs it first.'
    return f'Install it with "pip install {tool}" into an environment of its own that is on PATH.'


def _annotations_dir(root: Path, part: DatasetPart) -> Path:
    """Return where annotations go: a folder of their own where the pictures have one."""
    has_own = part.annotations_dir != root or part.image_dirs[0] == root
    return part.annotations_dir if has_own else root / "annotations"


def _class_names(root: Path, annotations_dir: Path) -> list[str]:
    """Return the classes of the committed label map, and behind them the other ones of the annotations, sorted."""
    known = read_label_map(root / LABEL_MAP_NAME, within=root) if (root / LABEL_MAP_NAME).is_file() else LabelMap(())
    names = set()
    for path in sorted(annotations_dir.rglob("*.xml")):
        annotation, _ = parse_annotation(_content(path, root), path)
        names |= {box.class_name for box in annotation.boxes} if annotation else set()
    return list(known.extended(names).names)


def _content(path: Path, root: Path) -> bytes:
    try:
        return file_content(path, within=root)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}). Fix or remove the file.") from error


def _annotations(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.xml")} if folder.is_dir() else {}


def _start(command: list[str]) -> None:
    """Run the program until it is closed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603
    except OSError as error:
        raise ToolError(f"{command[0]}: cannot be started ({error.strerror}). Install it again.") from error
    if done.returncode == 0:
        return
    if any(sign in done.stderr for sign in _NO_DISPLAY):
        raise ToolError(
            f"{command[0]}: there is no display for its window, or a Qt library is missing. "
            'Run it on a desktop; on Debian and Ubuntu, "apt install libqt5gui5" brings the libraries.'
        )
    last = " / ".join(done.stderr.strip().splitlines()[-_LAST_LINES:]) or "it printed nothing"
    raise ToolError(f"{command[0]}: ended with code {done.returncode} ({last}). Choose another program with --tool.")
