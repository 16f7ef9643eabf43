"""``inv ci.rehearse``: pipeline files, a dataset and parameters become a rehearsal, and its outcome lines of text."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from ci.gocd.git_repository import (
    GitRepository,
    committed_folder,
    copied_repository,
    is_repository,
    uncommitted,
)
from ci.gocd.job_variables import agent_variables
from ci.gocd.pipelines import GitMaterial, Material, Pipeline
from ci.gocd.reader import read_pipelines
from ci.gocd.rehearsal import Outcome, Rehearsal
from edgetrain.core.errors import SettingsError
from edgetrain.core.system.lock import sole_user

Say = Callable[[str], None]
_BRANCH = "main"  # of this project's copy: on a server, the one that is registered
_MOST_NAMES = 3
_ENVIRONMENTS = ".venv"


@dataclass(frozen=True)
class Wish:
    """What is to be rehearsed.

    Attributes:
        project_dir: checkout of this project, whose newest commit the jobs run.
        files: of the pipelines; changes that are not committed count, as long as they are in these.
        parameters: values in place of those of the files, by name.
        dataset: folder or repository in place of the parameter ``dataset_url``; empty: that stays.
        approved: manual stages that may begin.
        is_by_hand: start the first pipeline even if nothing is new.
    """

    project_dir: Path
    files: tuple[Path, ...]
    parameters: Mapping[str, str]
    dataset: str = ""
    approved: frozenset[str] = frozenset()
    is_by_hand: bool = False


def rehearse(wish: Wish, folder: Path, say: Say) -> bool:
    """Run the pipelines in a folder, which may hold earlier rehearsals; return whether no job has failed.

    Raises:
        SettingsError: a file, parameter, branch or stage is wrong.
        ToolError: a repository cannot be had.
        StorageError: the folder cannot be used.
    """
    with sole_user(folder):
        pipelines = _pipelines(wish, folder, say)
        located, repositories = _located(pipelines, wish, folder, say)
        rehearsal = Rehearsal(
            folder=folder,
            repositories=repositories,
            variables=agent_variables(os.environ),
            approved=wish.approved,
            prepare=_lender(pipelines, wish.project_dir),
            say=say,
        )
        outcomes = rehearsal.run(located, by_hand=wish.is_by_hand)
    say(_table(outcomes))
    return all(outcome.result != "failed" for outcome in outcomes)


@contextlib.contextmanager
def rehearsal_dir(keep: str) -> Iterator[Path]:
    """Give the folder of a rehearsal: a kept one, or one that is gone afterwards.

    Raises:
        SettingsError: the folder to keep holds something else.
    """
    if not keep:
        with tempfile.TemporaryDirectory(prefix="edgetrain-rehearsal-") as name:
            yield Path(name).resolve()
        return
    folder = Path(keep).absolute()
    if folder.exists() and not (folder / ".lock").exists() and any(folder.iterdir()):
        raise SettingsError(f"--keep {keep}: something else is in this folder. Name a new one, or one of a rehearsal.")
    yield folder


def parse_parameters(texts: Sequence[str]) -> dict[str, str]:
    """Return the values of ``name=value``, by name.

    Raises:
        SettingsError: a text is none.
    """
    parsed = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not name or not sign:
            raise SettingsError(f"--set {text}: this is not name=value. Write the parameter's name and its value.")
        parsed[name] = value
    return parsed


def _pipelines(wish: Wish, folder: Path, say: Say) -> tuple[Pipeline, ...]:
    """Return the pipelines with all parameters, and say which ones differ from those of the files."""
    plain = read_pipelines(wish.files)
    parameters = dict(wish.parameters)
    if wish.dataset:
        branches = {**_merged(plain), **parameters}
        path = folder / "repositories" / "dataset.git"
        parameters["dataset_url"] = str(path)
        _dataset_copy(wish.dataset, path, branches.get("dataset_branch", _BRANCH), say)
    for pipeline in plain:
        for name, value in pipeline.parameters.items():
            if parameters.get(name, value) != value:
                say(f'{pipeline.name}: parameter {name} is "{parameters[name]}" instead of "{value}"')
    return read_pipelines(wish.files, parameters)


def _merged(pipelines: Sequence[Pipeline]) -> dict[str, str]:
    return {name: value for pipeline in pipelines for name, value in pipeline.parameters.items()}


def _dataset_copy(dataset: str, path: Path, branch: str, say: Say) -> None:
    folder = Path(dataset)
    if folder.is_dir() and not is_repository(folder):
        copy = committed_folder(path, folder.resolve(), branch)
        commit = copy.newest(branch)[:8]
        say(f"dataset: {folder} is no git repository: its files are commit {commit} of one of the rehearsal's own")
        return
    if folder.is_dir():
        _say_uncommitted("dataset", folder, say)
    elif "://" not in dataset and ":" not in dataset:
        raise SettingsError(
            f"--dataset {dataset}: this folder does not exist. Name a folder, a git repository or a URL."
        )
    copied_repository(path, str(folder.resolve()) if folder.is_dir() else dataset, "+refs/heads/*:refs/heads/*")


def _located(
    pipelines: Sequence[Pipeline], wish: Wish, folder: Path, say: Say
) -> tuple[list[Pipeline], dict[str, GitRepository]]:
    """Return the pipelines with the URLs of local copies, and these copies by URL."""
    copies: dict[str, GitRepository] = {}
    for url in {one.url for pipeline in pipelines for one in pipeline.materials if isinstance(one, GitMaterial)}:
        path = folder / "repositories" / f"{sha256(url.encode()).hexdigest()[:8]}.git"
        if not url:
            copies[url] = copied_repository(path, str(wish.project_dir), f"+HEAD:refs/heads/{_BRANCH}")
            say(f"automation: commit {copies[url].newest(_BRANCH)[:8]} of {wish.project_dir}")
            _say_uncommitted("automation", wish.project_dir, say)
        elif Path(url).parent == path.parent:
            copies[url] = GitRepository(Path(url), wish.dataset)
        else:
            copies[url] = copied_repository(path, url, "+refs/heads/*:refs/heads/*")
    located = [
        replace(pipeline, materials=tuple(_with_copy(material, copies) for material in pipeline.materials))
        for pipeline in pipelines
    ]
    return located, {str(copy.path): copy for copy in copies.values()}


def _with_copy(material: Material, copies: Mapping[str, GitRepository]) -> Material:
    if not isinstance(material, GitMaterial):
        return material
    return replace(material, url=str(copies[material.url].path), branch=material.branch if material.url else _BRANCH)


def _say_uncommitted(name: str, folder: Path, say: Say) -> None:
    changed = uncommitted(folder)
    if changed:
        more = f" and {len(changed) - _MOST_NAMES} more" if len(changed) > _MOST_NAMES else ""
        say(f"{name}: what is not committed is not used: {', '.join(changed[:_MOST_NAMES])}{more}")


def _lender(pipelines: Sequence[Pipeline], project_dir: Path) -> Callable[[Path], None]:
    """Return what lets a job's clone of this project use the environments of this checkout.

    An agent has a folder for them (EDGETRAIN_ENV_DIR); else each job would install its packages anew.
    """
    clones = {
        material.destination
        for pipeline in pipelines
        for material in pipeline.materials
        if isinstance(material, GitMaterial) and not material.url
    }

    def lend(folder: Path) -> None:
        for clone in (folder / name for name in clones):
            if "EDGETRAIN_ENV_DIR" not in os.environ and clone.is_dir():
                (clone / _ENVIRONMENTS).symlink_to(project_dir / _ENVIRONMENTS)

    return lend


def _table(outcomes: Sequence[Outcome]) -> str:
    rows = [
        f"{one.pipeline:<16} {one.label:<14} {one.result:<20} {one.stages:>3} stages passed {one.seconds:8.1f} s"
        for one in outcomes
    ]
    return "\n".join(["", *rows])
