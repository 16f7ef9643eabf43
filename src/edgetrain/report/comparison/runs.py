"""What can be compared: a workspace, one of its former runs, or a folder with the reports of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from edgetrain.core.errors import MissingInputError
from edgetrain.core.redaction import clean_text
from edgetrain.core.wording import UNKNOWN, count_text, share_text, suggestion
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.kept_runs import kept_runs
from edgetrain.core.workspace.stage_reports import Records, as_object, as_text, read_records_in, setting_text, value_of
from edgetrain.evaluation.judged_file import SeenPicture, read_judged

_DIGEST_DIGITS = 12


@dataclass(frozen=True)
class ComparedRun:
    """A run by its reports.

    ``pictures`` is what was found in each judged picture by its id, ``None`` where no such file was kept. ``home`` is
    the workspace that may still have the pictures themselves.
    """

    name: str
    records: Records
    pictures: Mapping[str, SeenPicture] | None
    home: Workspace | None

    @property
    def figures(self) -> Mapping[str, object]:
        """COCO's figures of the int8 model."""
        return as_object(as_object(value_of(self.records, "evaluate", "results")).get("int8"))

    @property
    def thresholds(self) -> dict[str, float]:
        """The recommended threshold of each class."""
        classes = as_object(as_object(value_of(self.records, "evaluate", "thresholds")).get("classes"))
        values = {name: as_object(one).get("threshold") for name, one in classes.items()}
        return {name: float(value) for name, value in values.items() if isinstance(value, (int, float))}

    @property
    def model(self) -> str:
        """The digest of the judged model, empty if it is not known."""
        inputs = self.records["evaluate"].inputs
        return next((digest or "" for name, digest in inputs.items() if name.endswith("model/model.tflite")), "")

    @property
    def judged(self) -> str:
        """Which pictures judged the model."""
        images, split = (value_of(self.records, "evaluate", key) for key in ("images", "split"))
        return f"{count_text(images)} {as_text(split) or UNKNOWN} pictures"

    @property
    def dataset(self) -> str:
        """The digest of the dataset, shortened."""
        inputs = [record.inputs.get("dataset") for record in self.records.values()]
        return next((one[:_DIGEST_DIGITS] for one in inputs if one), UNKNOWN)

    def settings(self) -> dict[str, str]:
        """Return the settings that shaped the results, by name."""
        used: dict[str, str] = {}
        for record in self.records.values():
            for name, value in record.settings.items():
                parts = (
                    {f"{name}.{key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
                )
                used.update((key, setting_text(one)) for key, one in parts.items())
        return used


def find_run(name: str, workspace: Workspace) -> ComparedRun:
    """Return the run of a name: a workspace's folder, a former run of ``workspace``, or a folder of reports.

    Raises:
        MissingInputError: there is none, or nothing was evaluated in it.
        DatasetError: its detections cannot be read.
    """
    former = kept_runs(workspace)
    path = former.get(name) or Path(name)
    inside = path / "reports"
    folder = inside if inside.is_dir() else path
    if not folder.is_dir():
        known = ", ".join(former) or "none yet"
        raise MissingInputError(
            f"--compare {name}: there is no such run. Name a workspace, a folder of reports, or a former run of "
            f"{workspace.root} ({known}).{suggestion(name, former)}"
        )
    records = read_records_in(folder)
    if "evaluate" not in records:
        raise MissingInputError(f'{folder}: no model was judged there. Run "ci/inv evaluate" in that workspace first.')
    home = workspace if name in former else Workspace(folder.parent)
    return ComparedRun(clean_text(name), records, read_judged(folder / "detections.csv"), home)


def runs_table(workspace: Workspace) -> str:
    """Return the former runs of a workspace with their figures, as text for a terminal.

    Raises:
        MissingInputError: there are none.
    """
    runs = kept_runs(workspace)
    if not runs:
        raise MissingInputError(f'{workspace.runs_dir}: no run is kept there. Run "ci/inv pipeline" first.')
    rows: list[tuple[str, ...]] = [("run", "evaluated", "AP", "AP50", "judged on", "network", "steps", "dataset")]
    for name, folder in runs.items():
        run = ComparedRun(name, read_records_in(folder), None, None)
        when = datetime.fromtimestamp((folder / "evaluate.json").stat().st_mtime, tz=timezone.utc)
        network = as_object(value_of(run.records, "configure", "network")).get("type")
        figures = (share_text(run.figures.get(key)) for key in ("mean_average_precision", "ap50"))
        steps = count_text(value_of(run.records, "train", "steps"))
        rows.append(
            (name, f"{when:%Y-%m-%d %H:%M}", *figures, run.judged, as_text(network) or UNKNOWN, steps, run.dataset)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
