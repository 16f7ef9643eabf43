"""Invoke's own program, with one message in place of a traceback where a settings file cannot be read."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from invoke import Program
from invoke import __version__ as version
from invoke.config import AmbiguousMergeError, Config
from invoke.exceptions import ParseError, UnknownFileType
from invoke.util import yaml as own_yaml

try:
    import yaml
except ImportError:
    # Not every profile has PyYAML; Invoke brings a copy of it without libyaml.
    yaml = own_yaml  # type: ignore[misc]

_NAME_WIDTH = 22
# The project's tasks.py has loaded it by the time that it is asked for; another task file has not.
_KNOWN_TASKS = "ci.known_tasks"
_PIPELINE_SUFFIXES = (".gocd.yaml", ".gocd.yml")


class SettingsFiles(Config):
    """Invoke's configuration, which libyaml reads in a tenth of the time: a tenth of that of ``inv --list``."""

    def _load_yaml(self, path: os.PathLike[Any]) -> Any:
        with Path(path).open(encoding="utf-8") as stream:
            # Safe loaders, both of them.
            return yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))

    _load_yml = _load_yaml


class OwnProgram(Program):
    """Invoke's program with the tasks in the order of the flow, and the nearest name for one that does not exist."""

    def list_flat(self) -> None:
        """Show the tasks in their groups, those of the project itself last."""
        known = sys.modules.get(_KNOWN_TASKS)
        if self.list_root or known is None:
            super().list_flat()
            return
        texts = dict(self._make_pairs(self.scoped_collection))
        for group, names in known.task_groups().items():
            print(f"\n{group}")
            self._show({name: texts.pop(name, None) for name in names})
        print("\nchecks and tools of the project")
        self._show(texts)
        print("\nThe flags of a task: ci/inv --help TASK")

    def _show(self, texts: Mapping[str, str | None]) -> None:
        for name, text in texts.items():
            print(f"  {name:{_NAME_WIDTH}}  {text or ''}".rstrip())

    def parse_tasks(self) -> None:
        """Parse what follows Invoke's own flags.

        Raises:
            ParseError: there is no such task or flag; names the nearest one.
        """
        try:
            super().parse_tasks()
        except ParseError as error:
            if _KNOWN_TASKS not in sys.modules:
                raise
            # As Invoke ends it, with its exit code.
            text = importlib.import_module("ci.nearest").explained(error, self.parser.contexts.values())
            raise ParseError(text, error.context) from None


def with_file_flags(arguments: Sequence[str]) -> list[str]:
    """Return arguments with ``--file`` before each pipeline file: Invoke knows no list of words without flag."""
    marked: list[str] = []
    for argument in arguments:
        is_plain = argument.endswith(_PIPELINE_SUFFIXES) and not argument.startswith("-")
        marked += ["--file", argument] if is_plain and marked[-1:] != ["--file"] else [argument]
    return marked


def _end_quietly() -> None:
    """Keep what has been said the last word: TensorFlow's threads write on while Python ends."""
    if "tensorflow" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)


def main() -> None:
    """Run the tasks of the command line."""
    sys.argv[1:] = with_file_flags(sys.argv[1:])
    program = OwnProgram(name="Invoke", binary="inv[oke]", binary_names=["invoke", "inv"], version=version)
    program.config_class = SettingsFiles
    try:
        program.run()
    except SystemExit:
        _end_quietly()
        raise
    except KeyboardInterrupt:
        # Before a task has begun, while the tasks' modules are loaded; StageTask says the same of a task.
        print("interrupted; run the same command again to continue", file=sys.stderr)
        sys.exit(130)
    except yaml.YAMLError as error:
        place = " ".join(str(error).split())
        sys.exit(f"error: a settings file is not valid YAML: {place}. Correct the file of -f, or invoke.yaml.")
    except AmbiguousMergeError as error:
        value = str(error).rpartition(" (")[2].rstrip(".)")
        sys.exit(
            f"error: a settings file has {value} where a section of keys and values belongs. Correct the file of -f."
        )
    except UnknownFileType as error:
        sys.exit(f"error: {error} Give -f a file that ends in .yaml, .yml or .json.")


if __name__ == "__main__":
    # Else a module of this folder could stand in for a package of the same name.
    sys.path.pop(0)
    main()
