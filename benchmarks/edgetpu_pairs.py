"""Hold preflight against what Google's compiler did: a table of pairs X.tflite and X_edgetpu.tflite.

    benchmarks/edgetpu_pairs.py FOLDER [FOLDER ...]

Pairs are looked for in the folders and below; those of google-coral/test_data that are not there are listed as absent,
and sources without their compiled twins with the verdict alone.
A pair whose twin holds no Edge TPU operator was not compiled to anything and is judged as such. Exit code 1 if an
operator was predicted wrong, a model refused that the compiler took, or one called fit that left work to the CPU.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from edgetrain.core.system.files import file_digest
from edgetrain.edgetpu.compiler.package import EDGETPU_OPERATOR, packages_of
from edgetrain.edgetpu.compiler.prediction import predict
from edgetrain.tflite.file import read_tflite

TWIN = "_edgetpu.tflite"
ENDS = {"QUANTIZE", "DEQUANTIZE", "TFLite_Detection_PostProcess", "PosenetDecoderOp"}
PUBLISHED = (
    *("deeplab_mobilenet_edgetpu_slim_cityscapes_quant", "deeplabv3_mnv2_dm05_pascal_quant"),
    *("deeplabv3_mnv2_pascal_quant", "efficientdet_lite0_320_ptq", "efficientdet_lite1_384_ptq"),
    *("efficientdet_lite2_448_ptq", "efficientdet_lite3_512_ptq", "efficientdet_lite3x_640_ptq"),
    *("efficientnet-edgetpu-L_quant", "efficientnet-edgetpu-M_quant", "efficientnet-edgetpu-S_quant"),
    *("inception_v1_224_quant", "inception_v2_224_quant", "inception_v3_299_quant", "inception_v4_299_quant"),
    *("keras_lstm_mnist_ptq", "keras_post_training_unet_mv2_128_quant", "keras_post_training_unet_mv2_256_quant"),
    *("mobilenet_v1_0.25_128_quant", "mobilenet_v1_0.5_160_quant", "mobilenet_v1_0.75_192_quant"),
    *("mobilenet_v1_1.0_224_quant", "mobilenet_v2_1.0_224_quant", "movenet_single_pose_lightning_ptq"),
    *("movenet_single_pose_thunder_ptq", "ssd_mobilenet_v1_coco_quant_postprocess"),
    *("ssd_mobilenet_v2_coco_quant_postprocess", "ssd_mobilenet_v2_face_quant_postprocess"),
    *("ssdlite_mobiledet_coco_qat_postprocess", "tf2_mobilenet_v1_1.0_224_ptq", "tf2_mobilenet_v2_1.0_224_ptq"),
    *("tf2_ssd_mobilenet_v1_fpn_640x640_coco17_ptq", "tf2_ssd_mobilenet_v2_coco17_ptq", "traffic_model"),
)


def main(folders: Iterable[str]) -> int:
    """Print the table and return the exit code."""
    sources = sorted({path for folder in folders for path in Path(folder).rglob("*.tflite")}, key=lambda p: p.name)
    pairs = [path for path in sources if not path.name.endswith(TWIN) and twin_of(path).exists()]
    print("| model | predicted | level | on the CPU, predicted | on the CPU, real |\n|---|---|---|---|---|")
    wrong = sum(not print_row(path) for path in unlike(pairs))
    found = {path.stem for path in pairs}
    absent = [name for name in PUBLISHED if not any(stem.endswith(name) for stem in found)]
    print(f"\nAbsent here: {', '.join(absent) or 'none'}.")
    for path in unlike(path for path in sources if not path.name.endswith(TWIN) and path not in pairs):
        print(f"Without a twin here: {path.stem}, predicted {verdict_of(path)}.")
    return 1 if wrong else 0


def unlike(paths: Iterable[Path]) -> list[Path]:
    """Return the paths of files whose contents differ: models of one name may be two."""
    return list({file_digest(path): path for path in paths}.values())


def verdict_of(path: Path) -> str:
    """Return what is predicted of a model whose compiled twin is not there."""
    prediction = predict(read_tflite(path), path)
    return f"{prediction.level}, on the CPU {names(prediction.on_cpu)}" if not prediction.refusals else "refused"


def twin_of(path: Path) -> Path:
    """Return where the compiled file of a model lies."""
    return path.with_name(f"{path.stem}{TWIN}")


def print_row(path: Path) -> bool:
    """Print one row and return whether all was predicted."""
    twin = read_tflite(twin_of(path))
    real = Counter(operator.name for operator in twin.operators if operator.name != EDGETPU_OPERATOR)
    prediction = predict(read_tflite(path), path)
    is_compiled = bool(packages_of(twin, path))
    is_right = bool(prediction.refusals) is not is_compiled and dict(prediction.on_cpu) == dict(real)
    is_right = is_right and not (prediction.level == "all" and set(real) - ENDS)
    verdict = "right" if is_right else "**wrong**"
    level = prediction.level if is_compiled else "nothing"
    print(f"| {path.stem} | {verdict} | {level} | {names(prediction.on_cpu)} | {names(real)} |")
    return is_right


def names(counts: Mapping[str, int]) -> str:
    """Return counted operators as text."""
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "nothing"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["."]))
