"""Rules about exec tasks: GoCD starts a program without a shell, and ``ci/inv`` must understand its arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ci.command_lines import fault_of
from ci.gocd.document import place_of
from ci.gocd.findings import Finding
from ci.gocd.pipelines import Exec, Pipeline

_SHELLS = frozenset(["sh", "bash", "dash", "zsh", "ksh"])
# What a shell would act on: variables and commands put in, operators on their own, names completed.
_SHELL_TEXT = re.compile(
    r"\$\w|\$[{(]|`|(?:^|\s)(?:\|\|?|&&?|;|[0-9]?>>?|<)(?:\s|$)|^[0-9&]?>|^~(?:/|$)|(?:^|/)\*(?:[./]|$)|\*\.\w+$"
)


def findings(pipelines: Sequence[Pipeline]) -> Iterator[Finding]:
    """Yield what is wrong with the exec tasks of pipelines."""
    for pipeline in pipelines:
        for stage in pipeline.stages:
            for job in stage.jobs:
                for task in job.tasks:
                    if isinstance(task, Exec) and task.command:
                        yield from _exec(task)


def _exec(task: Exec) -> Iterator[Finding]:
    if re.search(r"\s", task.command):
        what = f'"command: {task.command}" is looked for as one program with spaces in its name.'
        yield Finding(place_of(task.command, task.place), what, 'Put what follows the program under "arguments:".')
        return
    is_shell = task.command.rpartition("/")[2] in _SHELLS
    for word in (task.command, *(() if is_shell else task.arguments)):
        found = _SHELL_TEXT.search(word)
        if found:
            what = f'"{word}" has "{found[0].strip()}", which means nothing here: GoCD starts programs without a shell.'
            yield Finding(place_of(word, task.place), what, "Write the value itself, or let a task of ci/inv do it.")
    fault = fault_of((task.command, *task.arguments))
    if fault:
        # At the word that Invoke names; command and arguments may come from different anchors.
        named = [word for word in task.arguments if f"'{word}'" in fault] or [*task.arguments, task.command]
        yield Finding(place_of(named[0], task.place), fault, "Correct the arguments.")
