"""What edgetpu_compiler 16.0 will say of a TFLite file, told from the file alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrain.edgetpu.compiler.package import EDGETPU_OPERATOR, EdgeTpuPackage, packages_of
from edgetrain.edgetpu.compiler.partition import Crossing, crossings, first_part, tensor_bytes
from edgetrain.edgetpu.compiler.rules import (
    MAPPED,
    NEWEST_RUNTIME,
    POST_PROCESSES,
    SECOND_SUBGRAPH,
    Reason,
    doubtful_size,
    limitation,
    refusal,
)
from edgetrain.edgetpu.compiler.versions import is_known, unproven_version
from edgetrain.tflite.arithmetic import multiply_adds
from edgetrain.tflite.file import POST_PROCESS, Operator, Subgraph, Tensor, TfliteModel

MAPS, ON_CPU, REFUSED = "maps", "cpu", "refused"
# Used and remaining memory add up to 7.0 to 7.9 MiB in public logs: the rest holds instructions and activations.
SURE_CACHE_BYTES, LARGEST_CACHE_BYTES = 7_000_000, 8_300_000
# How much of a model runs on the Edge TPU, most first.
ALL, MOSTLY, HARDLY = "all", "mostly", "hardly"
LEVELS = (ALL, MOSTLY, HARDLY)
_MOST = 0.5
_MEBIBYTE = 1 << 20
_DOUBTFUL_ACTIVATION_BYTES = 6 * _MEBIBYTE
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
    operators that map, ``peak_activation_bytes`` of all tensors that are needed at once. ``multiply_adds`` is what one
    run of all operators takes, ``mapped_multiply_adds`` the part of it on the Edge TPU. ``level`` is one of
    :data:`LEVELS`: ``all`` if the CPU has only the conversions at both ends and the post-processing, ``mostly`` if the
    Edge TPU has at least half of the multiply-adds (of the operators, where none multiplies), else ``hardly``.
    """

    operators: tuple[OperatorVerdict, ...]
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]
    parameter_bytes: int
    peak_activation_bytes: int
    packages: tuple[EdgeTpuPackage, ...]
    multiply_adds: int = 0
    mapped_multiply_adds: int = 0
    crossings: tuple[Crossing, ...] = ()
    level: str = HARDLY

    @property
    def share(self) -> float | None:
        """Share of the multiply-adds on the Edge TPU, 0 to 1; ``None`` if it is compiled, or nothing multiplies."""
        return None if self.is_compiled or not self.multiply_adds else self.mapped_multiply_adds / self.multiply_adds

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
        return _as_compiled(graph, packages)
    verdicts = tuple(_verdicts(graph, runtime))
    on_device = frozenset(index for index, verdict in enumerate(verdicts) if verdict.outcome == MAPS)
    mapped = [graph.operators[index] for index in sorted(on_device)]
    parameter_bytes = _parameter_bytes(graph, mapped)
    counts = [multiply_adds(operator, graph) for operator in graph.operators]
    return Prediction(
        operators=verdicts,
        refusals=tuple(_refusals(model, graph, verdicts)),
        warnings=tuple(_warnings(model, graph, verdicts, parameter_bytes)),
        parameter_bytes=parameter_bytes,
        peak_activation_bytes=_peak_activation_bytes(graph),
        packages=(),
        multiply_adds=sum(counts),
        mapped_multiply_adds=sum(counts[index] for index in on_device),
        crossings=crossings(graph, on_device),
        level=_level(graph, on_device, counts),
    )


def only_ends_on_cpu(graph: Subgraph) -> bool:
    """Return whether beside the Edge TPU's operator a compiled graph has only what the CPU must do."""
    return _only_ends_on_cpu(graph, frozenset(i for i, o in enumerate(graph.operators) if o.name == EDGETPU_OPERATOR))


def _as_compiled(graph: Subgraph, packages: tuple[EdgeTpuPackage, ...]) -> Prediction:
    """Return what a compiled file says of itself; how much its packages compute, it does not."""
    on_device = frozenset(index for index, operator in enumerate(graph.operators) if operator.name == EDGETPU_OPERATOR)
    outcomes = [(o, MAPS if index in on_device else ON_CPU) for index, o in enumerate(graph.operators)]
    verdicts = tuple(OperatorVerdict(o.name, o.version, outcome, "as compiled") for o, outcome in outcomes)
    level = ALL if _only_ends_on_cpu(graph, on_device) else MOSTLY
    return Prediction(
        verdicts,
        (),
        (),
        0,
        _peak_activation_bytes(graph),
        packages,
        crossings=crossings(graph, on_device),
        level=level,
    )


def _verdicts(graph: Subgraph, runtime: int) -> Iterator[OperatorVerdict]:
    """Yield a verdict for each operator: one part is on the Edge TPU, and all that is not in it on the CPU."""
    refusals = [refusal(operator, graph.tensors) for operator in graph.operators]
    reasons = [limitation(operator, graph, runtime) for operator in graph.operators]
    part = first_part(graph, [not text and reason is None for text, reason in zip(refusals, reasons)])
    for index, operator in enumerate(graph.operators):
        reason = reasons[index] or (None if index in part else Reason(SECOND_SUBGRAPH))
        if why_refused := refusals[index]:
            yield OperatorVerdict(operator.name, operator.version, REFUSED, why_refused)
        elif reason:
            yield OperatorVerdict(
                operator.name, operator.version, ON_CPU, reason.status, reason.detail, reason.is_unverified
            )
        else:
            yield OperatorVerdict(operator.name, operator.version, MAPS, MAPPED)


def _level(graph: Subgraph, on_device: frozenset[int], counts: Sequence[int]) -> str:
    """Return how much runs on the Edge TPU, one of :data:`LEVELS`."""
    if not on_device:
        return HARDLY
    if _only_ends_on_cpu(graph, on_device):
        return ALL
    total = sum(counts)
    weights = counts if total else [1] * len(graph.operators)
    return MOSTLY if sum(weights[index] for index in on_device) >= _MOST * sum(weights) else HARDLY


def _only_ends_on_cpu(graph: Subgraph, on_device: frozenset[int]) -> bool:
    """Return whether the CPU has only what it must: floats to and from integers at the ends, and post-processing."""
    return bool(on_device) and all(
        index in on_device or operator.name in POST_PROCESSES or _converts_an_end(graph, operator)
        for index, operator in enumerate(graph.operators)
    )


def _converts_an_end(graph: Subgraph, operator: Operator) -> bool:
    """Return whether an operator makes integers of a float input of the model, or floats of integers."""
    if operator.name == "DEQUANTIZE":
        return True
    is_from_float = any(graph.tensors[place].type == "FLOAT32" for place in operator.inputs if place >= 0)
    return operator.name == "QUANTIZE" and is_from_float and set(operator.inputs) <= set(graph.inputs)


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


def _warnings(
    model: TfliteModel, graph: Subgraph, verdicts: Sequence[OperatorVerdict], parameter_bytes: int
) -> Iterator[str]:
    unproven = sorted({f"{o.name} v{o.version}" for o in graph.operators if unproven_version(o)})
    if unproven:
        yield f"{_some(unproven)} came with TensorFlow 2.6: whether the compiler reads it is unproven"
    read = [o for o, verdict in zip(graph.operators, verdicts) if verdict.outcome != REFUSED]
    unknown = sorted({f"{o.name} v{o.version}" for o in read if o.version > 1 and not is_known(o)})
    if unknown:
        yield f"which version of {_some(unknown)} the compiler reads is not known"
    others = sorted({o.name for o in graph.operators if o.name in POST_PROCESSES and o.name != POST_PROCESS})
    if others:
        yield f"{_some(others)} is a custom operator: the compiler knew it, but the interpreter needs a library for it"
    mapped = [o for o, verdict in zip(graph.operators, verdicts) if verdict.outcome == MAPS]
    yield from dict.fromkeys(text for text in (doubtful_size(o, graph) for o in mapped) if text)
    yield from _doubtful_activations(graph)
    text = model.metadata.get(_VERSION_KEY, b"").rstrip(b"\0").decode(errors="replace")
    parts = [int(part) for part in text.split(".")[:2] if part.isdecimal()]
    if tuple(parts) > _NEWEST_TENSORFLOW:
        yield f"the file says that it needs TensorFlow {text}; the compiler is older (2.5)"
    if parameter_bytes > LARGEST_CACHE_BYTES:
        yield "the parameters do not fit on the chip: some are sent again for every picture, which is slow"
    elif parameter_bytes > SURE_CACHE_BYTES:
        yield "the parameters may not fit on the chip; then some are sent again for every picture, which is slow"


def _doubtful_activations(graph: Subgraph) -> Iterator[str]:
    """Yield what public reports say on both sides where the compiler may give up on activations of this size."""
    peak = _peak_activation_bytes(graph)
    if peak >= _DOUBTFUL_ACTIVATION_BYTES:
        yield (
            f"{peak / _MEBIBYTE:.1f} MiB of activations at once are doubtful: the compiler took PoseNet at 1281x721 "
            "(15.9 MiB, google-coral/test_data), and gave up on YOLOv5s at 512x512 (6.0 MiB by its shapes, "
            'google-coral/edgetpu issue 449) with "large activation tensors". If it does, try compile.search_delegate '
            "or a smaller picture"
        )


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
    held = {place: tensor_bytes(graph.tensors[place]) for place in graph.inputs}
    peak = sum(held.values())
    for moment, operator in enumerate(graph.operators):
        held |= {place: tensor_bytes(graph.tensors[place]) for place in operator.outputs if place >= 0}
        peak = max(peak, sum(held.values()))
        held = {place: size for place, size in held.items() if last.get(place, 0) > moment}
    return peak


def _some(names: Sequence[str], shown: int = 3) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
