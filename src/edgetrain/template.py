"""The door to Jinja: templates of the project filled with values, every one of which must be given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import jinja2

from edgetrain.core.project import TEMPLATES_DIR


def render_template(name: str, values: Mapping[str, object], *, templates_dir: Path = TEMPLATES_DIR) -> str:
    """Return the text of a template; names ending in ``.html`` are escaped for HTML.

    Args:
        name: path below the templates folder, with forward slashes.
        values: everything that the template mentions.
        templates_dir: where templates are looked up.

    Raises:
        jinja2.UndefinedError: the template mentions a value that was not given (a mistake in this project).
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_dir),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name).render(values)
