"""Whether a command line that calls ``ci/inv`` would be understood: Invoke's own parser is asked, nothing runs."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from invoke import Program
from invoke.exceptions import ParseError
from invoke.parser import Parser, ParserContext

from ci.environment import PROFILES, split_arguments
from ci.errors import SetupUsageError
from ci.known_tasks import known_tasks
from ci.nearest import explained

_WRAPPER = "ci/inv"
# With these, Invoke runs no task and says what it was asked.
_QUESTIONS = ("list", "help", "version", "print-completion-script")


def is_wrapper(program: str) -> bool:
    """Return whether a command line's first word is this project's ``ci/inv``."""
    return program == _WRAPPER or program.endswith(f"/{_WRAPPER}")


@functools.lru_cache(maxsize=256)
def fault_of(words: tuple[str, ...]) -> str:
    """Return what is wrong with a command line, a sentence with a suggestion; empty if nothing is.

    Args:
        words: the program and its arguments, as a shell or GoCD would hand them over. Programs other than ``ci/inv``
            are always right.
    """
    if not words or not is_wrapper(words[0]):
        return ""
    try:
        _, arguments = split_arguments(list(words[1:]), tuple(PROFILES))
    except SetupUsageError as error:
        return str(error)
    contexts = _contexts()
    try:
        # As Invoke does it: first what is its own, then the tasks.
        core = Parser(initial=Program().initial_context, ignore_unknown=True).parse_argv(arguments)
        tasks = Parser(initial=Program().initial_context, contexts=contexts).parse_argv(core.unparsed)[1:]
    except ParseError as error:
        return f'"{" ".join(arguments)}" is not understood: {explained(error, contexts)}'
    if tasks or any(core[0].args[name].value for name in _QUESTIONS):
        return ""
    return f'"{" ".join(words)}" runs no task. Name one.'


@functools.cache
def _contexts() -> Sequence[ParserContext]:
    contexts: Sequence[ParserContext] = known_tasks().to_contexts()
    return contexts
