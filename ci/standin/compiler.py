"""What the stand-in for edgetpu_compiler does: reads a model, says what the real one says, and leaves files like it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ci.standin.compiled_file import write_compiled
from edgetrain.core.errors import ModelError
from edgetrain.edgetpu.compiler.prediction import MAPS, Prediction, predict
from edgetrain.edgetpu.compiler.provenance import STAND_IN
from edgetrain.tflite.file import read_tflite

VERSION = "Edge TPU Compiler version 16.0.384591198"
_TIMER = "Started a compilation timeout timer of {} seconds."
_IN_TIME = "Compilation child process completed within timeout period."
_MEBIBYTE = 1 << 20
_LEAST_RUNTIME = 12  # below it, nothing maps and the compiler still calls it a success


def main(arguments: Sequence[str]) -> int:
    """Behave as EDGETRAIN_STAND_IN says (default: compile); return the exit code."""
    options = _options(arguments)
    if options.version:
        _say(VERSION, f"This is a {STAND_IN}, not Google's compiler.")
        return 0
    behaviour = os.environ.get("EDGETRAIN_STAND_IN", "compile")
    if behaviour not in BEHAVIOURS:
        _say(f"EDGETRAIN_STAND_IN={behaviour}: it is one of {', '.join(BEHAVIOURS)}")
        return 2
    return BEHAVIOURS[behaviour](options)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="edgetpu_compiler")
    parser.add_argument("-v", "--version", action="store_true")
    parser.add_argument("-o", "--out_dir", default=".")
    parser.add_argument("-s", "--show_operations", action="store_true")
    parser.add_argument("-m", "--min_runtime_version", type=int, default=14)
    parser.add_argument("-d", "--search_delegate", action="store_true")
    parser.add_argument("-k", "--delegate_search_step", type=int, default=1)
    parser.add_argument("-t", "--timeout_sec", type=int, default=180)
    parser.add_argument("model", nargs="?", default="")
    return parser.parse_args(arguments)


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _compile(options: argparse.Namespace) -> int:
    path = Path(options.model)
    try:
        prediction = predict(read_tflite(path), path, runtime=options.min_runtime_version)
    except ModelError:
        return _unreadable(options)
    if any(verdict.outcome == "refused" for verdict in prediction.operators) or "not quantized" in str(
        prediction.refusals
    ):
        _say(VERSION, f"ERROR: {prediction.refusals[0]}", "", "ERROR: Registration failed.", "")
        _say(f"Invalid model: {path.name}", "Model could not be parsed")
        return 1
    maps = [v.outcome == MAPS and options.min_runtime_version >= _LEAST_RUNTIME for v in prediction.operators]
    return _leave(options, prediction, maps)


def _leave(options: argparse.Namespace, prediction: Prediction, maps: Sequence[bool]) -> int:
    """Write model and log, and say that all went well."""
    source, output_dir = Path(options.model), Path(options.out_dir)
    output, log = (output_dir / f"{source.stem}_edgetpu.{suffix}" for suffix in ("tflite", "log"))
    content = source.read_bytes()
    runtime = min(options.min_runtime_version, 12)
    size = prediction.parameter_bytes
    made = write_compiled(content, maps, runtime=runtime, parameter_bytes=size) if any(maps) else content
    output.write_bytes(made)
    table = _table(prediction, maps)
    head = [VERSION, f"Input: {source.name}", f"Output: {output.name}", ""]
    log.write_text("\n".join([*head, *table, ""]), encoding="utf-8")
    on_cpu = len(maps) - sum(maps)
    _say(VERSION, _TIMER.format(options.timeout_sec), "", "Model compiled successfully in 1 ms.", "")
    _say(f"Input model: {source}", f"Input size: {len(content) / _MEBIBYTE:.2f}MiB")
    _say(f"Output model: {output}", f"Output size: {len(made) / _MEBIBYTE:.2f}MiB")
    _say(f"On-chip memory used for caching model parameters: {size / _MEBIBYTE:.2f}MiB")
    _say(f"On-chip memory remaining for caching model parameters: {max(0.0, 7.5 - size / _MEBIBYTE):.2f}MiB")
    _say("Off-chip memory used for streaming uncached model parameters: 0.00B")
    _say(f"Number of Edge TPU subgraphs: {int(any(maps))}", f"Total number of operations: {len(maps)}")
    _say(f"Operation log: {log}")
    if on_cpu:
        _say("", "Model successfully compiled but not all operations are supported by the Edge TPU.")
        _say(f"Number of operations that will run on Edge TPU: {sum(maps)}")
        _say(f"Number of operations that will run on CPU: {on_cpu}")
    _say(*(["", *table] if options.show_operations else []), _IN_TIME, "Compilation succeeded! ")
    return 0


def _table(prediction: Prediction, maps: Sequence[bool]) -> list[str]:
    statuses = [
        (
            "CUSTOM" if verdict.name.startswith("TFLite_") else verdict.name,
            "Mapped to Edge TPU" if is_mapped else _cpu_status(verdict.status),
        )
        for verdict, is_mapped in zip(prediction.operators, maps)
    ]
    rows = [f"{name:<31}{count:<11}{status}" for (name, status), count in Counter(statuses).items()]
    return [f"{'Operator':<31}{'Count':<11}Status", "", *rows]


def _cpu_status(status: str) -> str:
    return "Operation not supported" if status == "Mapped to Edge TPU" else status


def _unreadable(options: argparse.Namespace) -> int:
    name = Path(options.model).name
    _say(VERSION, "ERROR: Didn't find op for builtin opcode 'CONV_2D' version '6'. ", "", "ERROR: Registration failed.")
    _say("", f"Invalid model: {name}", "Model could not be parsed")
    return 1


def _too_large(options: argparse.Namespace) -> int:
    _say(VERSION, _TIMER.format(options.timeout_sec))
    _say("ERROR: Restored original execution plan after delegate application failure.")
    _say("Compilation failed: Compilation failed due to large activation tensors in model.", _IN_TIME)
    _say("Compilation failed! ")
    return 1


def _partial(options: argparse.Namespace) -> int:
    """Map the first half only, as the compiler does with networks that it knows in part."""
    path = Path(options.model)
    prediction = predict(read_tflite(path), path)
    half = len(prediction.operators) // 2
    return _leave(options, prediction, [number < half for number in range(len(prediction.operators))])


def _zero(options: argparse.Namespace) -> int:
    path = Path(options.model)
    prediction = predict(read_tflite(path), path)
    return _leave(options, prediction, [False] * len(prediction.operators))


def _hang(options: argparse.Namespace) -> int:
    _say(VERSION, _TIMER.format(options.timeout_sec))
    while True:
        time.sleep(1)


def _crash(options: argparse.Namespace) -> int:
    _say(VERSION, "libc++abi: terminating with uncaught exception of type std::out_of_range: vector")
    os.kill(os.getpid(), signal.SIGABRT)
    return _crash(options)


def _silent(_options: argparse.Namespace) -> int:
    """Say the version and end, as 15.0 does with segments."""
    _say(VERSION)
    return 0


def _garbage(options: argparse.Namespace) -> int:
    """Call it a success and leave rubbish."""
    _compile(options)
    output = Path(options.out_dir) / f"{Path(options.model).stem}_edgetpu.tflite"
    output.write_bytes(b"\0\0\0\0TFL3" + os.urandom(200))
    return 0


BEHAVIOURS: dict[str, Callable[[argparse.Namespace], int]] = {
    "compile": _compile,
    "partial": _partial,
    "zero": _zero,
    "too-large": _too_large,
    "unreadable": _unreadable,
    "crash": _crash,
    "hang": _hang,
    "silent": _silent,
    "garbage": _garbage,
}
