"""Decide whether this model becomes the champion: the one in use, whose record and files stand on a branch in git.

A challenger needs a hardware pass, and must not be worse than the champion on its own test pictures nor on those of the
champion. All rules are judged, and every one is told; nothing is promoted unless all are kept.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edgetrain.core.champion import Champion
from edgetrain.core.errors import GateError, MissingInputError, ModelError
from edgetrain.core.files import file_digest
from edgetrain.core.findings import counted, printable
from edgetrain.core.reports import Report
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split
from edgetrain.core.workspace import Workspace
from edgetrain.devices.cpu_judgement import detect_all
from edgetrain.formats.champion_branch import ChampionBranch, HeldChampion, run_git
from edgetrain.formats.detection_example import DetectionExample, read_examples
from edgetrain.formats.detection_metrics import judge
from edgetrain.formats.hardware_pass import hardware_state, is_proven
from edgetrain.formats.pbtxt import read_label_map
from edgetrain.formats.promotion_rules import (
    Comparison,
    Ruling,
    broken,
    latency_ruling,
    own_rulings,
    rulings_against,
)
from edgetrain.formats.provenance import require_compiled_model
from edgetrain.formats.stage_reports import Records, as_object, as_text, read_records_of, value_of

_MARKS = {True: "kept  ", False: "BROKEN", None: "open  "}
_INT8, _COMPILED, _LABELS = "model.tflite", "model_edgetpu.tflite", "labels.txt"


class NotPromotedError(GateError):
    """The challenger did not become the champion; carries the report that says why."""


@dataclass(frozen=True)
class _Challenger:
    """The workspace's model: ``pictures`` are examples by the digest of their encoded bytes, of each split."""

    workspace: Workspace
    records: Records
    classes: tuple[str, ...]
    pictures: Mapping[Split, Mapping[str, DetectionExample]] = field(repr=False)

    @property
    def p90_ms(self) -> float | None:
        value = as_object(value_of(self.records, "hardware", "latency")).get("p90_ms")
        return float(value) if isinstance(value, (int, float)) else None

    @property
    def results(self) -> dict[str, object]:
        return as_object(value_of(self.records, "evaluate", "results"))


def run(settings: Settings, workspace: Workspace) -> Report:
    """Promote the model, or with ``promote.rollback`` the champion before the present one.

    Raises:
        NotPromotedError: a rule is broken; all of them are told.
        GateError: there is no champion to go back to.
        MissingInputError: the model was not judged, or there are no records.
        SettingsError: the branch's name is wrong, or there is no git repository.
        ToolError: git fails, or somebody else moved the branch meanwhile.
    """
    chosen = settings.promote
    branch = ChampionBranch(chosen.repository or settings.dataset.root, chosen.champion, chosen.remote)
    if chosen.rollback:
        held, commit = branch.roll_back()
        text = f"rolled back to the model of dataset {held.champion.revision[:12]}, {held.commit[:12]}"
        return Report(text, {"decision": "rolled back", "champion": commit, "rulings": []})
    challenger = _challenger(workspace)
    champion = branch.champion()
    files = _files(workspace)
    if champion and champion.champion.files.get(_INT8) == hashlib.sha256(files[_INT8]).hexdigest():
        text = f"this model is the champion already, {champion.commit[:12]}"
        return Report(text, {"decision": "is the champion", "champion": champion.commit, "rulings": []})
    rulings = list(_rulings(settings, challenger, champion, branch))
    faults = [ruling for ruling in rulings if ruling.is_kept is False]
    results = {"rulings": [asdict(ruling) for ruling in rulings], "before": champion.commit if champion else None}
    if faults:
        text = f"not promoted: {counted(len(faults), 'rule')} broken, {faults[0].rule}: {faults[0].text}"
        report = Report(text, {**results, "decision": "not promoted", "champion": results["before"]})
        lines = [f"{_MARKS[ruling.is_kept]} {ruling.rule}: {ruling.text}" for ruling in rulings]
        head = f"promote: not promoted, {counted(len(faults), 'rule')} broken."
        raise NotPromotedError("\n".join([head, *map(printable, lines)]), report)
    commit = branch.add(_record(settings, challenger, files), files)
    against = f"better than {champion.commit[:12]}" if champion else "the first champion"
    notes = tuple(f"{_MARKS[ruling.is_kept]} {ruling.rule}: {printable(ruling.text)}" for ruling in rulings)
    text = f"promoted: {against}; {chosen.champion} is {commit[:12]}"
    return Report(text, {**results, "decision": "promoted", "champion": commit}, notes)


def _challenger(workspace: Workspace) -> _Challenger:
    pictures = {}
    for split in Split:
        shards = workspace.shard_paths(split)
        pictures[split] = {hashlib.sha256(one.image_bytes).hexdigest(): one for one in read_examples(shards)}
    if not pictures[Split.TEST]:
        raise MissingInputError(f'{workspace.shard_pattern(Split.TEST)}: no test picture. Run "ci/inv records" first.')
    if not workspace.model_path.is_file():
        raise MissingInputError(f'{workspace.model_path}: does not exist. Run "ci/inv quantize" first.')
    records = read_records_of(workspace)
    inputs = records["evaluate"].inputs if "evaluate" in records else {}
    if inputs.get(workspace.relative(workspace.model_path)) != file_digest(workspace.model_path):
        raise MissingInputError('promote: this very model was not judged yet. Run "ci/inv evaluate" first.')
    return _Challenger(workspace, records, read_label_map(workspace.label_map_path).names, pictures)


def _files(workspace: Workspace) -> dict[str, bytes]:
    """Return what the branch holds of a model beside its record."""
    paths = {_INT8: workspace.model_path, _COMPILED: workspace.compiled_model_path, _LABELS: workspace.labels_path}
    return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}


def _rulings(
    settings: Settings, challenger: _Challenger, held: HeldChampion | None, branch: ChampionBranch
) -> Iterator[Ruling]:
    yield _hardware_ruling(challenger)
    if value_of(challenger.records, "evaluate", "split") != Split.TEST.value:
        yield broken("evaluation", "the model was not judged on the test pictures: run ci/inv evaluate")
    yield from own_rulings(settings.promote, challenger.results, challenger.p90_ms)
    if held is None:
        return
    refusals = list(_refusals(settings, challenger, held.champion))
    yield from refusals
    if not refusals:
        yield latency_ruling(settings.promote, challenger.p90_ms, held.champion.p90_ms)
        for comparison in _comparisons(challenger, held, branch.file(held.commit, _INT8)):
            yield from rulings_against(settings.promote, comparison)


def _hardware_ruling(challenger: _Challenger) -> Ruling:
    """Return whether a Coral device passed what Google's compiler made of this model."""
    workspace, records = challenger.workspace, challenger.records
    try:
        require_compiled_model(workspace, "a promotion")
    except (MissingInputError, ModelError) as error:
        return broken("hardware", f"no hardware pass: {hardware_state(records, '')}; {error}")
    digest = file_digest(workspace.compiled_model_path)
    compiled_from = records["compile"].inputs if "compile" in records else {}
    if compiled_from.get(workspace.relative(workspace.model_path)) != file_digest(workspace.model_path):
        return broken("hardware", "no hardware pass: the compiled model is not made from this model.tflite")
    if not is_proven(records, digest):
        return broken("hardware", f"no hardware pass: {hardware_state(records, digest)}")
    return Ruling("hardware", is_kept=True, text=records["hardware"].report.summary)


def _refusals(settings: Settings, challenger: _Challenger, champion: Champion) -> Iterator[Ruling]:
    """Yield why the two cannot be compared fairly."""
    if challenger.classes != champion.classes:
        mine, its = set(challenger.classes), set(champion.classes)
        new, gone = ", ".join(sorted(mine - its)) or "none", ", ".join(sorted(its - mine)) or "none"
        order = "" if mine != its else " (the same names in another order)"
        text = f"the label maps differ, so nothing is compared: new classes: {new}; gone: {gone}{order}"
        yield broken("label map", text)
        return
    learnt = [name for key, name in champion.test_pictures.items() if key in challenger.pictures[Split.TRAIN]]
    if learnt:
        names = ", ".join(sorted(learnt)[:3])
        text = f"{counted(len(learnt), 'test picture')} of the champion in the challenger's training: {names}"
        yield broken("leak", f"{text}. Commit the division (splits/) that keeps them apart")
    known = {key for pictures in challenger.pictures.values() for key in pictures}
    missing = [name for key, name in champion.test_pictures.items() if key not in known]
    share = len(missing) / max(1, len(champion.test_pictures))
    if share > settings.promote.max_missing_pictures:
        text = f"{len(missing)} of the champion's {counted(len(champion.test_pictures), 'test picture')} are gone"
        yield broken("missing pictures", f"{text}, allowed: {settings.promote.max_missing_pictures:.0%}")


def _comparisons(challenger: _Challenger, held: HeldChampion, champion_model: bytes) -> Iterator[Comparison]:
    """Yield both models on the challenger's test pictures, then on the champion's, as far as these are still there."""
    there = {**challenger.pictures[Split.VALIDATION], **challenger.pictures[Split.TEST]}
    own = list(challenger.pictures[Split.TEST].values())
    its = [there[key] for key in held.champion.test_pictures if key in there]
    with tempfile.TemporaryDirectory() as folder:
        champion_path = Path(folder, _INT8)
        champion_path.write_bytes(champion_model)
        for name, examples in (("own test pictures", own), ("the champion's test pictures", its)):
            if any(example.boxes for example in examples):
                yield _compared(f"{len(examples)} {name}", challenger, champion_path, examples)


def _compared(
    name: str, challenger: _Challenger, champion_path: Path, examples: Sequence[DetectionExample]
) -> Comparison:
    models = {"challenger": challenger.workspace.model_path, "champion": champion_path}
    metrics = {
        who: judge(examples, detect_all(who, path, examples), challenger.classes) for who, path in models.items()
    }
    boxes = Counter(box.class_name for example in examples for box in example.boxes)
    return Comparison(name, metrics["challenger"], metrics["champion"], boxes)


def _record(settings: Settings, challenger: _Challenger, files: Mapping[str, bytes]) -> Champion:
    root = settings.dataset.root
    revision = run_git(root, "rev-parse", "--verify", "HEAD").stdout.decode().strip()
    changed = run_git(root, "status", "--porcelain", "--", ".")
    network = as_object(value_of(challenger.records, "configure", "network"))
    results = {key: value_of(challenger.records, "evaluate", key) for key in ("split", "images", "boxes")}
    hardware = {key: value_of(challenger.records, "hardware", key) for key in ("device", "runtime")}
    return Champion(
        revision=revision,
        is_clean=changed.returncode == 0 and not changed.stdout,
        network=as_text(network.get("type")) or settings.network.type.value,
        classes=challenger.classes,
        files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        results={**results, **challenger.results},
        hardware={**hardware, "p90_ms": challenger.p90_ms, "summary": challenger.records["hardware"].report.summary},
        test_pictures={key: one.filename for key, one in challenger.pictures[Split.TEST].items()},
    )
