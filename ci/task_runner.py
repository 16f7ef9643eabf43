"""What most tasks do: put the settings together, run one stage, and tell how it went."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from invoke import Context, Exit

from ci.stage_tasks import settings_of


class TaskRunner:
    """Runs stages with the settings of one call: files, the environment's variables that it is given, and flags."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Keep the variables that override settings."""
        self._variables = variables

    def run(self, context: Context, name: str, **given: object) -> None:
        """Run one stage and tell how it went on standard error."""
        from edgetrain.pipeline import console, flow

        with console.listening(settings := settings_of(context, given, self._variables)):
            flow.run_stage(name, settings)

    def show(self, context: Context, name: str, **given: object) -> None:
        """Run one stage and say on standard output what it found."""
        from edgetrain.pipeline import answers, console

        with console.listening(settings := settings_of(context, given, self._variables)):
            text = answers.report_text(name, settings)
        print(text)

    def demo(self, context: Context, file: Path, **given: object) -> None:
        """Draw the pictures of a settings file, run the whole flow on them, and say what came of it."""
        from edgetrain.demo import draw
        from edgetrain.pipeline import console, flow

        settings = settings_of(context, given, self._variables, file)
        with console.listening(settings):
            draw.run(settings)
            covered = flow.run_pipeline(settings)
        print(console.closing_table(settings, covered))

    def review(self, context: Context, output_format: str, summary: str | None, **given: object) -> None:
        """Say on standard output what ``validate`` found.

        Raises:
            Exit: the dataset may not be used.
        """
        from edgetrain.pipeline import answers, console

        settings = settings_of(context, given, self._variables)
        with console.listening(settings):
            text, is_good = answers.review(settings, output_format, Path(summary) if summary else None)
        _tell(text, is_good=is_good)

    def preflight(self, context: Context, output_format: str, *, untrained: bool, **given: object) -> None:
        """Say on standard output what the compiler will make of a model.

        Raises:
            Exit: it would not take it, or too little would run on the Edge TPU.
        """
        from edgetrain.pipeline import answers, console

        settings = settings_of(context, given, self._variables)
        with console.listening(settings):
            text, is_good = answers.preflight(settings, output_format, untrained=untrained)
        _tell(text, is_good=is_good)

    def read_back(self, context: Context, **given: object) -> None:
        """Hold finished records against the rules of training, and say on standard output what is wrong with them.

        Raises:
            Exit: something is.
        """
        from edgetrain.pipeline import answers, console

        settings = settings_of(context, given, self._variables)
        with console.listening(settings):
            text, is_good = answers.verify_records(settings)
        _tell(text, is_good=is_good)


def _tell(text: str, *, is_good: bool) -> None:
    print(text)
    if not is_good:
        raise Exit(code=1)
