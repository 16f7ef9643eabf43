"""The verdict on a TFLite file before anybody calls the compiler: as JSON values, and as text for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Optional

from edgetrain.core.outcome import Outcome
from edgetrain.core.wording import counted, printable, size_text
from edgetrain.edgetpu.compiler.partition import TO_CPU, Crossing
from edgetrain.edgetpu.compiler.prediction import ALL, LEVELS, MAPS, OperatorVerdict, Prediction, predict
from edgetrain.edgetpu.compiler.provenance import is_stand_in
from edgetrain.edgetpu.compiler.rules import NEWEST_RUNTIME, SECOND_SUBGRAPH
from edgetrain.tflite.file import TfliteModel, read_tflite
from edgetrain.tflite.model_kind import ModelKind, kind_of

ANY_LEVEL = "any"
_SHOWN_CROSSINGS = 8
_PLACES = {MAPS: "Edge TPU", "cpu": "CPU", "refused": "refused"}
_MEBIBYTE = 1 << 20
Row = tuple[str, int, str, str]


@dataclass(frozen=True)
class Judgement:
    """What to expect of a file: ``faults`` are reasons against it, ``summary`` is one line, ``rows`` its operators.

    ``notes`` say what the model is, how much of its work the Edge TPU has, and what goes to the CPU and back.
    """

    summary: str
    faults: tuple[str, ...]
    warnings: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    results: Mapping[str, object]

    @property
    def is_good(self) -> bool:
        """Whether nothing speaks against the file."""
        return not self.faults

    def text(self) -> str:
        """Return the verdict for a person: the operators as a table, then what speaks against the file."""
        table = [("operator", "count", "where", "why"), *self.rows]
        width = max(len(row[0]) for row in table)
        lines = [f"{name:<{width}}  {count:>5}  {place:<8}  {why}" for name, count, place, why in table]
        lines += self.notes
        lines += [f"warning: {text}." for text in self.warnings]
        lines += [f"error: {text}." for text in self.faults]
        return "\n".join([*(line.rstrip() for line in lines), self.summary])


def judge_tflite(
    path: Path,
    *,
    runtime: int = NEWEST_RUNTIME,
    expected_on_cpu: Optional[Mapping[str, int]] = None,
    min_level: str = ANY_LEVEL,
) -> Judgement:
    """Return the verdict on a file.

    Args:
        path: the file.
        runtime: lowest version of the Edge TPU's runtime that the compiled model must run on.
        expected_on_cpu: operators that may stay on the CPU, exactly; ``None``: any.
        min_level: how much must run on the Edge TPU: ``all``, ``mostly``, ``hardly``, or ``any``: whatever compiles.

    Raises:
        ModelError: the file is no TFLite model, or is damaged.
    """
    model = read_tflite(path)
    prediction = predict(model, path, runtime=runtime)
    faults = [*prediction.refusals]
    if is_stand_in(model):
        faults.append("a stand-in of the compiler made this file: no device can run it")
    if expected_on_cpu is not None and not faults and dict(prediction.on_cpu) != dict(expected_on_cpu):
        faults.append(
            f"on the CPU there would be {_names(prediction.on_cpu)}, but in this network only {_names(expected_on_cpu)}"
        )
    if not faults and min_level != ANY_LEVEL and LEVELS.index(prediction.level) > LEVELS.index(min_level):
        faults.append(f"its level is {prediction.level}, but preflight.min_level is {min_level}")
    kind = kind_of(model)
    warnings = (*prediction.warnings, *kind.findings)
    return Judgement(
        summary=_summary(prediction, path.name, is_good=not faults),
        faults=tuple(faults),
        warnings=warnings,
        rows=tuple(_rows(prediction)),
        notes=tuple(_notes(prediction, kind)),
        results=_results(prediction, model, kind)
        | {
            "model": path.name,
            "runtime": runtime,
            "is_good": not faults,
            "is_fit": not faults and prediction.level == ALL,
            "faults": list(faults),
            "warnings": list(warnings),
        },
    )


def _results(prediction: Prediction, model: TfliteModel, kind: ModelKind) -> dict[str, object]:
    """Return as JSON values what is known of a file, without the verdict."""
    return {
        "is_compiled": prediction.is_compiled,
        "is_stand_in": is_stand_in(model),
        "packages": [asdict(package) for package in prediction.packages],
        "operators": len(prediction.operators),
        "mapped": prediction.mapped,
        "on_cpu": dict(prediction.on_cpu),
        "level": prediction.level,
        "multiply_adds": prediction.multiply_adds,
        "mapped_multiply_adds": prediction.mapped_multiply_adds,
        "mapped_share": prediction.share,
        "crossings": [asdict(crossing) for crossing in prediction.crossings],
        "kind": asdict(kind),
        "counts": model.counts(),
        "parameter_bytes": prediction.parameter_bytes,
        "peak_activation_bytes": prediction.peak_activation_bytes,
        "verdicts": [asdict(verdict) for verdict in prediction.operators],
    }


def outcome_of(judgement: Judgement, what: str) -> Outcome:
    """Return the outcome of a verdict, which is not good if something speaks against the file.

    Args:
        judgement: the verdict.
        what: how the check is called.
    """
    lines = "\n".join(f"{fault}." for fault in judgement.faults)
    return Outcome(
        judgement.summary,
        {**judgement.results, "text": judgement.text()},
        judgement.warnings,
        failure=f"{what}: {judgement.summary}.\n{lines}" if lines else "",
    )


def _rows(prediction: Prediction) -> Iterator[Row]:
    """Yield equal operators as one row: those of the Edge TPU first, then by name."""
    equal = Counter(
        (v.outcome != MAPS, f"{v.name} v{v.version}", _PLACES[v.outcome], _why(v)) for v in prediction.operators
    )
    for (_, name, place, why), count in sorted(equal.items()):
        yield (name, count, place, why)


def _why(verdict: OperatorVerdict) -> str:
    if verdict.outcome == MAPS:
        return ""
    text = f"{verdict.status} ({verdict.detail})" if verdict.detail else verdict.status
    return f"{text} [unverified]" if verdict.is_unverified else text


def _summary(prediction: Prediction, name: str, *, is_good: bool) -> str:
    if prediction.is_compiled:
        runtime = max(package.min_runtime_version for package in prediction.packages)
        cached, streamed = (
            sum(getattr(package, key) for package in prediction.packages) / _MEBIBYTE
            for key in ("cached_bytes", "streamed_bytes")
        )
        return (
            f"{name}: compiled for runtime {runtime} and later; {cached:.2f} MiB of parameters are cached on the chip, "
            f"{streamed:.2f} MiB are streamed; {_names(prediction.on_cpu)} on the CPU"
        )
    share = f"{prediction.mapped} of {counted(len(prediction.operators), 'operator')} on the Edge TPU"
    if prediction.share is not None:
        share = f"{share}, {percent_text(prediction.share)} of the multiply-adds"
    sizes = (
        f"{prediction.parameter_bytes / _MEBIBYTE:.1f} MiB of parameters, at most "
        f"{prediction.peak_activation_bytes / _MEBIBYTE:.1f} MiB of activations at once"
    )
    return f"{name}: {_verdict(prediction, is_good=is_good)}: {share}, {sizes}"


def _verdict(prediction: Prediction, *, is_good: bool) -> str:
    """Return the verdict in words; ``fit`` is said only of what runs on the Edge TPU whole."""
    if prediction.refusals or (not is_good and prediction.level == ALL):
        return "not fit for the Edge TPU"
    if is_good and prediction.level == ALL:
        return "fit for edgetpu_compiler 16.0 (predicted, not compiled)"
    return f"would compile, and run {prediction.level} on the Edge TPU (predicted, not compiled)"


def percent_text(share: float) -> str:
    """Return a share (0 to 1) as percent; 100 and 0 are said only where it is exact."""
    if 0 < share < 1:
        return f"{min(max(share * 100, 0.1), 99.9):.1f} %"
    return f"{share:.0%}".replace("%", " %")


def _notes(prediction: Prediction, kind: ModelKind) -> Iterator[str]:
    """Yield what the model is, and each way to the CPU and back."""
    yield f"model: {printable(kind.text())}."
    yield f"level: {prediction.level}."
    for crossing in prediction.crossings[:_SHOWN_CROSSINGS]:
        yield _crossing_text(crossing, prediction.operators[crossing.operator])
    left = len(prediction.crossings) - _SHOWN_CROSSINGS
    if left > 0:
        yield f"and {counted(left, 'tensor')} more to the CPU or back."


def _crossing_text(crossing: Crossing, verdict: OperatorVerdict) -> str:
    shape = "x".join(map(str, crossing.shape)) or "one value"
    why = f" ({_why(verdict)})" if crossing.direction == TO_CPU and verdict.status != SECOND_SUBGRAPH else ""
    size = size_text(crossing.size_bytes)
    return (
        f"{crossing.direction}: {printable(crossing.tensor)} {shape} {crossing.type}, {size}, for {verdict.name}{why}."
    )


def _names(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing"
