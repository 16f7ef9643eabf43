"""What the tests of the rehearsal share: git repositories as small as can be, and one call to rehearse in them."""

from __future__ import annotations

import subprocess
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from ci.gocd.rehearse import Wish, rehearse

_GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")


def git(folder: Path, *words: str) -> str:
    """Return what git says in a folder."""
    return subprocess.run([*_GIT, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, **files: str) -> str:
    """Write files (``__`` stands for a dot) and return their commit; the repository is made where there is none."""
    folder.mkdir(exist_ok=True)
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet")
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "a change")
    return git(folder, "rev-parse", "HEAD")


@dataclass
class Server:
    """A project, a dataset and a folder to rehearse in; ``lines`` are those of the last rehearsal."""

    root: Path
    lines: list[str] = field(default_factory=list)

    @property
    def project(self) -> Path:
        """The repository with the pipelines."""
        return self.root / "project"

    @property
    def dataset(self) -> Path:
        """The dataset's repository."""
        return self.root / "data"

    @property
    def text(self) -> str:
        """What the last rehearsal said."""
        return "\n".join(self.lines)

    def write(self, name: str, text: str) -> Path:
        """Write a file of pipelines and return its path."""
        path = self.root / f"{name}.gocd.yaml"
        path.write_text(
            "format_version: 10\npipelines:\n" + textwrap.indent(textwrap.dedent(text), "  "), encoding="utf-8"
        )
        return path

    def run(self, *files: Path, **wishes: object) -> bool:
        """Rehearse files and return whether all went well."""
        self.lines.clear()
        wish = Wish(self.project, files, wishes.pop("parameters", {}), str(wishes.pop("dataset", "")), **wishes)
        return rehearse(wish, self.root / "kept", self.lines.append)

    def run_stages(self, stages: str, **wishes: object) -> bool:
        """Rehearse one pipeline ``one`` that has only these stages."""
        return self.run(self.write("one", ONE + textwrap.indent(textwrap.dedent(stages), "    ")), **wishes)

    def artifacts(self, path: str) -> Path:
        """Return a path of the artifact store, such as ``one/1/stage/1/job/file``."""
        return self.root / "kept" / "artifacts" / path

    def console(self, path: str) -> str:
        """Return a job's console."""
        return (self.artifacts(path) / "cruise-output" / "console.log").read_text(encoding="utf-8")


ONE = """\
one:
  group: tests
  materials:
    code: {type: configrepo, destination: code}
  stages:
"""
