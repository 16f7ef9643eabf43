"""Let a model take the champion's place if it is good enough, or bring the champion before back.

The champion is a commit on a branch (``promote.champion``) of the dataset's repository, or of its remote. A challenger
needs a hardware pass; both int8 models are run on the CPU over the challenger's test pictures and over the champion's.
Every rule leaves a reason with its figures (``docs/promotion.md``). Not good enough is exit code 1 with all reasons;
the model that is the champion already is none.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import edgetrain
from edgetrain.core.detections import DetectedObject
from edgetrain.core.errors import ChampionError, EdgetrainError, SettingsError
from edgetrain.core.git.repository import GitRepository, work_tree_state
from edgetrain.core.json_text import json_text
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split
from edgetrain.core.system.folders import tree_digest
from edgetrain.core.wording import counted, printable, suggestion
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.core.workspace.stage_reports import Records, as_object, as_text, read_records_of, value_of
from edgetrain.edgetpu.hardware_pass import HardwareResult, hardware_result
from edgetrain.evaluation.cpu import found_by
from edgetrain.release.champion.branch import (
    CHAMPION,
    ChampionPlace,
    find_champion,
    read_champion,
    roll_back,
    write_champion,
)
from edgetrain.release.champion.decision import Duel, Reason, class_floors, comparable, duel_reasons, latency_reasons
from edgetrain.release.champion.gates import report_reasons
from edgetrain.release.champion.judging_pictures import JudgingPictures, read_judging_pictures
from edgetrain.release.champion.record import COMPILED_MODEL, LABEL_MAP, MODEL
from edgetrain.release.champion.values import Accuracy, Champion

_SHORT = 12


@dataclass(frozen=True)
class _Challenger:
    """The workspace's model; digests by file name, ``hardware`` is ``None`` without a pass."""

    digests: dict[str, str]
    class_names: tuple[str, ...]
    records: Records
    hardware: HardwareResult | None


@dataclass(frozen=True)
class _Incumbent:
    """The champion's record and its int8 model."""

    record: Champion
    model: bytes


@dataclass(frozen=True)
class _Contest:
    """Who meets whom on which pictures; ``incumbent`` is ``None`` where there is no champion yet."""

    place: ChampionPlace
    challenger: _Challenger
    incumbent: _Incumbent | None
    pictures: JudgingPictures


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Judge the workspace's model against the champion, and record it if it is better; or roll back.

    Not good if a rule speaks against the model, if the champion's record or repository is unusable, if the branch moved
    meanwhile, or if there is no labelled test picture: an earlier decision must not outlive a failure.
    """
    chosen = settings.promote
    try:
        repository = GitRepository(chosen.repository or settings.dataset.root, CHAMPION)
        place = find_champion(repository, chosen.champion, chosen.remote)
        return _rolled_back(place) if chosen.rollback else _judged(settings, workspace, place)
    except EdgetrainError as error:
        return Outcome.of_error(error, {"decision": "failed", "reasons": []})


def _rolled_back(place: ChampionPlace) -> Outcome:
    commit, restored = roll_back(place)
    text = f"rolled back: {place.shown} is as in {restored[:_SHORT]} again (commit {commit[:_SHORT]})"
    return Outcome(text, {"decision": "rolled back", "commit": commit, "reasons": []})


def _judged(settings: Settings, workspace: Workspace, place: ChampionPlace) -> Outcome:
    """Return the decision about the workspace's model, carried out."""
    challenger = _challenger(workspace)
    _require_classes(settings, challenger.class_names)
    incumbent = _Incumbent(*read_champion(place)) if place.commit else None
    if incumbent and all(
        incumbent.record.digests[name] == challenger.digests[name] for name in (MODEL, COMPILED_MODEL)
    ):
        text = f"this model is already the champion ({place.shown}, {place.commit[:_SHORT]})"
        return Outcome(text, {"decision": "already the champion", "champion_commit": place.commit, "reasons": []})
    pictures = read_judging_pictures(workspace, incumbent.record.test_pictures if incumbent else ())
    contest = _Contest(place, challenger, incumbent, pictures)
    accuracy, reasons = _reasons(settings, workspace, contest)
    decision = _decision(contest, accuracy, reasons)
    if not decision.is_good or not place.is_branch:
        return decision
    record = _record(settings, workspace, contest, accuracy)
    models = {MODEL: workspace.model_path.read_bytes(), COMPILED_MODEL: workspace.compiled_model_path.read_bytes()}
    commit = write_champion(place, record, models, "\n".join(decision.notes))
    summary = f"{decision.summary}; recorded at {place.shown} as {commit[:_SHORT]}"
    notes = (*decision.notes, *_cautions(place, record))
    return Outcome(summary, {**decision.results, "decision": "promoted", "commit": commit}, notes)


def _decision(contest: _Contest, accuracy: Accuracy, reasons: Sequence[Reason]) -> Outcome:
    """Return whether the challenger is good enough."""
    place = contest.place
    results: dict[str, object] = {
        "champion": place.shown,
        "champion_commit": place.commit,
        "reasons": [asdict(reason) for reason in reasons],
        "accuracy": asdict(accuracy),
    }
    notes = tuple(f"{reason.name}: {reason.text}" for reason in reasons)
    failed = [reason for reason in reasons if reason.is_passed is False]
    if failed:
        summary = f"not promoted: {len(failed)} of {counted(len(reasons), 'rule')} say no"
        lines = [f"{reason.name}: {reason.text}." for reason in failed]
        failure = "\n".join([f"promote: {summary}.", *lines])
        return Outcome(summary, {**results, "decision": "not promoted"}, notes, failure=failure)
    figures = f"AP {accuracy.mean_average_precision:.3f} on {counted(accuracy.pictures, 'test picture')}"
    if not place.is_branch:
        summary = f"good enough ({figures}), but {place.shown} is no branch: nothing was recorded"
        return Outcome(summary, {**results, "decision": "compared only"}, notes)
    return Outcome(f"promoted: {figures}", results, notes)


def _challenger(workspace: Workspace) -> _Challenger:
    paths = {
        MODEL: workspace.model_path,
        COMPILED_MODEL: workspace.compiled_model_path,
        LABEL_MAP: workspace.label_map_path,
    }
    digests = {name: tree_digest(path) or "" for name, path in paths.items()}
    records = read_records_of(workspace)
    hardware = hardware_result(records, digests[COMPILED_MODEL])
    return _Challenger(digests, read_label_map(workspace.label_map_path).names, records, hardware)


def _require_classes(settings: Settings, class_names: Sequence[str]) -> None:
    """Refuse a floor for a class that does not exist: it would never be asked for."""
    for name in settings.promote.class_floors:
        if name not in class_names:
            raise SettingsError(
                f"promote.class_floors: {name!r} is no class of the label map. Correct or remove it."
                f"{suggestion(name, class_names)}"
            )


def _reasons(settings: Settings, workspace: Workspace, contest: _Contest) -> tuple[Accuracy, list[Reason]]:
    """Return how good the challenger is on its own test pictures, and all reasons for and against it."""
    limits, challenger, pictures = settings.promote, contest.challenger, contest.pictures
    champion = contest.incumbent.record if contest.incumbent else None
    ours = found_by("challenger", workspace.model_path, pictures.examples)
    accuracy = pictures.accuracy(pictures.own, ours, challenger.class_names)
    reasons = [*report_reasons(workspace, challenger.records, max_ap_drop=limits.max_ap_drop)]
    reasons += latency_reasons(challenger.hardware, champion.hardware if champion else None, limits)
    reasons += class_floors(accuracy, limits.class_floors)
    if contest.incumbent is None:
        text = f"there is no champion yet at {contest.place.shown}, so nothing to compare with"
        return accuracy, [*reasons, Reason("comparison", text)]
    old = contest.incumbent.record
    allowed = comparable(challenger.class_names, old.class_names, pictures.sets, limits.max_missing_pictures)
    reasons += allowed
    if not all(reason.is_passed for reason in allowed):
        return accuracy, [*reasons, Reason("comparison", "refused for the reasons before")]
    if not pictures.has_objects(pictures.champion):
        text = "nothing is labelled any more in the champion's test pictures"
        return accuracy, [*reasons, Reason("comparison", text, is_passed=False)]
    theirs = _found_by_champion(contest.incumbent.model, contest)
    for name, places in (("its own", pictures.own), ("the champion's", pictures.champion)):
        pair = [pictures.accuracy(places, found, challenger.class_names) for found in (ours, theirs)]
        reasons += duel_reasons(Duel(f"{name} {counted(len(places), 'test picture')}", *pair), limits)
    return accuracy, reasons


def _found_by_champion(model: bytes, contest: _Contest) -> list[Sequence[DetectedObject]]:
    """Return what the champion finds in all pictures.

    Raises:
        ChampionError: its model cannot be run.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / MODEL
        path.write_bytes(model)
        try:
            return found_by("champion", path, contest.pictures.examples)
        except (ValueError, RuntimeError) as error:
            raise ChampionError(
                f"{contest.place.shown}: the champion's {MODEL} cannot be run ({printable(str(error).strip())}). "
                'Take it back with "ci/inv promote --rollback", or name another champion.'
            ) from error


def _record(settings: Settings, workspace: Workspace, contest: _Contest, accuracy: Accuracy) -> Champion:
    """Return the record of a challenger that is good enough."""
    challenger, records = contest.challenger, contest.challenger.records
    if challenger.hardware is None:
        raise AssertionError("a model without a hardware pass was found good enough")
    dataset = work_tree_state(settings.dataset.root, left_out=workspace.root)
    used = json_text({stage: dict(record.settings) for stage, record in records.items()})
    return Champion(
        digests=challenger.digests,
        class_names=challenger.class_names,
        split=Split.TEST.value,
        accuracy=accuracy,
        test_pictures=contest.pictures.test_pictures(),
        hardware=challenger.hardware,
        revision=dataset.revision,
        is_clean=dataset.is_clean,
        network=as_object(value_of(records, "configure", "network")),
        settings_sha256=hashlib.sha256(used.encode()).hexdigest(),
        provenance={
            "compiler": as_text(value_of(records, "compile", "provenance")),
            "edgetrain": edgetrain.__version__,
        },
    )


def _cautions(place: ChampionPlace, record: Champion) -> Iterator[str]:
    """Yield what the reader of a promotion should know beside its reasons."""
    if record.revision is None:
        yield "the dataset is not committed, so the record does not say what the model was trained on"
    elif not record.is_clean:
        yield f"the dataset has changes that are not in its commit {record.revision[:_SHORT]}; the record says so"
    if not place.remote and place.repository.ask("remote").strip():
        yield f"promote.remote is empty, so {place.name} lies in this clone only"
