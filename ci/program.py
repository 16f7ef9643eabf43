"""Invoke's own program, with one message in place of a traceback where a settings file cannot be read."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from invoke.config import AmbiguousMergeError, Config
from invoke.exceptions import UnknownFileType
from invoke.main import program
from invoke.util import yaml as own_yaml

try:
    import yaml
except ImportError:
    # Not every profile has PyYAML; Invoke brings a copy of it without libyaml.
    yaml = own_yaml  # type: ignore[misc]

_PIPELINE_SUFFIXES = (".gocd.yaml", ".gocd.yml")


class SettingsFiles(Config):
    """Invoke's configuration, which libyaml reads in a tenth of the time: a tenth of that of ``inv --list``."""

    def _load_yaml(self, path: os.PathLike[Any]) -> Any:
        with Path(path).open(encoding="utf-8") as stream:
            # Safe loaders, both of them.
            return yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))

    _load_yml = _load_yaml


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
    program.config_class = SettingsFiles
    try:
        program.run()
    except SystemExit:
        _end_quietly()
        raise
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
