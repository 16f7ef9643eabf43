"""Write pictures and boxes as TFRecords, the form that training reads; no TensorFlow is needed for it.

A picture's bytes go into the record untouched wherever training can use them (see ``records.source``). Processes share
the work by files, so that the bytes are the same however many there are; none of them holds more than one picture.
Where ``records.runner`` names a runner of Apache Beam, its workers do the same. All splits are written to a temporary
folder that replaces the earlier one at the end.
"""

from __future__ import annotations

import functools
import importlib
import io
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgetrain.core.errors import DatasetError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split
from edgetrain.core.system.files import replacing_dir
from edgetrain.core.system.workers import Advance, done_by_all, gc_paused
from edgetrain.core.wording import counted
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.dataset.division import listed_names
from edgetrain.dataset.edited_tables import EditedTables, read_tables
from edgetrain.dataset.folder import find_dataset
from edgetrain.dataset.picture_finder import PictureFinder
from edgetrain.records.example import encoded_parts, text_key
from edgetrain.records.source import RecordSource
from edgetrain.records.tfrecord import write_records

# Files of some 100 MB of usual pictures: large enough to be read in one go, enough of them for several processes.
_PICTURES_PER_SHARD = 1000
# A random crop of the training may have a fifth of the picture's side, which is more than the network's input still. HD
# frames stay as they are at the usual 300 pixels, while those of 4K and of cameras are not decoded in full every time.
_SIDES_OF_NETWORK = 8


@dataclass(frozen=True)
class Shard:
    """One file to write: its split, the list of that, its path, and the annotations, one a line."""

    split: Split
    list_path: Path
    path: Path
    names: bytes


@dataclass
class ShardFigures:
    """What went into a file, and its digest; ``keys`` hold 64 bits of a digest of each picture's name."""

    images: int = 0
    boxes: int = 0
    size_bytes: int = 0
    digest: str = ""
    encoded_anew: int = 0
    from_table: int = 0
    keys: array[int] = field(default_factory=lambda: array("Q"))


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Write the shards of each split.

    Raises:
        MissingInputError: the dataset was not divided yet, or there is no label map.
        DatasetError: an annotation or picture has a fault, or there is no picture to train on.
        LabelMapError: a class is not in the label map.
    """
    source = _source(settings, workspace)
    with replacing_dir(workspace.records_dir) as temporary:
        shards = _plan(settings, workspace, temporary)
        counts = Counter(shard.split for shard in shards)
        total = sum(shard.names.count(b"\n") for shard in shards)
        if settings.records.runner:
            figures = _write_by_beam(settings, workspace, temporary, len(shards))
        else:
            figures = _write_here(settings, source, shards, total)
        _refuse_shared(source, shards, figures)
    results = {split: _sum(one for shard, one in zip(shards, figures) if shard.split is split) for split in Split}
    sizes = ", ".join(f"{split.value} {one.images}" for split, one in results.items())
    return Outcome(
        f"{counted(total, 'picture')}: {sizes}",
        {"splits": {split.value: _figures(one, counts[split]) for split, one in results.items()}},
        tuple(_notes(settings, source, results)),
        {workspace.records_dir / shard.path.name: one.digest for shard, one in zip(shards, figures)},
    )


def _write_here(settings: Settings, source: RecordSource, shards: Sequence[Shard], total: int) -> list[ShardFigures]:
    def write(piece: int, advance: Advance) -> ShardFigures:
        with gc_paused():
            return _write_shard(source, shards[piece], advance)

    return done_by_all(write, len(shards), jobs=settings.records.jobs, total=total, units="pictures")


def _write_by_beam(settings: Settings, workspace: Workspace, folder: Path, pieces: int) -> list[ShardFigures]:
    # Loaded only where it is asked for: no other profile has Beam.
    beam = importlib.import_module("edgetrain.records.beam")
    runner = beam.Runner(settings.records.runner, settings.records.beam_options)
    prepare = functools.partial(_beam_worker, settings, workspace, folder)
    written: list[ShardFigures] = beam.done_by_beam(prepare, pieces, runner=runner, folder=folder, units="shards")
    return written


def _beam_worker(
    settings: Settings, workspace: Workspace, folder: Path, scratch_dir: Path
) -> Callable[[int], ShardFigures]:
    """Return what writes a shard on a worker; two may do so at the same time, so each attempt has a file of its own."""
    source = _source(settings, workspace)
    shards = _plan(settings, workspace, folder)

    def write(piece: int) -> ShardFigures:
        attempt = Path(tempfile.mkdtemp(dir=scratch_dir), "shard")
        figures = _write_shard(source, replace(shards[piece], path=attempt), lambda _: None)
        attempt.replace(shards[piece].path)
        return figures

    return write


def _source(settings: Settings, workspace: Workspace) -> RecordSource:
    dataset = settings.dataset
    finder = PictureFinder(dataset.root, dataset.classes, follow_links=dataset.follow_links)
    tables = EditedTables({})
    if settings.records.from_csv:
        tables = read_tables(
            settings.records.from_csv,
            find_dataset(settings.dataset.root, follow_links=settings.dataset.follow_links).image_names,
        )
    return RecordSource(
        finder=finder,
        label_map=read_label_map(workspace.label_map_path),
        max_side=settings.records.max_side or _SIDES_OF_NETWORK * settings.network.image_size,
        severities=settings.validate.rules,
        tables=tables,
    )


def _plan(settings: Settings, workspace: Workspace, folder: Path) -> list[Shard]:
    """Return the files to write; annotation ``i`` of a list goes to file ``i`` modulo the number of files."""
    plan = []
    for split in Split:
        list_path = workspace.split_path(split)
        count = sum(1 for _ in listed_names(list_path))
        if split is Split.TRAIN and not count:
            raise DatasetError(f'{list_path}: no picture to train on. Run "ci/inv split" again.')
        shards = min(settings.records.shards or -(-count // _PICTURES_PER_SHARD), count)
        names = [io.BytesIO() for _ in range(shards)]
        for index, listed in enumerate(listed_names(list_path)):
            names[index % shards].write(f"{listed.name}\n".encode())
        paths = [folder / workspace.shard_path(split, shard, shards).name for shard in range(shards)]
        plan += [Shard(split, list_path, path, lines.getvalue()) for path, lines in zip(paths, names)]
    return plan


def _write_shard(source: RecordSource, shard: Shard, advance: Advance) -> ShardFigures:
    figures = ShardFigures()

    def records() -> Iterator[tuple[bytes, ...]]:
        for line in io.BytesIO(shard.names):
            prepared = source.example(line.decode().rstrip("\n"), shard.list_path)
            figures.images += 1
            figures.boxes += len(prepared.example.boxes)
            figures.encoded_anew += prepared.is_encoded_anew
            figures.from_table += prepared.is_from_table
            figures.keys.append(text_key(prepared.example.source_id))
            yield encoded_parts(prepared.example)
            advance(1)

    written = write_records(shard.path, records())
    figures.size_bytes, figures.digest = written.size_bytes, written.digest
    return figures


def _refuse_shared(source: RecordSource, shards: Sequence[Shard], figures: Sequence[ShardFigures]) -> None:
    """Raise if two annotations share a picture: evaluation would drop the boxes of one of them."""
    keys = array("Q", sorted(key for one in figures for key in one.keys))
    repeated = {first for first, second in zip(keys, keys[1:]) if first == second}
    if not repeated:
        return
    suspects = [
        source.finder.read(line.decode(), shard.list_path)
        for shard, one in zip(shards, figures)
        for line, key in zip(shard.names.splitlines(), one.keys)
        if key in repeated
    ]
    owners: dict[str, str] = {}
    for image in sorted(suspects, key=lambda suspect: suspect.name):
        owner = owners.setdefault(image.image_name, image.name)
        if owner != image.name:
            raise DatasetError(
                f"{image.name}:{image.annotation.filename_line}: the picture {image.image_name} belongs to {owner} "
                "already. Put all boxes into one annotation, or correct <filename>."
            )


def _sum(parts: Iterator[ShardFigures]) -> ShardFigures:
    total = ShardFigures()
    for part in parts:
        total.images += part.images
        total.boxes += part.boxes
        total.size_bytes += part.size_bytes
        total.encoded_anew += part.encoded_anew
        total.from_table += part.from_table
    return total


def _figures(one: ShardFigures, shards: int) -> dict[str, object]:
    return {
        "images": one.images,
        "boxes": one.boxes,
        "shards": shards,
        "size_bytes": one.size_bytes,
        "encoded_anew": one.encoded_anew,
    }


def _notes(settings: Settings, source: RecordSource, results: dict[Split, ShardFigures]) -> Iterator[str]:
    for split, one in results.items():
        if not one.images:
            yield f"{split.value} has no pictures, so no TFRecord"
        elif one.images < settings.records.shards:
            yield f"{split.value} has {one.images} pictures, so as many shards instead of {settings.records.shards}"
    anew = sum(one.encoded_anew for one in results.values())
    if anew:
        yield (
            f"{counted(anew, 'picture')} encoded anew: above {source.max_side} pixels (records.max_side), turned by "
            "EXIF, or of a format that training cannot decode"
        )
    if settings.records.from_csv:
        used, listed = sum(one.from_table for one in results.values()), len(source.tables)
        images = sum(one.images for one in results.values())
        yield f"{used} of {counted(images, 'picture')} with the boxes of {settings.records.from_csv}"
        if used < listed:
            yield f"{counted(listed - used, 'picture')} of the table in no list of a split, so not written"
