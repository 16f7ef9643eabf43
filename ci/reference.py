"""The reference pages of tasks and settings, made from docstrings, help of flags, the stages and ``invoke.yaml``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from invoke import Collection
from invoke.parser import Argument

from ci.stage_tasks import read_settings_file
from edgetrain.core.settings import Settings
from edgetrain.core.workspace import Workspace
from edgetrain.pipeline.stages import STAGES

_NOTE = "<!-- Made by `ci/inv ci.reference` from the code's own texts: change those, not this page. -->"
_ABOUT_TASKS = (
    "`ci/inv --list` shows all tasks, `ci/inv --help TASK` the flags of one. A task ends with exit code 0, or with 1 "
    "and one message: what happened, where, and what to do. Ctrl-C ends it with 130. What a task leaves is in the "
    "workspace."
)
_ABOUT_SETTINGS = (
    "Every setting, its default and its meaning. `SECTION.KEY` is overridden by a file of your own "
    "(`ci/inv -f mine.yaml TASK`), the file by a variable (`INVOKE_SECTION_KEY`), the variable by a flag. Relative "
    "paths in a file are relative to that file, those of variables and flags to the folder where you stand."
)
_SECTION = re.compile(r"(\w+):\s*$")
_SETTING = re.compile(r"  (\w+):(.*)$")
_COMMENT = re.compile(r"\s+# ?(.*)$")
_SETTING_OF_FLAG = re.compile(r" \(([a-z_]+\.[a-z0-9_]+)\)$")


def render_tasks(namespace: Collection, settings: Settings) -> str:
    """Return the page of all tasks in the order of ``tasks.py``, each with its flags and what it leaves."""
    parts = ["# Tasks", _NOTE, _ABOUT_TASKS]
    left = _left_by_stage(settings)
    for own_name, task in namespace.tasks.items():
        name = own_name.replace("_", "-")
        parts += [f"## {name}", str(task.__doc__).strip(), *_flag_table(task.get_arguments())]
        parts += [f"Leaves {', '.join(f'`{one}`' for one in left[name])}."] if name in left else []
    return "\n\n".join(parts) + "\n"


def _left_by_stage(settings: Settings) -> dict[str, list[str]]:
    """Return what each stage leaves in the workspace, by its name."""
    root = settings.workspace.root
    workspace = Workspace(root)
    return {
        stage.name: [
            path.relative_to(root).as_posix()
            for path in (*stage.makes(settings, workspace), workspace.report_path(stage.name))
        ]
        for stage in STAGES
    }


def _flag_table(arguments: Sequence[Argument]) -> Iterator[str]:
    rows = [_flag_row(argument) for argument in arguments]
    if rows:
        yield "\n".join(["| flag | meaning | setting |", "|---|---|---|", *rows])


def _name(argument: Argument) -> str:
    return str(argument.name).strip("_")


def _flag_row(argument: Argument) -> str:
    text = str(argument.help or "")
    setting = _SETTING_OF_FLAG.search(text)
    meaning = text[: setting.start()] if setting else text
    value = "" if argument.kind is bool else f" {_name(argument).upper()}"
    flag = f"--{_name(argument).replace('_', '-')}{value}"
    return f"| `{flag}` | {_cell(meaning)} | {f'`{setting[1]}`' if setting else ''} |"


def render_settings(text: str) -> str:
    """Return the page of all settings in the order of ``invoke.yaml``, whose text is given."""
    parts = ["# Settings", _NOTE, _ABOUT_SETTINGS]
    for section, rows in settings_of(text).items():
        lines = [f"| `{section}.{key}` | {_default(value)} | {_cell(meaning)} |" for key, value, meaning in rows]
        parts += [f"## {section}", "\n".join(["| setting | default | meaning |", "|---|---|---|", *lines])]
    return "\n\n".join(parts) + "\n"


def settings_of(text: str) -> dict[str, list[tuple[str, str, str]]]:
    """Return key, default and comment of each setting by section, all as they stand in the text of ``invoke.yaml``."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    rows: list[tuple[str, str, str]] = []
    before: list[str] = []
    for line in text.splitlines():
        section, setting, comment = (kind.match(line) for kind in (_SECTION, _SETTING, _COMMENT))
        if section:
            rows = found.setdefault(section[1], [])
        elif setting and not line.lstrip().startswith("#"):
            value, _, meaning = setting[2].partition(" # ")
            rows.append((setting[1], value.strip(), " ".join([*before, meaning.strip()]).strip()))
            before = []
        elif comment and line.startswith("   "):
            key, value, meaning = rows[-1]
            rows[-1] = (key, value, f"{meaning} {comment[1].strip()}".strip())
        elif comment:
            before.append(comment[1].strip())
    return found


def _default(value: str) -> str:
    return f"`{_cell(value)}`" if value and value != '""' else "empty"


def _cell(text: str) -> str:
    """Return text that does not end a cell of a table."""
    return text.replace("|", "\\|")


def pages(root: Path, namespace: Collection) -> dict[Path, str]:
    """Return the path and the text of each reference page."""
    path = root / "invoke.yaml"
    settings = Settings.from_mapping(read_settings_file(path).config, base_dir=root)
    return {
        root / "docs" / "tasks.md": render_tasks(namespace, settings),
        root / "docs" / "settings.md": render_settings(path.read_text(encoding="utf-8")),
    }
