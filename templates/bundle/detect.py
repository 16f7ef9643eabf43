"""Finds objects in a picture with a Coral Edge TPU: python3 detect.py PICTURE [SCORE]"""

import json
import sys
from pathlib import Path

from PIL import Image
from pycoral.adapters import common, detect
from pycoral.utils.dataset import read_label_file
from pycoral.utils.edgetpu import make_interpreter

FOLDER = Path(__file__).resolve().parent


def thresholds_of(labels, score):
    """Return the lowest score of each class: SCORE, or what was chosen for the class, or 0.4."""
    path = FOLDER / "thresholds.json"
    chosen = json.loads(path.read_text(encoding="utf-8")) if path.is_file() and score is None else {}
    return {index: chosen.get(name, float(score or 0.4)) for index, name in labels.items()}


def main(picture, score=None):
    labels = read_label_file(str(FOLDER / "labels.txt"))
    thresholds = thresholds_of(labels, score)
    interpreter = make_interpreter(str(FOLDER / "model_edgetpu.tflite"))
    interpreter.allocate_tensors()
    image = Image.open(picture).convert("RGB")
    # The model learned from pictures that were stretched to its input, so the picture is stretched here, not padded.
    width, height = common.input_size(interpreter)
    common.set_input(interpreter, image.resize((width, height), Image.BILINEAR))
    interpreter.invoke()
    scale = (width / image.width, height / image.height)
    for found in detect.get_objects(interpreter, min(thresholds.values()), scale):
        if found.score < thresholds[found.id]:
            continue
        box = found.bbox
        print(f"{labels[found.id]} {found.score:.2f}: {box.xmin} {box.ymin} {box.xmax} {box.ymax}")


if __name__ == "__main__":
    main(*sys.argv[1:])
