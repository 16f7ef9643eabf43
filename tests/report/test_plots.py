"""The plots: their names, their figures, equal bytes from equal reports, and no plot without anything to show."""

from __future__ import annotations

import csv

import pytest

from edgetrain.core.workspace.stage_reports import read_records_of
from edgetrain.images.image_file import decode
from edgetrain.training.history import HistoryRow, write_history
from tests.report.test_evaluation_page import analysed, judged_pictures
from tests.support.report_material import SAMPLE, write_picture

__all__ = ["analysed"]
pytest.importorskip("matplotlib", reason="needs Matplotlib (train profile)")
TABLE = "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,100,50,boat,10,10,30,20\nb.jpg,100,50,,,,,\n"


@pytest.fixture
def plots(settings, workspace):
    """Return a function that makes page and plots, and returns the bytes of these by name."""
    from edgetrain.report import page

    def make():
        page.run(settings(), workspace)
        return {path.name: path.read_bytes() for path in sorted(workspace.plots_dir.glob("*"))}

    return make


def leave_everything(analysed, left, workspace):
    analysed(judged_pictures(20))
    write_history(workspace.history_path, [HistoryRow(step, 4 / step, 0.1, 0.2, 0.001, 20, 0.5) for step in (10, 20)])
    left("train", {"steps": 20})
    workspace.annotations_dir.mkdir(parents=True, exist_ok=True)
    (workspace.annotations_dir / "train_labels.csv").write_text(TABLE)


def test_the_plots_have_the_names_that_people_know(analysed, left, workspace, plots):
    leave_everything(analysed, left, workspace)
    made = plots()

    assert [*made] == [
        "F1_curve.png",
        "PR_curve.png",
        "P_curve.png",
        "R_curve.png",
        "confusion_matrix.png",
        "confusion_matrix_normalized.png",
        "labels.png",
        "results.csv",
        "results.png",
    ]
    assert all(decode(data).width > 500 for name, data in made.items() if name.endswith(".png"))


def test_samples_are_shown_as_labelled_and_as_found(judged, workspace, plots):
    judged(samples=[SAMPLE])
    write_picture(workspace)

    assert [*plots()] == ["val_batch0_labels.jpg", "val_batch0_pred.jpg"]


def test_equal_reports_give_equal_bytes(analysed, left, workspace, plots):
    leave_everything(analysed, left, workspace)

    assert plots() == plots()


def test_the_table_has_the_figures_of_the_training(analysed, left, workspace, plots):
    leave_everything(analysed, left, workspace)
    plots()
    with (workspace.plots_dir / "results.csv").open(newline="") as stream:
        rows = [*csv.DictReader(stream)]

    assert [(row["step"], float(row["train/loss"]), row["metrics/mAP50-95"]) for row in rows] == [
        ("10", pytest.approx(0.4), "0.5"),
        ("20", pytest.approx(0.2), "0.5"),
    ]


def test_the_curves_and_the_matrix_are_drawn_from_the_report(analysed, workspace):
    """What Matplotlib is told to draw equals reports/evaluate.json, value for value."""
    from matplotlib.figure import Figure

    from edgetrain.report import plots

    report = analysed(judged_pictures(20))
    records = read_records_of(workspace)
    curves = records["evaluate"].outcome.results["curves"]
    figure, matrix = Figure(), Figure()
    plots._curves(curves)["R_curve.png"](figure)
    plots._confusion(matrix, report["mistakes"], is_normalized=False)
    lines = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}

    for name, row in report["curves"]["classes"].items():
        assert lines[name] == pytest.approx([right / row["boxes"] for right in row["right"]])
    assert matrix.axes[0].images[0].get_array().tolist() == report["mistakes"]["confusion"]


def test_a_name_that_would_be_a_formula_is_drawn_as_it_is(analysed, plots):
    names = ("$\\frac{1}{0}$", "a_$b")
    analysed(judged_pictures(5, names), names)

    assert "PR_curve.png" in plots()


@pytest.mark.parametrize("table", ["filename,width\na,1\n", TABLE.replace("10,10", "x,10"), "\0"])
def test_a_table_that_cannot_be_read_leaves_no_plot_of_labels(analysed, workspace, plots, table):
    analysed(judged_pictures(5))
    workspace.annotations_dir.mkdir(parents=True, exist_ok=True)
    (workspace.annotations_dir / "train_labels.csv").write_text(table)

    assert "labels.png" not in plots()


def test_plots_of_an_earlier_run_do_not_stay(left, workspace, plots):
    workspace.plots_dir.mkdir(parents=True)
    (workspace.plots_dir / "old.png").write_bytes(b"")
    left("validate")

    assert plots() == {}
