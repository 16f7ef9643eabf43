"""Where the time of `inv records` goes: seconds of CPU of each step alone, for all pictures, in one process.

    .venv/train/bin/python benchmarks/records_parts.py [--folder build/benchmark-datasets]

Takes the set that benchmarks/datasets.py made. Each step is run a few times, of which the quickest counts.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_DIR / "src"))

from edgetrain.annotations.voc import parse_annotation  # noqa: E402
from edgetrain.core.system.files import file_content, folder_state  # noqa: E402
from edgetrain.core.workspace.label_map_file import read_label_map  # noqa: E402
from edgetrain.dataset.picture_finder import PictureFinder  # noqa: E402
from edgetrain.records.example import encoded_parts  # noqa: E402
from edgetrain.records.source import RecordSource  # noqa: E402
from edgetrain.records.tfrecord import masked_crc, write_records  # noqa: E402

_RUNS = 7
_IMPORT = """
import sys, time
sys.path[:0] = [".", "src"]
import tasks
started = time.process_time()
import edgetrain.pipeline.console, edgetrain.pipeline.flow, edgetrain.records.write
print(time.process_time() - started)
"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmark-datasets"))
    folder: Path = parser.parse_args().folder.resolve()
    root, copy = folder / "VOC2012", folder / "copy.bin"
    finder = PictureFinder(root)
    label_map = read_label_map(folder / "build" / "annotations" / "label_map.pbtxt")
    source = RecordSource(finder=finder, label_map=label_map, max_side=2400)
    names = [f"Annotations/{path.name}" for path in sorted((root / "Annotations").iterdir())]
    annotations = [root / name for name in names]
    texts = [file_content(path) for path in annotations]
    pictures = [root / finder.read(name, root).image_name for name in names]
    gc.disable()
    steps: dict[str, Callable[[], object]] = {
        "Python and Invoke: `--list`": lambda: _run(["ci/inv", "--list"]),
        "state of the dataset's files": lambda: folder_state(root),
        "XML: read": lambda: [file_content(path) for path in annotations],
        "XML: parse": lambda: [parse_annotation(text, root) for text in texts],
        "XML and picture: find, read and parse": lambda: [finder.read(name, root) for name in names],
        "pictures: read": lambda: _each(pictures, file_content),
        "pictures: read, CRC-32C": lambda: _each(pictures, lambda path: masked_crc(file_content(path))),
        "pictures: read, copy to one file": lambda: _copy(pictures, copy),
        "pictures: copy within the kernel": lambda: _copy_in_kernel(pictures, copy),
        "example: all but encode and write": lambda: _each(names, lambda name: source.example(name, root)),
        "example: with encode": lambda: _each(names, lambda name: encoded_parts(source.example(name, root).example)),
        "example: with encode and write": lambda: write_records(
            copy, (encoded_parts(source.example(name, root).example) for name in names)
        ),
    }
    print(f"| {len(names)} pictures | s |\n|---|--:|")
    imports = [float(_run([sys.executable, "-c", _IMPORT])) for _ in range(_RUNS)]
    print(f"| modules of the stage | {min(imports):.3f} |")
    for title, step in steps.items():
        print(f"| {title} | {min(_cpu_seconds(step) for _ in range(_RUNS)):.3f} |", flush=True)
        copy.unlink(missing_ok=True)


def _cpu_seconds(step: Callable[[], object]) -> float:
    before = os.times()
    started = time.process_time()
    step()
    after = os.times()
    children = after.children_user + after.children_system - before.children_user - before.children_system
    return time.process_time() - started + children


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=PROJECT_DIR).stdout


def _each(items: list[Path] | list[str], work: Callable[..., object]) -> None:
    for item in items:
        work(item)


def _copy(pictures: list[Path], target: Path) -> None:
    with target.open("wb", buffering=1 << 20) as stream:
        for path in pictures:
            stream.write(file_content(path))


def _copy_in_kernel(pictures: list[Path], target: Path) -> None:
    with target.open("wb", buffering=0) as stream:
        for path in pictures:
            with path.open("rb", buffering=0) as picture:
                os.copy_file_range(picture.fileno(), stream.fileno(), path.stat().st_size)


if __name__ == "__main__":
    main()
