"""Faults of pictures for ``planted_faults``: missing, damaged, turned or not what their names say."""

from __future__ import annotations

import struct
import zlib

from PIL import Image


def plant_missing(planter):
    stem = planter.take()
    planter.image(stem).unlink()
    planter.expect(f"annotations/{stem}.xml", 2, "image-missing")


def plant_orphan(planter):
    Image.new("RGB", (90, 80), "teal").save(planter.image("orphan", ".png"))
    planter.expect("images/orphan.png", 1, "image-orphaned")


def plant_shared(planter):
    """Give a picture a second annotation, whose name does not disagree with the picture's."""
    stem = planter.take()
    planter.annotation(f"{stem}.jpg").write_bytes(planter.annotation(stem).read_bytes())
    planter.splits[f"annotations/{stem}.jpg.xml"] = "train"
    # Of the two the one that comes first by name keeps the picture.
    planter.expect(f"annotations/{stem}.xml", 2, "image-shared")


def plant_negative(planter):
    stem = planter.take(changes=dict.fromkeys(range(8, 26), ""))
    planter.expect(f"annotations/{stem}.xml", 1, "image-negative")


def plant_page(planter):
    stem = planter.take()
    planter.image(stem).write_text("<html>404 not found</html>")
    planter.expect(f"images/{stem}.jpg", 1, "image-unreadable")


def plant_empty(planter):
    stem = planter.take()
    planter.image(stem).write_bytes(b"")
    planter.expect(f"images/{stem}.jpg", 1, "image-unreadable")


def plant_cut(planter):
    for cut in (1, 300):
        stem = planter.take()
        planter.image(stem).write_bytes(planter.image(stem).read_bytes()[:-cut])
        planter.expect(f"images/{stem}.jpg", 1, "image-truncated")


def plant_cut_png(planter):
    stem = planter.take()
    path = as_png(planter, stem)
    path.write_bytes(path.read_bytes()[:-3])
    planter.expect(f"images/{stem}.png", 1, "image-truncated")


def as_png(planter, stem):
    """Make a picture a PNG, in its annotation too; return its path."""
    path = planter.image(stem, ".png")
    with Image.open(planter.image(stem)) as image:
        image.save(path)
        planter.write(stem, image.size, {}, path.name)
    planter.image(stem).unlink()
    return path


def plant_formats(planter):
    for kind, rule in (("GIF", "image-format"), ("WEBP", "image-format"), ("TIFF", "image-format")):
        save_again(planter, rule, format=kind)


def plant_extension(planter):
    save_again(planter, "image-extension", format="PNG")


def plant_modes(planter):
    save_again(planter, "image-mode", "CMYK", format="JPEG")
    stem = planter.take()
    path = as_png(planter, stem)
    with Image.open(path) as image:
        Image.new("I;16", image.size, 4000).save(path)
    planter.expect(f"images/{stem}.png", 1, "image-mode")


def save_again(planter, rule, mode="RGB", **options):
    """Save a picture otherwise under its own name."""
    stem = planter.take()
    with Image.open(planter.image(stem)) as image:
        picture = image.convert(mode)
    picture.save(planter.image(stem), **options)
    planter.expect(f"images/{stem}.jpg", 1, rule)


def plant_bomb(planter):
    """Let a PNG claim 50,000 x 50,000 pixels."""
    stem = planter.take()
    path = as_png(planter, stem)
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 50_000, 50_000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    path.write_bytes(data)
    planter.write(stem, (50_000, 50_000), {}, path.name)
    planter.expect(f"images/{stem}.png", 1, "image-huge")


def plant_turned(planter):
    """Store pictures turned: boxes drawn on the stored pixels, on the turned ones, and nobody knows."""
    for orientation, is_swapped in ((6, False), (8, True), (3, False)):
        stem = planter.take()
        exif = Image.Exif()
        exif[0x0112] = orientation
        with Image.open(planter.image(stem)) as image:
            picture = image.convert("RGB")
        picture.save(planter.image(stem), exif=exif)
        planter.write(stem, picture.size[::-1] if is_swapped else picture.size, {})
        planter.expect(f"images/{stem}.jpg", 1, "exif-orientation")


PICTURE_FAULTS = (
    plant_missing,
    plant_orphan,
    plant_shared,
    plant_negative,
    plant_page,
    plant_empty,
    plant_cut,
    plant_cut_png,
    plant_formats,
    plant_extension,
    plant_modes,
    plant_bomb,
    plant_turned,
)
