"""The nearest task or flag for a word that Invoke does not know."""

from __future__ import annotations

import re
from collections.abc import Iterable

from invoke.exceptions import ParseError
from invoke.parser import ParserContext

from edgetrain.core.wording import suggestion

_QUOTED = re.compile(r"'([^']+)'")


def nearest(error: ParseError, contexts: Iterable[ParserContext]) -> str:
    """Return `` Did you mean "…"?`` with the nearest flag or task, or an empty string where none is near."""
    quoted = _QUOTED.search(str(error))
    if not quoted:
        return ""
    context: ParserContext | None = error.context
    flags = list(context.flags) if context else []
    names = [name for one in contexts for name in (one.name, *one.aliases) if name]
    return suggestion(quoted[1], flags if quoted[1].startswith("-") else names)
