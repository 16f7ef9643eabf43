"""What most tasks do: put the settings together, run one stage, and tell how it went."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from invoke import Context, Exit

from ci.stage_tasks import settings_of, wants_plain_lines

if TYPE_CHECKING:
    from edgetrain.core.settings import Settings


class TaskRunner:
    """Runs stages with the settings of one call: files, the environment's variables that it is given, and flags."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Keep the variables that override settings."""
        self._variables = variables

    def run(self, context: Context, name: str, **given: object) -> None:
        """Run one stage and tell how it went on standard error."""
        from edgetrain.pipeline import console, flow

        with console.listening(settings := settings_of(context, given, self._variables), is_plain=wants_plain_lines()):
            flow.require_good(flow.run_stage(name, settings).outcome)

    def show(self, context: Context, name: str, **given: object) -> None:
        """Run one stage and say on standard output what it found."""
        from edgetrain.pipeline import answers

        self._tell(context, lambda settings: (answers.report_text(name, settings), True), given)

    def demo(self, context: Context, file: Path, **given: object) -> None:
        """Draw the pictures of a settings file, run the whole flow on them, and say what came of it."""
        from edgetrain.demo import draw
        from edgetrain.pipeline import console, flow

        settings = settings_of(context, given, self._variables, file)
        with console.listening(settings, is_plain=wants_plain_lines()):
            draw.run(settings)
            covered = flow.run_pipeline(settings)
        print(console.closing_table(settings, covered))

    def review(
        self, context: Context, output_format: str, *, summary: str | None, html: str | None, **given: object
    ) -> None:
        """Say on standard output what ``validate`` found; exit code 1 if the dataset may not be used."""
        from edgetrain.pipeline import answers

        paths = [Path(name) if name else None for name in (summary, html)]
        self._tell(context, lambda settings: answers.review(settings, output_format, *paths), given)

    def preflight(self, context: Context, output_format: str, *, untrained: bool, **given: object) -> None:
        """Say on standard output what the compiler will make of a model; exit code 1 if that is not enough."""
        from edgetrain.pipeline import answers

        self._tell(context, lambda settings: answers.preflight(settings, output_format, untrained=untrained), given)

    def read_back(self, context: Context, **given: object) -> None:
        """Say on standard output which finished records break a rule of training; exit code 1 if any does."""
        from edgetrain.pipeline import answers

        self._tell(context, answers.verify_records, given)

    def compare(self, context: Context, names: Sequence[str], output_format: str, **given: object) -> None:
        """Say on standard output which run is better, and leave the page of that, or print it as Markdown."""
        from edgetrain.core.workspace import Workspace
        from edgetrain.report.comparison.page import compare_runs

        workspace = Workspace(settings_of(context, given, self._variables).workspace.root)
        print(compare_runs(names, output_format, workspace))

    def runs(self, context: Context, **given: object) -> None:
        """Say on standard output which former runs the workspace has."""
        from edgetrain.core.workspace import Workspace
        from edgetrain.report.comparison.runs import runs_table

        print(runs_table(Workspace(settings_of(context, given, self._variables).workspace.root)))

    def _tell(
        self, context: Context, answer: Callable[[Settings], tuple[str, bool]], given: Mapping[str, object]
    ) -> None:
        """Say on standard output what an answer is.

        Raises:
            Exit: it is not good.
        """
        from edgetrain.pipeline import console

        with console.listening(settings := settings_of(context, given, self._variables), is_plain=wants_plain_lines()):
            text, is_good = answer(settings)
        print(text)
        if not is_good:
            raise Exit(code=1)
