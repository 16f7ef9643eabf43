"""Compile the int8 model for the Edge TPU: Google's edgetpu_compiler behind one door.

Whether it worked is judged by the file that it leaves and by its log, never by its exit code: it calls a model
"compiled successfully" of which nothing runs on the Edge TPU.
"""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edgetrain.core.errors import EdgetrainError, ModelError, ToolError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.settings.sections import CompileSettings
from edgetrain.core.system.files import file_digest, replacing_file, write_text
from edgetrain.core.system.processes import Ended, run_program
from edgetrain.core.workspace import Workspace
from edgetrain.edgetpu.compiler.log import SEARCH, CompiledModel, parse_compiler_output, parse_operator_rows
from edgetrain.edgetpu.compiler.package import EDGETPU_OPERATOR, EdgeTpuPackage, is_compiled, packages_of
from edgetrain.edgetpu.compiler.prediction import ALL, Prediction, only_ends_on_cpu, predict
from edgetrain.edgetpu.compiler.provenance import STAND_IN, is_stand_in
from edgetrain.edgetpu.compiler.rules import PLAIN_SSD_ON_CPU, POST_PROCESSES
from edgetrain.edgetpu.compiler.set_up import INSTALL_COMPILER
from edgetrain.tflite.file import TfliteModel, read_tflite

_NEWEST = "16.0.384591198"
_GRACE_SECONDS = 60
_VERSION_SECONDS = 30
_LAST_LINES = 8


@dataclass(frozen=True)
class _Version:
    """What the compiler says it is."""

    number: str
    is_stand_in: bool


@dataclass(frozen=True)
class _Compiled:
    """What a call of the compiler left: its file as read, the programs in it, and what it said."""

    model: TfliteModel
    packages: list[EdgeTpuPackage]
    said: CompiledModel
    version: _Version
    unknown_lines: tuple[str, ...]

    @property
    def is_stand_in(self) -> bool:
        """Whether program or file say that this is no work of Google's compiler."""
        return self.version.is_stand_in or is_stand_in(self.model)

    def on_cpu(self) -> dict[str, int]:
        """Return the operators that are left beside the compiled ones, by the file."""
        return dict(sorted(Counter(o.name for o in self.model.operators if o.name != EDGETPU_OPERATOR).items()))


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Write the compiled model and the compiler's log; with ``model.file`` of that model.

    Not good if more than SSD post-processing would run on the CPU, or if the compiler is not there, is not 16.0,
    failed, hung, or left nothing: what an earlier run left is gone then, so its report must go, too.
    """
    try:
        return _compiled(settings, workspace)
    except EdgetrainError as error:
        return Outcome.of_error(error, {"provenance": ""})


def _compiled(settings: Settings, workspace: Workspace) -> Outcome:
    is_own = settings.model.file is not None
    workspace = workspace.with_model(settings.model.file)
    program = _found_program(settings.compile)
    version = _version(program)
    source = read_tflite(workspace.model_path)
    if is_compiled(source):
        raise ModelError(f"{workspace.model_path}: the model is compiled already. Name the file that was compiled.")
    prediction = predict(source, workspace.model_path, runtime=settings.compile.min_runtime_version)
    workspace.model_dir.mkdir(parents=True, exist_ok=True)
    for stale in (workspace.compiled_model_path, workspace.stand_in_model_path, workspace.compiler_log_path):
        stale.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.model_dir, prefix=".compile.") as folder:
        ended = _call(program, settings.compile, workspace.model_path, Path(folder))
        stem = workspace.model_path.name.removesuffix(".tflite")
        log_path, output_path = (Path(folder, f"{stem}_edgetpu.{suffix}") for suffix in ("log", "tflite"))
        log = log_path.read_text(encoding="utf-8", errors="replace") if log_path.is_file() else ""
        write_text(workspace.compiler_log_path, f"{ended.output.rstrip()}\n\n{log}")
        compiled = _checked(ended, log, output_path, workspace, version, settings.compile)
        outcome = _report(compiled, prediction, settings.compile, source_sha256=file_digest(workspace.model_path))
        faults = _faults(compiled, source, settings.preflight.min_level if is_own else None)
        if faults:
            remedy = 'See what "ci/inv preflight" says of the model.'
            return replace(outcome, failure="\n".join([f"compile: {outcome.summary}.", *faults, remedy]))
        made = workspace.stand_in_model_path if compiled.is_stand_in else workspace.compiled_model_path
        with replacing_file(made) as temporary:
            shutil.copyfile(output_path, temporary)
    return outcome


def _found_program(chosen: CompileSettings) -> str:
    program = shutil.which(chosen.program)
    if program:
        return program
    machine = platform.machine()
    where = "" if machine in ("x86_64", "AMD64") else f" This machine is {machine}, for which Google made no compiler."
    raise ToolError(f"compile.program {chosen.program}: there is no such program.{where} {INSTALL_COMPILER}")


def _version(program: str) -> _Version:
    ended = run_program([program, "--version"], timeout_seconds=_VERSION_SECONDS)
    version = parse_compiler_output(ended.output).version
    if not version:
        raise ToolError(
            f"{program} --version says {_last_lines(ended.output)!r}: this is no edgetpu_compiler. {INSTALL_COMPILER}"
        )
    if version.split(".")[0] != _NEWEST.split(".", maxsplit=1)[0]:
        raise ToolError(f"{program} is version {version}; the gates are those of {_NEWEST}. {INSTALL_COMPILER}")
    return _Version(version, STAND_IN in ended.output)


def _call(program: str, chosen: CompileSettings, model_path: Path, output_dir: Path) -> Ended:
    command = [
        program,
        f"--out_dir={output_dir}",
        "--show_operations",
        f"--min_runtime_version={chosen.min_runtime_version}",
        f"--timeout_sec={chosen.timeout_seconds}",
    ]
    if chosen.search_delegate:
        command += ["--search_delegate", f"--delegate_search_step={chosen.delegate_search_step}"]
    return run_program([*command, str(model_path)], timeout_seconds=chosen.timeout_seconds + _GRACE_SECONDS)


def _checked(  # noqa: PLR0913, PLR0917 - everything that a call left
    ended: Ended, log: str, output_path: Path, workspace: Workspace, version: _Version, chosen: CompileSettings
) -> _Compiled:
    """Return what the compiler left, or say why that is no compiled model."""
    said = parse_compiler_output(ended.output)
    where = f"(its words are in {workspace.relative(workspace.compiler_log_path)})"
    if ended.is_timed_out:
        raise ToolError(
            f"edgetpu_compiler did not end after {chosen.timeout_seconds + _GRACE_SECONDS} s and was stopped {where}. "
            "Raise compile.timeout_seconds, or lower network.image_size."
        )
    if said.failure:
        failure = said.failure
        raise ToolError(
            f'edgetpu_compiler: "{failure.text}": {failure.meaning} {where}. {_remedy(failure.remedy, chosen)}.'
        )
    if not output_path.is_file():
        code = f"signal {-ended.code}" if ended.code < 0 else f"code {ended.code}"
        last = _last_lines(ended.output) or "nothing"
        raise ToolError(f"edgetpu_compiler ended with {code}, but left no model {where}. Its last words: {last}")
    try:
        model = read_tflite(output_path)
        packages = packages_of(model, output_path)
    except ModelError as error:
        raise ToolError(f"edgetpu_compiler ended with code {ended.code}, but left no sound model {where}.") from error
    rows = parse_operator_rows(log) or (said.models[-1].rows if said.models else ())
    model_said = said.models[-1] if said.models else CompiledModel(workspace.model_path.name)
    return _Compiled(model, packages, replace(model_said, rows=rows), version, said.unknown_lines)


def _remedy(remedy: str, chosen: CompileSettings) -> str:
    """Return a remedy; who searches already is not told to."""
    if not chosen.search_delegate:
        return remedy
    on = f"compile.search_delegate is on already: raise compile.delegate_search_step ({chosen.delegate_search_step})"
    return remedy.replace(SEARCH, on)


def _faults(compiled: _Compiled, source: TfliteModel, min_level: str | None) -> list[str]:
    """Return why file or log say that more is on the CPU than post-processing, or that it is another model.

    A model of the user's own may leave anything on the CPU (``min_level``: unless ``all`` is demanded).
    """
    faults = []
    if not compiled.packages:
        faults.append("nothing runs on the Edge TPU, although the compiler calls it a success")
    elif len(compiled.packages) > 1:
        faults.append(f"there are {len(compiled.packages)} parts on the Edge TPU, not 1")
    is_plain = min_level is None
    if min_level == ALL and not only_ends_on_cpu(compiled.model.subgraphs[0]):
        faults.append(f"on the CPU are {_names(compiled.on_cpu())}, but preflight.min_level is all")
    if is_plain and compiled.packages and compiled.on_cpu() != PLAIN_SSD_ON_CPU:
        faults.append(f"on the CPU are {_names(compiled.on_cpu())}, not only {_names(PLAIN_SSD_ON_CPU)}")
    counted = compiled.said.on_cpu
    if is_plain and compiled.packages and counted not in (None, sum(PLAIN_SSD_ON_CPU.values())):
        faults.append(f"its log counts {counted} operators on the CPU")
    before, after = _input_shapes(source), _input_shapes(compiled.model)
    if before != after:
        faults.append(f"its input is {after}, not {before}: it was made of another model")
    return [f"{fault}." for fault in faults]


def _input_shapes(model: TfliteModel) -> str:
    graph = model.subgraphs[0]
    return ", ".join("x".join(map(str, graph.tensors[place].shape)) for place in graph.inputs)


def _report(compiled: _Compiled, prediction: Prediction, chosen: CompileSettings, *, source_sha256: str) -> Outcome:
    said = _without_folders(compiled.said)
    provenance = STAND_IN if compiled.is_stand_in else f"edgetpu_compiler {compiled.version.number}"
    runtime = max((package.min_runtime_version for package in compiled.packages), default=None)
    differences = _differences(prediction, said)
    counts = f"{said.on_tpu} operators on the Edge TPU, {said.on_cpu} on the CPU"
    needs = f", runtime {runtime} and later" if runtime else ""
    summary = f"{counts}{needs}, by {provenance}"
    return Outcome(
        f"NOT COMPILED BY GOOGLE'S COMPILER ({provenance}): {summary}" if provenance == STAND_IN else summary,
        {
            "provenance": provenance,
            "source_sha256": source_sha256,
            "compiler_version": compiled.version.number,
            "min_runtime_version": runtime,
            "asked_runtime_version": chosen.min_runtime_version,
            "on_cpu": compiled.on_cpu(),
            "packages": [asdict(package) for package in compiled.packages],
            "log": asdict(said),
            "unknown_lines": list(compiled.unknown_lines),
            "differs_from_preflight": differences,
        },
        tuple(f"differs from preflight: {text}" for text in differences),
    )


def _without_folders(said: CompiledModel) -> CompiledModel:
    """Return what the compiler said with the names of files only: folders are this machine's own matter."""
    return replace(said, input=Path(said.input).name, output=Path(said.output).name, log_name=Path(said.log_name).name)


def _differences(prediction: Prediction, said: CompiledModel) -> list[str]:
    """Return where the compiler's table is not what preflight predicted: then the checker's rules need correction."""
    if not said.rows:
        return []
    compiler: Counter[str] = Counter()
    for row in said.rows:
        compiler[row.name] += 0 if row.is_mapped else row.count
    predicted: Counter[str] = Counter()
    for name, count in prediction.on_cpu.items():
        predicted["CUSTOM" if name in POST_PROCESSES else name] += count
    names = sorted(name for name in {*compiler, *predicted} if compiler[name] != predicted[name])
    return [f"{name}: {predicted[name]} on the CPU predicted, {compiler[name]} by the compiler" for name in names]


def _names(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing"


def _last_lines(text: str) -> str:
    return " / ".join([line.strip() for line in text.splitlines() if line.strip()][-_LAST_LINES:])
