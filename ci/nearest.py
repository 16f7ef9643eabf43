"""What Invoke could not read of a command line, in words for a user, with the nearest task or flag."""

from __future__ import annotations

import re
from collections.abc import Iterable

from invoke.exceptions import ParseError
from invoke.parser import ParserContext

from edgetrain.core.wording import suggestion

_WITHOUT_VALUE = re.compile(r"^Flag <Argument: (\w+).*> needed value and was not given one!$")
_QUOTED = re.compile(r"'([^']+)'")


def explained(error: ParseError, contexts: Iterable[ParserContext]) -> str:
    """Return what is wrong with a command line, and the nearest name for one that does not exist."""
    missing = _WITHOUT_VALUE.match(str(error))
    if missing:
        return f"--{missing[1].strip('_').replace('_', '-')} needs a value. Give one after it."
    return f"{error}{_nearest(error, contexts)}"


def _nearest(error: ParseError, contexts: Iterable[ParserContext]) -> str:
    """Return `` Did you mean "…"?`` with the nearest flag or task, or an empty string where none is near."""
    quoted = _QUOTED.search(str(error))
    if not quoted:
        return ""
    context: ParserContext | None = error.context
    flags = list(context.flags) if context else []
    names = [name for one in contexts for name in (one.name, *one.aliases) if name]
    return suggestion(quoted[1], flags if quoted[1].startswith("-") else names)
