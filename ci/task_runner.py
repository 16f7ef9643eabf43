"""What most tasks do: put the settings together, run one stage, and tell how it went."""

from __future__ import annotations

from collections.abc import Mapping

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

    def read_back(self, context: Context, **given: object) -> None:
        """Hold finished records against the rules of training, and say on standard output what is wrong with them.

        Raises:
            Exit: something is.
        """
        from edgetrain.pipeline import answers, console

        settings = settings_of(context, given, self._variables)
        with console.listening(settings):
            text, is_good = answers.verify_records(settings)
        print(text)
        if not is_good:
            raise Exit(code=1)
