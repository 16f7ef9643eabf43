"""What `inv validate --pixels` finds though it decodes only the brightness of a JPEG, at a part of its size.

    .venv/train/bin/python benchmarks/pixels.py --dataset DIR

Damage: JPEGs of several kinds, damaged at random and by every combination of sampling factors, have to give the same
fault as a full decode. Near duplicates: copies of each photograph in other sizes, qualities and formats have to be
grouped with it.
"""

from __future__ import annotations

import argparse
import io
import itertools
import random
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_DIR / "src"))

from edgetrain.core.boxes import ImageSize  # noqa: E402
from edgetrain.images.image_file import UnreadableImageError, decode, decode_gray  # noqa: E402
from edgetrain.images.near_duplicates import (  # noqa: E402
    difference_hash,
    hamming_distance,
    near_groups,
)

_PHOTOGRAPHS = 40  # that are damaged
_ROUNDS = 4
_KINDS: dict[str, tuple[str, dict[str, int | bool]]] = {
    "baseline": ("RGB", {}),
    "progressive": ("RGB", {"progressive": True}),
    "4:4:4": ("RGB", {"subsampling": 0}),
    "4:2:2": ("RGB", {"subsampling": 1}),
    "restart markers": ("RGB", {"restart_marker_blocks": 4}),
    "stored as RGB": ("RGB", {"keep_rgb": True}),
    "gray": ("L", {}),
    "CMYK": ("CMYK", {}),
}
_FRAMES = (b"\xff\xc0", b"\xff\xc2")
_COPIES = {
    "half": (0.5, "JPEG", 85),
    "quality 40": (1, "JPEG", 40),
    "enlarged": (1.5, "JPEG", 75),
    "PNG": (1, "PNG", 0),
}


def main() -> None:
    """Print both results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    paths = sorted(parser.parse_args().dataset.rglob("*.jpg"))
    photographs = {path.stem: path.read_bytes() for path in paths}
    _damage(list(photographs.values())[:: max(1, len(photographs) // _PHOTOGRAPHS)][:_PHOTOGRAPHS])
    _copies(photographs)


def _damage(photographs: list[bytes]) -> None:
    chance = random.Random(7)  # noqa: S311 - the same damage each time
    sources = [_encoded(data, 1, "JPEG", 80, kind) for data in photographs for kind in _KINDS]
    mutants = (_mutant(source, how, chance) for _ in range(_ROUNDS) for source in sources for how in _DAMAGES)
    for title, files in {"mutants": mutants, "sampling factors": _resampled(sources[: len(_KINDS)])}.items():
        faults: Counter[str] = Counter()
        for data in files:
            full, reduced = _fault(decode, data), _fault(decode_gray, data, ImageSize(9, 8))
            faults["fault" if full else "no fault"] += full == reduced
            faults["differ"] += full != reduced
        print(f"{title}: same fault {faults['fault']}, no fault {faults['no fault']}, differ {faults['differ']}")


def _copies(photographs: dict[str, bytes]) -> None:
    hashes = {name: difference_hash(data, name) for name, data in photographs.items()}
    pairs = itertools.combinations([value for value in hashes.values() if value is not None], 2)
    distances = Counter(hamming_distance(one, other) for one, other in pairs)
    print("bits between two photographs:", {bits: distances[bits] for bits in range(14) if distances[bits]})
    for name, data in photographs.items():
        for copy, (scale, image_format, quality) in _COPIES.items():
            hashes[f"{name}/{copy}"] = difference_hash(_encoded(data, scale, image_format, quality), name)
    places = {name: place for place, group in enumerate(near_groups(hashes)) for name in group}
    names = [name for name in hashes if "/" in name]
    missed = [name for name in names if places.get(name, -1) != places.get(name.partition("/")[0])]
    bits = [hamming_distance(hashes[name] or 0, hashes[name.partition("/")[0]] or 0) for name in names]
    print(f"copies: {len(names)}, not beside their photograph {len(missed)}, bits apart {statistics.mean(bits):.2f}")


def _encoded(data: bytes, scale: float, image_format: str, quality: int, kind: str = "baseline") -> bytes:
    mode, options = _KINDS[kind]
    stream = io.BytesIO()
    image = Image.open(io.BytesIO(data)).convert("RGB").convert(mode)
    size = (round(image.width * scale), round(image.height * scale))
    image.resize(size, Image.Resampling.LANCZOS).save(stream, image_format, quality=quality, **options)
    return stream.getvalue()


def _mutant(data: bytes, damage: Callable[[bytearray, random.Random], None], chance: random.Random) -> bytes:
    mutant = bytearray(data)
    damage(mutant, chance)
    return bytes(mutant)


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(2, len(data)) :]


def _flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 3, 20))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _alter_header(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 2))):
        data[chance.randrange(2, min(len(data), 700))] = chance.randrange(256)


def _alter_frame(data: bytearray, chance: random.Random) -> None:
    data[_frame(data) + chance.randrange(2, 19)] = chance.choice(
        (1, 2, 3, 0x11, 0x21, 0x12, 0x31, chance.randrange(256))
    )


def _overwrite(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start : start + chance.randrange(1, 2000)] = bytes([chance.choice((0, 255))]) * chance.randrange(2000)


def _remove(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.randrange(1, 500)]


def _put_marker(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start : start + 2] = (0xFF, chance.randrange(1, 255))


_DAMAGES = (_cut, _flip, _alter_header, _alter_frame, _overwrite, _remove, _put_marker)


def _resampled(sources: list[bytes]) -> Iterator[bytes]:
    """Yield JPEGs of three colours whose headers claim other sampling factors than their data have."""
    factors = [high << 4 | low for high in range(1, 5) for low in range(1, 5)]
    for source in (data for data in sources if data[_frame(data) + 9] == 3):  # noqa: PLR2004 - colours
        for chosen in itertools.product(factors, repeat=3):
            data = bytearray(source)
            start = _frame(data) + 11
            data[start : start + 7 : 3] = bytes(chosen)
            yield bytes(data)


def _frame(data: bytes | bytearray) -> int:
    """Return where the frame's header begins."""
    return max(data.find(marker) for marker in _FRAMES)


def _fault(read: Callable[..., object], data: bytes, *arguments: object) -> str:
    try:
        read(data, *arguments)
    except UnreadableImageError as error:
        return error.reason
    return ""


if __name__ == "__main__":
    main()
