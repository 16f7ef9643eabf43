"""What edgetpu_compiler 16.0 will say of a TFLite file, told from the file alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrain.edgetpu.compiler.package import EDGETPU_OPERATOR, EdgeTpuPackage, packages_of
from edgetrain.edgetpu.compiler.rules import (
    MAPPED,
    NEWEST_RUNTIME,
    SECOND_SUBGRAPH,
    Reason,
    is_known,
    limitation,
    refusal,
    unproven_version,
)
from edgetrain.tflite.file import Operator, Subgraph, Tensor, TfliteModel

MAPS, ON_CPU, REFUSED = "maps", "cpu", "refused"
# Used and remaining memory add up to 7.0 to 7.9 MiB in public logs: the rest holds instructions and activations.
SURE_CACHE_BYTES, LARGEST_CACHE_BYTES = 7_000_000, 8_300_000
_TYPE_BYTES = {"FLOAT64": 8, "INT64": 8, "FLOAT32": 4, "INT32": 4, "UINT32": 4, "FLOAT16": 2, "INT16": 2}
_VERSION_KEY = "min_runtime_version"
_NEWEST_TENSORFLOW = (2, 5)


@dataclass(frozen=True)
class OperatorVerdict:
    """What becomes of one operator: ``outcome`` is ``maps``, ``cpu`` or ``refused``; ``status`` is in its words."""

    name: str
    version: int
    outcome: str
    status: str
    detail: str = ""
    is_unverified: bool = False


@dataclass(frozen=True)
class Prediction:
    """What the compiler will do with a model.

    ``refusals`` are reasons for which it refuses the whole model; ``warnings`` are worth knowing; ``packages`` are
    there if the model is compiled already, and then nothing is predicted. Sizes are bytes: ``parameter_bytes`` of the
    operators that map, ``peak_activation_bytes`` of all tensors that are needed at once.
    """

    operators: tuple[OperatorVerdict, ...]
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]
    parameter_bytes: int
    peak_activation_bytes: int
    packages: tuple[EdgeTpuPackage, ...]

    @property
    def is_compiled(self) -> bool:
        """Whether the model went through the compiler already."""
        return bool(self.packages)

    @property
    def mapped(self) -> int:
        """Number of operators that run on the Edge TPU."""
        return sum(verdict.outcome == MAPS for verdict in self.operators)

    @property
    def on_cpu(self) -> Mapping[str, int]:
        """How many operators of each name stay on the CPU, sorted."""
        return dict(sorted(Counter(v.name for v in self.operators if v.outcome != MAPS).items()))


def predict(model: TfliteModel, path: Path, *, runtime: int = NEWEST_RUNTIME) -> Prediction:
    """Return what the compiler will do with a model.

    Args:
        model: what the file says.
        path: the file, for messages.
        runtime: lowest version of the runtime that the compiled model must run on.

    Raises:
        ModelError: a compiled model holds no sound program.
    """
    packages = tuple(packages_of(model, path))
    graph = model.subgraphs[0] if model.subgraphs else Subgraph((), (), (), ())
    if packages:
        outcomes = [(o, MAPS if o.name == EDGETPU_OPERATOR else ON_CPU) for o in graph.operators]
        verdicts = tuple(OperatorVerdict(o.name, o.version, outcome, "as compiled") for o, outcome in outcomes)
        return Prediction(verdicts, (), (), 0, _peak_activation_bytes(graph), packages)
    verdicts = tuple(_verdicts(graph, runtime))
    mapped = [o for o, verdict in zip(graph.operators, verdicts) if verdict.outcome == MAPS]
    parameter_bytes = _parameter_bytes(graph, mapped)
    refusals = tuple(_refusals(model, graph, verdicts))
    return Prediction(
        operators=verdicts,
        refusals=refusals,
        warnings=tuple(_warnings(model, graph, parameter_bytes)),
        parameter_bytes=parameter_bytes,
        peak_activation_bytes=_peak_activation_bytes(graph),
        packages=(),
    )


def _verdicts(graph: Subgraph, runtime: int) -> Iterator[OperatorVerdict]:
    """Yield a verdict for each operator.

    There is one part on the Edge TPU: what needs a result of the CPU stays on the CPU, but for a picture of floats,
    which the CPU may quantize first.
    """
    from_cpu: set[int] = set()
    for operator in graph.operators:
        why_refused = refusal(operator, graph.tensors)
        reason = limitation(operator, graph, runtime)
        if reason is None and from_cpu & set(operator.inputs):
            reason = Reason(SECOND_SUBGRAPH)
        is_entry = operator.name == "QUANTIZE" and set(operator.inputs) <= set(graph.inputs)
        if why_refused or (reason and not is_entry):
            from_cpu |= set(operator.outputs)
        if why_refused:
            yield OperatorVerdict(operator.name, operator.version, REFUSED, why_refused)
        elif reason:
            yield OperatorVerdict(
                operator.name, operator.version, ON_CPU, reason.status, reason.detail, reason.is_unverified
            )
        else:
            yield OperatorVerdict(operator.name, operator.version, MAPS, MAPPED)


def _refusals(model: TfliteModel, graph: Subgraph, verdicts: Sequence[OperatorVerdict]) -> Iterator[str]:
    if len(model.subgraphs) != 1:
        yield f"the model has {len(model.subgraphs)} subgraphs, not 1"
    if not graph.operators:
        yield "the model has no operator"
    dynamic = [tensor.name for tensor in graph.tensors if tensor.is_dynamic]
    if dynamic:
        yield (
            "Attempting to use a delegate that only supports static-sized tensors with a graph that has dynamic-sized "
            f"tensors: {_some(dynamic)}. Export with a batch of 1"
        )
    inputs = [graph.tensors[place] for place in graph.inputs]
    if inputs and not any(_is_quantized(tensor) for operator in graph.operators for tensor in _fed(graph, operator)):
        types = ", ".join(sorted({tensor.type for tensor in inputs}))
        yield f"Model not quantized: no operator works on 8-bit numbers (input {types}). Convert it to full int8"
    elif graph.operators and not any(verdict.outcome == MAPS for verdict in verdicts):
        yield "no operator would run on the Edge TPU (the compiler calls that a success)"
    yield from dict.fromkeys(v.status for v in verdicts if v.outcome == REFUSED)


def _fed(graph: Subgraph, operator: Operator) -> list[Tensor]:
    """Return the tensors that an operator is given and that are no constants."""
    tensors = [graph.tensors[place] for place in operator.inputs if place >= 0]
    return [tensor for tensor in tensors if not tensor.is_constant]


def _is_quantized(tensor: Tensor) -> bool:
    return tensor.type in ("INT8", "UINT8", "INT16")


def _warnings(model: TfliteModel, graph: Subgraph, parameter_bytes: int) -> Iterator[str]:
    unproven = sorted({f"{o.name} v{o.version}" for o in graph.operators if unproven_version(o)})
    if unproven:
        yield f"{_some(unproven)} came with TensorFlow 2.6: whether the compiler reads it is unproven"
    unknown = sorted({f"{o.name} v{o.version}" for o in graph.operators if o.version > 1 and not is_known(o)})
    if unknown:
        yield f"which version of {_some(unknown)} the compiler reads is not known"
    text = model.metadata.get(_VERSION_KEY, b"").rstrip(b"\0").decode(errors="replace")
    parts = [int(part) for part in text.split(".")[:2] if part.isdecimal()]
    if tuple(parts) > _NEWEST_TENSORFLOW:
        yield f"the file says that it needs TensorFlow {text}; the compiler is older (2.5)"
    if parameter_bytes > LARGEST_CACHE_BYTES:
        yield "the parameters do not fit on the chip: some are sent again for every picture, which is slow"
    elif parameter_bytes > SURE_CACHE_BYTES:
        yield "the parameters may not fit on the chip; then some are sent again for every picture, which is slow"


def _parameter_bytes(graph: Subgraph, operators: Sequence[Operator]) -> int:
    """Return the size of the operators' constants, each time that one is used.

    So it is for predictors that the levels of a pyramid share: Google's compiled SSD MobileNet v1 FPN 640 has 37.7 MB
    (coral.ai/models/object-detection), which its constants reach only so.
    """
    places = [place for operator in operators for place in operator.inputs if place >= 0]
    return sum(graph.tensors[place].constant_bytes for place in places)


def _peak_activation_bytes(graph: Subgraph) -> int:
    """Return the size of the computed tensors that are needed at once, at the worst moment."""
    last = dict.fromkeys(graph.outputs, len(graph.operators))
    for moment, operator in enumerate(graph.operators):
        for place in operator.inputs:
            last[place] = max(moment, last.get(place, 0))
    held = {place: _size_bytes(graph.tensors[place]) for place in graph.inputs}
    peak = sum(held.values())
    for moment, operator in enumerate(graph.operators):
        held |= {place: _size_bytes(graph.tensors[place]) for place in operator.outputs}
        peak = max(peak, sum(held.values()))
        held = {place: size for place, size in held.items() if last.get(place, 0) > moment}
    return peak


def _size_bytes(tensor: Tensor) -> int:
    return math.prod(max(size, 1) for size in tensor.shape) * _TYPE_BYTES.get(tensor.type, 1)


def _some(names: Sequence[str], shown: int = 3) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
