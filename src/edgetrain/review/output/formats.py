"""The formats in which ``validate`` gives its findings, by name: ``text``, ``json``, ``github``, ``sarif``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from edgetrain.core.errors import SettingsError
from edgetrain.core.findings import Finding
from edgetrain.core.outcome import Outcome
from edgetrain.core.wording import suggestion
from edgetrain.review.output.github import render_github
from edgetrain.review.output.sarif import render_sarif
from edgetrain.review.output.text import render_json, render_text


@dataclass(frozen=True)
class Review:
    """What there is to show: findings, sorted; names of changed files; where the dataset lies in its repository.

    ``prefix`` is empty, or ends with a slash. ``is_good`` tells whether the command ends with exit code 0.
    ``root`` is the dataset's folder, from which text shows the lines that findings are about.
    """

    findings: Sequence[Finding]
    is_good: bool = True
    changed: Collection[str] = ()
    prefix: str = ""
    root: Optional[Path] = None

    @classmethod
    def of(cls, outcome: Outcome, prefix: str, root: Optional[Path] = None) -> Review:
        """Return what there is to show of the outcome of ``validate``."""
        results: Mapping[str, Any] = outcome.results
        return cls(results["findings"], outcome.is_good, frozenset(results.get("changed", ())), prefix, root)

    def path_of(self, name: str) -> str:
        """Return the path relative to the repository of a name that is relative to the dataset."""
        return self.prefix + name


_RENDERERS: Mapping[str, Callable[[Review], str]] = {
    "text": lambda review: render_text(review.findings, review.root),
    "json": lambda review: render_json(review.findings),
    "github": lambda review: render_github(review.findings, changed=review.changed, path_of=review.path_of),
    "sarif": lambda review: render_sarif(
        review.findings, is_good=review.is_good, changed=review.changed, path_of=review.path_of
    ),
}


def require_format(name: str) -> None:
    """Refuse a format that does not exist, before any work.

    Raises:
        SettingsError: there is no such format; names the nearest one.
    """
    if name not in _RENDERERS:
        raise SettingsError(
            f"--format {name}: no such format. It is one of: {', '.join(_RENDERERS)}.{suggestion(name, _RENDERERS)}"
        )


def render_review(review: Review, output_format: str) -> str:
    """Return a review in a format.

    Raises:
        SettingsError: there is no such format.
    """
    require_format(output_format)
    return _RENDERERS[output_format](review)


def repository_prefix(root: Path) -> str:
    """Return the path of a dataset from the top of its repository, with a slash at its end.

    Empty where the dataset is the top itself. Without a repository the folder where the command runs takes its place,
    and where the dataset does not lie below that, the dataset's own folder.
    """
    folder = root.resolve()
    tops = [top for top in (folder, *folder.parents) if (top / ".git").exists()]
    top = tops[0] if tops else Path.cwd()
    inside = folder.relative_to(top).as_posix() if top in (folder, *folder.parents) else "."
    return "" if inside == "." else f"{inside}/"
