"""What edgetpu_compiler prints and logs, as values.

Accepted: the texts of versions 1.0 to 16.0 on standard output and in the ``.log`` file, for one model, several models,
segments, and repeated attempts (of which the last counts); lines that are not known are kept and counted. There is no
machine-readable output, and the exit code says little: 0 also if nothing was mapped (edgetpu issues 222, 358, 708).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_MAPPED = "Mapped to Edge TPU"
_VERSION = re.compile(r"Edge TPU Compiler version (\S+)")
_COMPILED = re.compile(r"Models? compiled successfully in (\d+) ms")
_INPUT = re.compile(r"Input(?: model)?: (.+)")
_HEADER = re.compile(r"Operator\s+Count\s+Status")
_ROW = re.compile(r"(\S+)\s+(\d+)\s+(\S.*)")
_ATTEMPT = re.compile(r"Searching for valid delegate|Try to compile segment")
_TEXTS = {"output": re.compile(r"Output(?: model)?: (.+)"), "log_name": re.compile(r"Operation log: (.+)")}
_SIZE = r": ([\d.]+)(B|KiB|MiB|GiB)"
_SIZES = {
    "input_bytes": re.compile(f"Input size{_SIZE}"),
    "output_bytes": re.compile(f"Output size{_SIZE}"),
    "cached_bytes": re.compile(f"On-chip memory used for caching model parameters{_SIZE}"),
    "remaining_bytes": re.compile(f"On-chip memory (?:remaining|available) for caching model parameters{_SIZE}"),
    "streamed_bytes": re.compile(f"Off-chip memory used for streaming uncached model parameters{_SIZE}"),
}
_NUMBERS = {
    "subgraphs": re.compile(r"Number of Edge TPU subgraphs: (\d+)"),
    "operations": re.compile(r"Total number of operations: (\d+)"),
    "on_tpu": re.compile(r"Number of operations that will run on Edge TPU: (\d+)"),
    "on_cpu": re.compile(r"Number of operations that will run on CPU: (\d+)"),
}
_IGNORED = re.compile(
    r"Started a compilation timeout timer|Compilation child process completed|Compilation succeeded!|"
    r"Model successfully compiled but not all operations|See the operation log file|Intermediate tensors:|"
    r"ERROR: Restored original execution plan|ERROR: Registration failed|failed to prepare"
)
SEARCH = "Set compile.search_delegate: true, which leaves the last operators to the CPU"
# What the compiler says, what it usually means, and what helps (issues of google-coral/edgetpu).
_FAILURES = (
    (
        r"Model not quantized",
        "no tensor is quantized, or the batch is not fixed (issues 168, 313)",
        "Convert to full int8 with a batch of 1",
    ),
    (
        r"Didn't find op for builtin opcode '(?P<operator>\w+)' version '(?P<version>\d+)'",
        "the operator {operator} is of version {version}, which the compiler does not know",
        'Run "ci/inv adapt": it lowers the version where nothing newer is used, and names what is',
    ),
    (
        r"Op builtin_code out of range: \d+",
        "an operator came after the compiler (issue 818)",
        "Replace that operator, such as GELU",
    ),
    (
        r"only supports static-sized tensors with a graph that has dynamic-sized tensors",
        "a size is only known at run time",
        'Run "ci/inv adapt" for a batch of unknown size; export without other dynamic sizes',
    ),
    (
        r"Encountered unresolved custom op: (?P<operator>[^\s.]+)",
        "the compiler does not know the operator {operator}",
        "Export with the project's own exporter",
    ),
    (
        r"no_integer_overflow_from_quantization was not true",
        "a scale is degenerate: dead channels or bad calibration pictures (issues 350, 453)",
        "Calibrate with more and typical pictures",
    ),
    (
        r"input->dims->data\[3\] != filter->dims->data\[3\]",
        "a grouped convolution",
        'Run "ci/inv adapt", which makes depthwise or plain convolutions of it',
    ),
    (
        r"NumOutputs\(node\) != 4",
        "outputs of the post-processing were taken off (issue 135)",
        "Export the model again",
    ),
    (
        r"large activation tensors",
        "intermediate results do not fit on the chip (issue 512)",
        f"{SEARCH}, or lower network.image_size",
    ),
    (
        r"Compilation timeout|did not complete within timeout",
        "compiling took longer than compile.timeout_seconds, usually for large intermediate results (issue 686)",
        "Raise compile.timeout_seconds, or lower network.image_size",
    ),
    (
        r"std::out_of_range",
        "the graph or its metadata are malformed, or some operator's sizes are more than it can (issue 728)",
        f"{SEARCH}; if that does not help, export and quantize the model again",
    ),
    (
        r"Internal compiler error",
        "a fault of the compiler, sometimes by chance (issue 211)",
        "Try again; use version 16.0",
    ),
    (r"Invalid model:|Model could not be parsed", "the compiler cannot read the model", 'See "ci/inv preflight"'),
    (r"Compilation failed: (?P<operator>.+)", "{operator}", "See the compiler's log"),
    (r"Compilation failed!", "the compiler gives no reason", SEARCH),
)


@dataclass(frozen=True)
class OperatorRow:
    """Some operators of one kind and what became of them; a custom operator is called ``CUSTOM``."""

    name: str
    count: int
    status: str

    @property
    def is_mapped(self) -> bool:
        """Whether they run on the Edge TPU."""
        return self.status == _MAPPED


@dataclass(frozen=True)
class CompiledModel:
    """What the compiler says of one model; ``None`` where it says nothing. Sizes are bytes, as it rounds them."""

    input: str
    output: str = ""
    log_name: str = ""
    milliseconds: int | None = None
    input_bytes: int | None = None
    output_bytes: int | None = None
    cached_bytes: int | None = None
    remaining_bytes: int | None = None
    streamed_bytes: int | None = None
    subgraphs: int | None = None
    operations: int | None = None
    on_tpu: int | None = None
    on_cpu: int | None = None
    rows: tuple[OperatorRow, ...] = ()


@dataclass(frozen=True)
class Failure:
    """Why the compiler gave up: its own line, what that usually means, and what helps."""

    text: str
    meaning: str
    remedy: str


@dataclass(frozen=True)
class CompilerReport:
    """Everything that one call of the compiler said."""

    version: str
    models: tuple[CompiledModel, ...]
    failure: Failure | None
    attempts: int
    unknown_lines: tuple[str, ...]


def parse_compiler_output(text: str) -> CompilerReport:
    """Return what the compiler said on its outputs, or in its ``.log``."""
    return _Reader().read(text.replace("\r\n", "\n").split("\n"))


def parse_operator_rows(text: str) -> tuple[OperatorRow, ...]:
    """Return the table of operators in a ``.log``, or in the output with ``--show_operations``; empty without one."""
    models = parse_compiler_output(text).models
    return models[-1].rows if models else ()


@dataclass
class _Reader:
    """Goes through the lines and keeps what it has seen."""

    version: str = ""
    models: dict[str, CompiledModel] = field(default_factory=dict)
    failure: Failure | None = None
    attempts: int = 0
    unknown: list[str] = field(default_factory=list)
    milliseconds: int | None = None
    current: str = ""
    rows: list[OperatorRow] | None = None

    def read(self, lines: Sequence[str]) -> CompilerReport:
        for line in map(str.strip, lines):
            if line and not self._row(line):
                self._line(line)
        self._end_table()
        models = () if self.failure else tuple(self._counted(model) for model in self.models.values())
        return CompilerReport(self.version, models, self.failure, max(1, self.attempts), tuple(self.unknown))

    def _row(self, line: str) -> bool:
        """Take in a line of a table; return whether it was one."""
        if _HEADER.fullmatch(line):
            self._end_table()
            self.rows = []
            return True
        found = _ROW.fullmatch(line)
        if self.rows is None or (not found and (not self.rows or any(self._known(line)))):
            self._end_table()
            return False
        if found:
            self.rows.append(OperatorRow(found.group(1), int(found.group(2)), found.group(3)))
        else:  # the end of a long status stands on a line of its own
            last = self.rows.pop()
            self.rows.append(replace(last, status=f"{last.status} {line}"))
        return True

    def _end_table(self) -> None:
        if self.rows is not None:
            self._put(rows=tuple(self.rows))
        self.rows = None

    def _known(self, line: str) -> Iterator[bool]:
        patterns = [_VERSION, _COMPILED, _INPUT, _ATTEMPT, _IGNORED, *_TEXTS.values(), *_SIZES.values()]
        yield from (pattern.match(line) is not None for pattern in (*patterns, *_NUMBERS.values()))
        yield from (re.search(pattern, line) is not None for pattern, _, _ in _FAILURES)

    def _line(self, line: str) -> None:
        if found := _VERSION.fullmatch(line):
            self.version = found.group(1)
        elif _ATTEMPT.match(line):
            self.attempts += line.startswith("Try to")
            self.failure = None
        elif found := _COMPILED.match(line):
            self.milliseconds, self.failure = int(found.group(1)), None
        elif found := _INPUT.fullmatch(line):
            self.current = found.group(1)
            self.models[self.current] = CompiledModel(self.current, milliseconds=self.milliseconds)
        elif not self._value(line) and not _IGNORED.search(line) and not self._fails(line):
            self.unknown.append(line)

    def _value(self, line: str) -> bool:
        for key, pattern in _TEXTS.items():
            if found := pattern.fullmatch(line):
                self._put(**{key: found.group(1)})
                return True
        for key, pattern in _SIZES.items():
            if found := pattern.fullmatch(line):
                self._put(**{key: round(float(found.group(1)) * _UNITS[found.group(2)])})
                return True
        for key, pattern in _NUMBERS.items():
            if found := pattern.fullmatch(line):
                self._put(**{key: int(found.group(1))})
                return True
        return False

    def _put(self, **values: object) -> None:
        known = self.models.get(self.current, CompiledModel(self.current))
        self.models[self.current] = replace(known, **values)  # type: ignore[arg-type]

    def _fails(self, line: str) -> bool:
        for rank, (pattern, meaning, remedy) in enumerate(_FAILURES):
            found = re.search(pattern, line)
            if not found:
                continue
            # The line that says most comes first; those after it only repeat that there was a failure.
            if self.failure is None or rank < self._rank(self.failure):
                self.failure = Failure(line, meaning.format(**found.groupdict()), remedy)
            return True
        return False

    @staticmethod
    def _rank(failure: Failure) -> int:
        return next(rank for rank, (pattern, _, _) in enumerate(_FAILURES) if re.search(pattern, failure.text))

    @staticmethod
    def _counted(model: CompiledModel) -> CompiledModel:
        """Fill in what the compiler leaves out: a model that maps wholly has no line for either count."""
        if model.operations is None or model.on_cpu is not None:
            return model
        return replace(model, on_tpu=model.operations, on_cpu=0)
