"""Three folds of a labelled set: every picture judges in exactly one of them, and pictures that look alike never part.

    .venv/train/bin/python benchmarks/folds.py --photographs DIR [--write]

DIR is datitran/raccoon_dataset (``annotations/``, ``images/``). Its lists are committed in benchmarks/folds/raccoon:
this says whether they are what the pictures give, or writes them. The other set is drawn by the project itself.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT_DIR), str(PROJECT_DIR / "src")]

from edgetrain.core.splits import Split, position  # noqa: E402
from edgetrain.core.system.files import replacing_dir  # noqa: E402 - found through the line above
from edgetrain.dataset.division import read_split_list, write_split_list  # noqa: E402
from edgetrain.dataset.folder import find_dataset  # noqa: E402
from edgetrain.dataset.split_assignment import joined  # noqa: E402
from edgetrain.demo.drawing import draw_dataset  # noqa: E402
from edgetrain.images.near_duplicates import difference_hash, near_groups  # noqa: E402

FOLDS = (0, 1, 2)
DATASETS = ("raccoon", "drawn")
_COMMITTED = PROJECT_DIR / "benchmarks" / "folds" / "raccoon"
_VALIDATION_SHARE = 0.1  # of the pictures that do not judge
_DRAWN_PICTURES = 200
_SEED = 0

Fold = Mapping[Split, Sequence[str]]


def main() -> None:
    """Compare the committed lists with those that are made, or write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    made = make_folds(groups_of(arguments.photographs))
    for number, fold in enumerate(made):
        if arguments.write:
            write_fold(_COMMITTED / str(number), fold)
        print(f"{number}: {', '.join(f'{split.value} {len(names)}' for split, names in fold.items())}")
    if made != [committed_fold(number) for number in FOLDS]:
        raise SystemExit(f"{_COMMITTED}: not what these pictures give. Give the right folder, or --write.")


def groups_of(dataset: Path) -> list[tuple[str, ...]]:
    """Return the annotations of a dataset, those of pictures that look alike together, each group and all sorted."""
    folder = find_dataset(dataset)
    images = [folder.read(item) for item in folder.items]
    hashes = {image.name: difference_hash(image.image_path.read_bytes(), image.image_name) for image in images}
    return joined(hashes, near_groups(hashes))


def make_folds(groups: Sequence[tuple[str, ...]], seed: int = _SEED) -> list[Fold]:
    """Return the folds: test pictures each of its own, a tenth of the others for validation, the rest for training.

    Large groups are dealt first, each to the smallest fold, so that the folds are of one size.

    Args:
        groups: names that must not part, each name in one group.
        seed: another one gives other folds.
    """
    parts: list[list[tuple[str, ...]]] = [[] for _ in FOLDS]
    for group in sorted(groups, key=lambda group: (-len(group), position(group[0], seed))):
        min(parts, key=_size).append(group)
    return [_fold(parts[number], [group for part in parts if part is not parts[number] for group in part], seed)
            for number in FOLDS]  # fmt: skip


def _fold(test: Sequence[tuple[str, ...]], others: Sequence[tuple[str, ...]], seed: int) -> Fold:
    wanted = round(_VALIDATION_SHARE * _size(others))
    groups: dict[Split, list[tuple[str, ...]]] = defaultdict(list, {Split.TEST: list(test)})
    for group in sorted(others, key=lambda group: position(f"validation:{group[0]}", seed)):
        is_room = _size(groups[Split.VALIDATION]) + len(group) <= wanted
        groups[Split.VALIDATION if is_room else Split.TRAIN].append(group)
    return {split: sorted(name for group in groups[split] for name in group) for split in Split}


def _size(groups: Sequence[tuple[str, ...]]) -> int:
    return sum(map(len, groups))


def committed_fold(number: int) -> Fold:
    """Return a fold of the raccoons as it is committed."""
    lists = {split: _COMMITTED / str(number) / f"{split.value}.txt" for split in Split}
    return {split: [listed.name for listed in read_split_list(path)] for split, path in lists.items()}


def write_fold(folder: Path, fold: Fold) -> None:
    """Write the three lists of a fold as a dataset's committed ``splits/``."""
    for split, names in fold.items():
        write_split_list(folder / f"{split.value}.txt", names)


def lay_out(dataset: str, folder: Path, photographs: Path | None) -> list[Path]:
    """Make a dataset for each fold, the pictures linked and the lists written, and return their folders.

    Args:
        dataset: one of ``DATASETS``.
        folder: gets ``DATASET-FOLD/``, and the drawn pictures; what is there already is kept.
        photographs: the raccoons' folder; the drawn set needs none.
    """
    if dataset == "raccoon":
        if photographs is None:
            raise SystemExit("--photographs is missing. Give the folder of datitran/raccoon_dataset.")
        source, folds = photographs.resolve(), [committed_fold(number) for number in FOLDS]
    else:
        source = folder.resolve() / f"{dataset}-{_DRAWN_PICTURES}-{_SEED}"
        if not source.exists():
            with replacing_dir(source) as temporary:
                draw_dataset(temporary, pictures=_DRAWN_PICTURES, seed=_SEED)
        folds = make_folds(groups_of(source))
    return [_lay_out(folder / f"{dataset}-{number}", source, fold) for number, fold in zip(FOLDS, folds)]


def _lay_out(folder: Path, source: Path, fold: Fold) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    write_fold(folder / "splits", fold)
    # Copies: no link may lead out of a dataset.
    for name in ("annotations", "images"):
        shutil.copytree(source / name, folder / name)
    return folder


if __name__ == "__main__":
    main()
