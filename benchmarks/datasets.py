"""Speed and memory of the dataset's stages against the tools that people use instead, on the same files.

    .venv/train/bin/python benchmarks/datasets.py --dataset DIR [--peers PYTHON] [--quick]

The set is a labelled folder in VOC or labelImg layout, JPEG only, copied to 5,000 pictures, each copy with its own
comment in the JPEG so that no two are identical. Whole processes, start included, run alternately with their reference;
the median of the ratios is what to trust on a shared machine. PYTHON is an interpreter that has globox and datumaro.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent
Command = Sequence[object]
_YEAR = "VOC2012"  # the API's script takes no other folder
_FOLDS = 10  # pictures of the set for --since, for each of the other set
_CHANGED = 20
_LARGE = (6000, 4000)
_ENLARGE = """
import sys
from PIL import Image
turned = Image.Exif()
turned[0x0112] = 6
Image.open(sys.argv[1]).convert("RGB").resize({size}).save(sys.argv[2], quality=90, {options})
"""
_ONE_BOX = """<annotation>
<filename>{name}</filename>
<size><width>{width}</width><height>{height}</height></size>
<object><name>thing</name><bndbox><xmin>9</xmin><ymin>9</ymin><xmax>3000</xmax><ymax>3000</ymax></bndbox></object>
</annotation>
"""
_PARSE = """
import sys
from pathlib import Path
from lxml import etree
found = 0
for path in sorted(Path(sys.argv[1]).glob("*.xml")):
    root = etree.parse(str(path)).getroot()
    size = [int(root.findtext(f"size/{side}")) for side in ("width", "height")]
    for item in root.iter("object"):
        box = [float(item.findtext(f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax")]
        found += bool(item.findtext("name"))
print(found)
"""
_DECODE = """
import sys
from multiprocessing import Pool
from pathlib import Path
from PIL import Image
def decode(path):
    Image.open(path).load()
if __name__ == "__main__":
    with Pool() as pool:
        pool.map(decode, sorted(Path(sys.argv[1]).glob("*.jpg")), chunksize=50)
"""
_GLOBOX = """
import sys
from pathlib import Path
from globox import AnnotationSet
print(len(AnnotationSet.from_pascal_voc(Path(sys.argv[1]))))
"""
_DATUMARO = """
import sys
from datumaro.components.dataset import Dataset
from datumaro.components.environment import Environment
validator = Environment().validators.get("detection")
settings = dict(few_samples_thr=1, imbalance_ratio_thr=50, far_from_mean_thr=5, dominance_ratio_thr=0.8, topk_bins=0.1)
print(len(validator(**settings).validate(Dataset.import_from(sys.argv[1], "voc"))["validation_reports"]))
"""


@dataclass(frozen=True)
class Run:
    """One whole process: seconds on the clock, seconds of all cores, peak memory of its largest process."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: float


@dataclass(frozen=True)
class Side:
    """A command and what has to be done before each run of it, which is not timed."""

    name: str
    command: Command
    before: Callable[[], object] = lambda: None


def main() -> None:
    """Make the set, run all pairs and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--peers", help="a Python that has globox and datumaro")
    parser.add_argument("--quick", action="store_true", help="1,000 pictures and 3 runs each instead of 5,000 and 7")
    parser.add_argument("--folder", type=Path, default=Path("build/benchmark-datasets"), help="is made anew")
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    pictures, runs = (1000, 3) if arguments.quick else (5000, 7)
    root = _make_set(arguments.dataset, folder / _YEAR, pictures)
    workspace = folder / "build"
    _run(_inv("--list"))
    for stage in ("split", "label-map"):
        _run(_inv(stage, "--dataset", root, "--workspace", workspace))
    print(f"{pictures} pictures, {_megabytes(root / 'JPEGImages'):.0f} MB, {os.cpu_count()} cores, {runs} runs each\n")
    print("| edgetrain | against | its s | our s | ratio | CPU ratio | its peak MB | our peak MB |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for ours, theirs, times in _pairs(root, workspace, arguments.peers):
        _compare(ours, theirs, min(times, runs))
    _since(root, folder / "since", runs)
    _large(root, folder / "large")


def _pairs(root: Path, workspace: Path, peers: str | None) -> list[tuple[Side, Side | str, int]]:
    """Return our side, the other one (or its name if it cannot be run) and the most runs that it is worth."""
    fresh = workspace.with_name("fresh")
    task = ("--dataset", root, "--workspace", fresh)
    review = Side("validate", _inv("validate", *task), lambda: shutil.rmtree(fresh, ignore_errors=True))
    decoding = Side("validate --pixels", _inv("validate", "--pixels", *task), review.before)

    def records(jobs: int) -> Side:
        task = ("records", "--dataset", root, "--workspace", workspace, "--jobs", jobs)
        clear = workspace / "records"
        return Side(f"records --jobs {jobs}", _inv(*task), lambda: shutil.rmtree(clear, ignore_errors=True))

    pictures, annotations, copy = root / "JPEGImages", root / "Annotations", workspace / "copy"
    cat = Side("cat", ["sh", "-c", 'cd "$0" && cat *.jpg > "$1"', pictures, copy], lambda: copy.unlink(missing_ok=True))
    # cat copies from file to file within the kernel; through a pipe every byte is read and written, as by any program.
    through = 'cd "$0" && cat *.jpg | cat > "$1"'
    piped = Side("cat through a pipe", ["sh", "-c", through, pictures, copy], lambda: copy.unlink(missing_ok=True))
    script = [sys.executable, "-m", "object_detection.dataset_tools.create_pascal_tf_record", "--year", _YEAR]
    script += ["--data_dir", str(_for_script(root)), "--output_path", str(workspace / "api.record"), "--set", "train"]
    script += ["--label_map_path", str(workspace / "annotations" / "label_map.pbtxt")]
    others = [("globox, parsing only", _GLOBOX, annotations), ("datumaro validate", _DATUMARO, root)]
    return [
        (review, Side("lxml, bare parse", [sys.executable, "-c", _PARSE, annotations]), 9),
        *((review, Side(name, [peers, "-c", code, path]) if peers else name, 3) for name, code, path in others),
        (decoding, Side("Pillow decoding, all cores", [sys.executable, "-c", _DECODE, pictures]), 3),
        (records(1), cat, 9),
        (records(2), cat, 9),
        (records(1), piped, 9),
        (records(2), piped, 9),
        (Side("--list", _inv("--list")), cat, 9),
        (records(1), Side("create_pascal_tf_record", script), 3),
    ]


def _since(root: Path, large: Path, runs: int) -> None:
    """Print how long the review of a few changed files takes in a set ten times as large."""
    count = _enlarge(root, large)
    _git(large, "init", "-q")
    (large / ".gitignore").write_text("JPEGImages/\n")
    _git(large, "add", ".")
    _git(large, "-c", "user.name=b", "-c", "user.email=b@localhost", "commit", "-q", "-m", "b")
    workspace = large.with_name("since-build")
    task = ("validate", "--dataset", large, "--workspace", workspace)
    _run(_inv(*task))
    changed = sorted((large / "Annotations").iterdir())[:: count // _CHANGED][:_CHANGED]
    results = []
    for _ in range(runs):
        for path in changed:
            path.write_text(path.read_text() + "\n")
        results.append(_run(_inv(*task, "--since", "HEAD")))
    seconds, cpu, peak = (statistics.median(getattr(one, name) for one in results) for name in _FIGURES)
    print(f"\nvalidate --since, {_CHANGED} of {count} changed: {seconds:.2f} s, {cpu:.2f} s of CPU, {peak:.0f} MB")


def _large(root: Path, folder: Path) -> None:
    """Print the memory that ``records`` takes for photographs that it has to scale down, one in each split."""
    photograph = max((root / "JPEGImages").iterdir(), key=lambda path: path.stat().st_size)
    kinds = {
        "JPEG": ("jpg", "", _LARGE),
        "JPEG, progressive": ("jpg", "progressive=True", _LARGE),
        "JPEG, stored turned": ("jpg", "exif=turned", _LARGE[::-1]),
        "PNG": ("png", "", _LARGE),
    }
    print(f"\n| records --jobs 1, pictures of {_LARGE[0]}x{_LARGE[1]} | MB each | peak MB |\n|---|--:|--:|")
    for kind, (suffix, options, (width, height)) in kinds.items():
        shutil.rmtree(folder, ignore_errors=True)
        for part in ("annotations", "images", "splits"):
            (folder / part).mkdir(parents=True)
        for split in ("train", "validation", "test"):
            name = f"{split}.{suffix}"
            # A process's peak counts what its parent ever held: the picture is made in a process of its own.
            code = _ENLARGE.format(size=_LARGE, options=options)
            _run([sys.executable, "-c", code, photograph, folder / "images" / name])
            (folder / "annotations" / f"{split}.xml").write_text(_ONE_BOX.format(name=name, width=width, height=height))
            (folder / "splits" / f"{split}.txt").write_text(f"annotations/{split}.xml\n")
        task = ("--dataset", folder, "--workspace", folder / "build")
        for stage in ("split", "label-map"):
            _run(_inv(stage, *task))
        peak = _run(_inv("records", *task, "--jobs", 1)).peak_megabytes
        print(f"| {kind} | {_megabytes(folder / 'images') / 3:.0f} | {peak:.0f} |", flush=True)


def _make_set(dataset: Path, root: Path, wanted: int) -> Path:
    """Copy a labelled folder until there are enough pictures; return the new folder, in VOC layout."""
    annotations = sorted(path for path in dataset.rglob("*.xml"))
    pictures = {path.name: path for path in sorted(dataset.rglob("*.jpg"))}
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / name).mkdir(parents=True)
    stems = []
    for number in range(wanted):
        text = annotations[number % len(annotations)].read_text(encoding="utf-8")
        [name] = re.findall("<filename>(.*)</filename>", text)
        data, comment = pictures[name].read_bytes(), f"copy {number}".encode()
        stem = f"{Path(name).stem}-{number:05d}"
        text = re.sub("<folder>.*</folder>", f"<folder>{_YEAR}</folder>", text.replace(name, f"{stem}.jpg"))
        (root / "Annotations" / f"{stem}.xml").write_text(text, encoding="utf-8")
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        (root / "JPEGImages" / f"{stem}.jpg").write_bytes(data[:2] + segment + data[2:])
        stems.append(stem)
    classes = sorted({name for path in annotations for name in re.findall("<name>(.*)</name>", path.read_text())})
    for name, part in {"train": stems[::2], "val": stems[1::4], "test": stems[3::4]}.items():
        (root / "ImageSets" / "Main" / f"{name}.txt").write_text("".join(f"{stem}\n" for stem in part))
    (root / "labelmap.txt").write_text("".join(f"{name}:::\n" for name in ["background", *classes]))
    return root


def _for_script(root: Path) -> Path:
    """Return a folder in which the API's script finds all pictures of the set as the class that it looks for."""
    own = root.parent / "script" / _YEAR
    (own / "ImageSets" / "Main").mkdir(parents=True)
    for name in ("Annotations", "JPEGImages"):
        (own / name).symlink_to(root / name)
    stems = sorted(path.stem for path in (root / "Annotations").iterdir())
    (own / "ImageSets" / "Main" / "aeroplane_train.txt").write_text("".join(f"{stem} 1\n" for stem in stems))
    return own.parent


def _enlarge(root: Path, large: Path) -> int:
    """Make a set of ten times as many pictures, which are links to the others; return their number."""
    for name in ("Annotations", "JPEGImages"):
        (large / name).mkdir(parents=True)
    stems = sorted(path.stem for path in (root / "Annotations").iterdir())
    for stem in stems:
        text = (root / "Annotations" / f"{stem}.xml").read_text(encoding="utf-8")
        for fold in range(_FOLDS):
            name = f"{stem}_{fold}"
            (large / "Annotations" / f"{name}.xml").write_text(text.replace(stem, name), encoding="utf-8")
            os.link(root / "JPEGImages" / f"{stem}.jpg", large / "JPEGImages" / f"{name}.jpg")
    return len(stems) * _FOLDS


def _compare(ours: Side, theirs: Side | str, times: int) -> None:
    """Run both sides alternately, after one run of each that does not count, and print their row."""
    if isinstance(theirs, str):
        print(f"| {ours.name} | {theirs} | not run | | | | | |")
        return
    pairs = [tuple(_prepared(side) for side in (theirs, ours)) for _ in range(times + 1)][1:]
    medians = [[statistics.median(getattr(run, name) for run in runs) for name in _FIGURES] for runs in zip(*pairs)]
    ratios = [statistics.median(getattr(b, name) / getattr(a, name) for a, b in pairs) for name in _FIGURES[:2]]
    (their_seconds, _, their_peak), (our_seconds, _, our_peak) = medians
    print(
        f"| {ours.name} | {theirs.name} | {their_seconds:.2f} | {our_seconds:.2f} | {ratios[0]:.2f} | {ratios[1]:.2f} "
        f"| {their_peak:.0f} | {our_peak:.0f} |",
        flush=True,
    )


_FIGURES = ("seconds", "cpu_seconds", "peak_megabytes")


def _prepared(side: Side) -> Run:
    side.before()
    return _run(side.command)


def _run(command: Command) -> Run:
    """Run a command to its end.

    Raises:
        SystemExit: it failed; with what it said.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    said = process.stderr.read() if process.stderr else ""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(str(word)[:60] for word in command)}\nended with {process.returncode}:\n{said}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def _inv(*arguments: object) -> Command:
    return [PROJECT_DIR / "ci" / "inv", *arguments]


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", folder, *arguments], check=True)  # noqa: S607 - the one on PATH


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


if __name__ == "__main__":
    main()
