"""Pipelines of GoCD as values: what the YAML of ``gocd/*.gocd.yaml`` says, with defaults filled in.

Terms and defaults are those of GoCD's YAML plugin, format version 10
(https://github.com/tomzo/gocd-yaml-config-plugin) and of the server's configuration reference
(https://docs.gocd.org/current/configuration/configuration_reference.html).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional, Union


@dataclass(frozen=True)
class Place:
    """Where something stands: file as it was named, line from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        """Return ``file:line``."""
        return f"{self.file}:{self.line}"


class RunIf(enum.Enum):
    """After what state of the job a task runs."""

    PASSED = "passed"
    FAILED = "failed"
    ANY = "any"


class ArtifactKind(enum.Enum):
    """``build`` artifacts must exist, ``test`` artifacts may be missing."""

    BUILD = "build"
    TEST = "test"


@dataclass(frozen=True)
class GitMaterial:
    """A git repository; an empty ``url`` is the repository that holds the pipeline's file (``type: configrepo``)."""

    name: str
    place: Place
    url: str = ""
    branch: str = "master"
    destination: str = ""
    includes: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    auto_update: bool = True
    shallow_clone: bool = False
    username: str = ""


@dataclass(frozen=True)
class DependencyMaterial:
    """A stage of another pipeline whose success triggers this one."""

    name: str
    place: Place
    pipeline: str
    stage: str
    ignore_for_scheduling: bool = False


Material = Union[GitMaterial, DependencyMaterial]


@dataclass(frozen=True)
class Exec:
    """A program with its arguments, run without a shell; the working directory is relative to the job's."""

    place: Place
    command: str
    arguments: tuple[str, ...] = ()
    working_directory: str = ""
    run_if: RunIf = RunIf.PASSED


@dataclass(frozen=True)
class Fetch:
    """A file or folder of another job's artifacts.

    ``pipeline`` is empty for the own one, or a path such as ``dataset/model`` to an ancestor; ``source`` is a path in
    the artifact store, ``destination`` relative to the job's folder.
    """

    place: Place
    stage: str
    job: str
    source: str
    pipeline: str = ""
    destination: str = ""
    is_file: bool = False
    run_if: RunIf = RunIf.PASSED


Task = Union[Exec, Fetch]


@dataclass(frozen=True)
class Artifact:
    """What a job leaves: an Ant pattern below the job's folder, and the folder of the artifact store it goes to."""

    place: Place
    kind: ArtifactKind
    source: str
    destination: str = ""


@dataclass(frozen=True)
class Job:
    """Tasks that run one after the other on one agent; ``timeout_minutes`` is of silence, ``None`` the server's own."""

    name: str
    place: Place
    tasks: tuple[Task, ...]
    artifacts: tuple[Artifact, ...] = ()
    resources: tuple[str, ...] = ()
    elastic_profile_id: str = ""
    timeout_minutes: Optional[int] = None
    tabs: Mapping[str, str] = field(default_factory=dict)
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    secure_variables: Mapping[str, str] = field(default_factory=dict)
    run_instances: str = ""


@dataclass(frozen=True)
class Stage:
    """Jobs that run side by side; the next stage starts when all have passed."""

    name: str
    place: Place
    jobs: tuple[Job, ...]
    is_manual: bool = False
    allow_only_on_success: bool = False
    fetch_materials: bool = True
    keep_artifacts: bool = False
    clean_workspace: bool = False
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    secure_variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Environment:
    """Pipelines that only the agents of an environment serve."""

    name: str
    place: Place
    pipelines: tuple[str, ...] = ()
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    secure_variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pipeline:
    """Materials and stages; every ``#{parameter}`` is resolved, every ``##`` is a ``#`` again."""

    name: str
    place: Place
    group: str
    materials: tuple[Material, ...]
    stages: tuple[Stage, ...]
    label_template: str = "${COUNT}"
    lock_behavior: str = "none"
    parameters: Mapping[str, str] = field(default_factory=dict)
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    secure_variables: Mapping[str, str] = field(default_factory=dict)
