"""The project's own checks as tasks: what CI runs is what a developer runs."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Optional

from invoke import Collection, Context, Exit, call, task

from edgetrain.core.errors import EdgetrainError

_ROOT = Path(__file__).resolve().parent.parent
_BACKBONE = "src/edgetrain/demo/backbone.tar.gz"
_WORKFLOW_CHECKS = (
    "yamllint --strict --config-file ci/yamllint.yaml .github gocd",
    "check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml",
    "check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml",
    "check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml",
    # Without the network: what needs it is left to GitHub.
    "zizmor --offline --quiet --strict-collection .github",
    "actionlint",
)
_MOST_TEST_JOBS = 4  # some train, each with 2 GB
_PYTHON_FILES = "src tests ci tasks.py benchmarks"


@task(
    help={
        "k": "only the tests whose name matches",
        "x": "stop at the first failure",
        "all": "also the long runs: trainings that are killed, the whole demo, the whole rehearsal of GoCD",
        "jobs": "processes; 0: one for each core, at most 4, or one alone with --k",
    }
)
def test(context: Context, k: Optional[str] = None, x: bool = False, all: bool = False, jobs: int = 0) -> None:
    """Run the tests."""
    chosen = f" -k {k!r}" if k else ""
    marked = "" if all or k else " -m 'not whole'"
    processes = jobs or (1 if k else min(os.cpu_count() or 1, _MOST_TEST_JOBS))
    shared = f" -n {processes} --dist worksteal" if processes > 1 else ""
    with context.cd(_ROOT):
        context.run(f"python -m pytest{' -x' if x else ''}{chosen}{marked}{shared}", pty=False)


@task
def lint(context: Context) -> None:
    """Check style, format and layers."""
    with context.cd(_ROOT):
        context.run(f"ruff check {_PYTHON_FILES}")
        context.run(f"ruff format --check {_PYTHON_FILES}")
        context.run("lint-imports", env={"PYTHONPATH": "src"})


@task
def types(context: Context) -> None:
    """Check the types."""
    with context.cd(_ROOT):
        context.run("mypy")


@task
def pipelines(_context: Context) -> None:
    """Check GoCD's pipeline files: what GoCD refuses, and what it drops without a word."""
    from ci.gocd.checker import check as faults_of
    from ci.gocd.findings import as_message

    files = sorted((_ROOT / "gocd").glob("*.gocd.y*ml"))
    if not files:
        raise Exit("error: gocd: there is no *.gocd.yaml. Add a pipeline file, or restore the folder.", code=1)
    try:
        findings = faults_of([Path(os.path.relpath(path)) for path in files])
    except EdgetrainError as error:
        raise Exit(f"error: {error}", code=1) from error
    if findings:
        raise Exit(as_message(findings), code=1)
    print(f"{len(files)} pipeline file{'s' if len(files) != 1 else ''} without fault")


@task
def workflows(context: Context) -> None:
    """Check GitHub's workflows: schema, safety, style, references, and every call of ci/inv."""
    from ci.workflows import command_faults

    with context.cd(_ROOT):
        for command in _WORKFLOW_CHECKS:
            context.run(command)
    files = sorted((_ROOT / ".github" / "workflows").glob("*.yml"))
    faults = [fault for path in files for fault in command_faults(path, path.relative_to(_ROOT).as_posix())]
    if faults:
        raise Exit("\n".join(faults), code=1)
    print(f"{len(files)} workflows without fault")


@task(lint, types, pipelines, workflows, call(test, all=True))
def check(_context: Context) -> None:
    """Run all of the above."""


@task(
    help={
        "mutants": "damaged annotations to review",
        "kills": "of a training",
        "hostile": "damaged annotations in a hostile pull request",
        "seed": "another one, other faults",
    }
)
def soak(context: Context, mutants: int = 100_000, kills: int = 20, hostile: int = 10_000, seed: int = 0) -> None:
    """Run the checks that take minutes: each a program, which says what it tried and ends badly at the first fault."""
    programs = (
        f"tests.soak.mutants --count {mutants} --seed {seed}",
        f"tests.soak.kills --count {kills} --seed {seed}",
        f"tests.soak.hostile --count {hostile} --seed {seed}",
    )
    with context.cd(_ROOT):
        for program in programs:
            context.run(f"python -m {program}", env={"PYTHONPATH": "src"})


@task(
    iterable=["file", "set"],
    auto_shortflags=False,
    help={
        "file": "a pipeline file (again for more, or their names alone); none: all of gocd/",
        "set": "name=value: another value for a pipeline's parameter; again for more",
        "dataset": "folder or git repository in place of the parameter dataset_url",
        "approve": "name of a manual stage that may begin; several with commas",
        "keep": "folder for artifacts, consoles and counters; a later rehearsal there goes on from them",
        "by_hand": "start the first pipeline even if nothing is new",
    },
)
def rehearse(
    _context: Context,
    file: list[str],
    set: list[str],
    dataset: str = "",
    approve: str = "",
    keep: str = "",
    by_hand: bool = False,
) -> None:
    """Run GoCD's pipelines on this machine as its server and agents would: ci/inv ci.rehearse gocd/*.gocd.yaml."""
    from ci.gocd.rehearse import Wish, parse_parameters, rehearsal_dir
    from ci.gocd.rehearse import rehearse as run_rehearsal

    # A program that a job runs must not outlive the rehearsal.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    files = tuple(Path(name) for name in file) or tuple(sorted((_ROOT / "gocd").glob("*.gocd.yaml")))
    approved = frozenset(name for name in approve.split(",") if name)
    try:
        wish = Wish(_ROOT, files, parse_parameters(set), dataset, approved, by_hand)
        with rehearsal_dir(keep) as folder:
            is_good = run_rehearsal(wish, folder, lambda text: print(text, flush=True))
    except EdgetrainError as error:
        raise Exit(f"error: {error}", code=1) from error
    except KeyboardInterrupt:
        raise Exit("interrupted", code=130) from None
    if not is_good:
        raise Exit(code=1)


@task
def beam(context: Context) -> None:
    """Write records by Apache Beam in several ways and compare the bytes: ci/inv --profile beam ci.beam."""
    with context.cd(_ROOT):
        # Beam tells every step on standard error: shown only after a failure.
        context.run("python -m tests.soak.beam_records", env={"PYTHONPATH": "src"}, hide="stderr")


@task(help={"steps": "training steps", "seed": "seed of pictures and weights", "out": "archive to write"})
def pretrain_demo(_context: Context, steps: int = 2200, seed: int = 0, out: str = _BACKBONE) -> None:
    """Make the demo's backbone anew: classification of drawn shapes, on this machine, from random weights."""
    from edgetrain.demo.pretraining import pretrain

    accuracy = pretrain(_ROOT / out, seed=seed, steps=steps, report=print)
    print(f"{out}: accuracy {accuracy:.3f} on fresh pictures")


@task(help={"check": "write nothing; exit code 1 where a page is out of date"})
def reference(_context: Context, check: bool = False) -> None:
    """Write the pages of tasks and settings (docs/tasks.md, docs/settings.md) from the code's own texts."""
    from ci.known_tasks import known_tasks
    from ci.reference import pages

    for path, text in pages(_ROOT, known_tasks()).items():
        name = path.relative_to(_ROOT).as_posix()
        is_old = not path.is_file() or path.read_text(encoding="utf-8") != text
        if check and is_old:
            raise Exit(f'error: {name} is out of date. Run "ci/inv ci.reference".', code=1)
        path.write_text(text, encoding="utf-8")
        print(name)


@task
def coral(_context: Context) -> None:
    """Fetch what a Coral agent needs beside PyPI (edgetpu/device/pairs.json): ci/inv --profile device ci.coral."""
    from ci.coral import install

    try:
        print(*install(Path(sys.prefix) / "coral"), sep="\n")
    except EdgetrainError as error:
        raise Exit(f"error: {error}", code=1) from error


@task(
    help={
        "into": "folder for it, whose bin then belongs on PATH; none: this environment",
        "url": "a source of your own: a URL or a file",
        "sha256": "digest of that source's file; without one it is printed, and nothing unpacked",
    }
)
def compiler(_context: Context, into: str = "", url: str = "", sha256: str = "") -> None:
    """Fetch and check edgetpu_compiler (ci/compiler_sources.json): ci/inv --profile compile ci.compiler."""
    from ci.compiler import Wish, install

    try:
        print(*install(Path(into or sys.prefix), Wish(url, sha256)), sep="\n")
    except EdgetrainError as error:
        raise Exit(f"error: {error}", code=1) from error


namespace = Collection(
    lint, types, pipelines, workflows, check, soak, pretrain_demo, rehearse, beam, coral, compiler, reference
)
