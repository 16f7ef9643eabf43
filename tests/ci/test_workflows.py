"""GitHub's workflows: what the checkers say of them, and what the review of a pull request shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ci import tasks
from ci.lock import LOCKS
from ci.workflows import command_faults
from edgetrain.core.findings import Finding
from tests.conftest import draw_labelled
from tests.support.places import PROJECT_DIR

WORKFLOWS = sorted((PROJECT_DIR / ".github" / "workflows").glob("*.yml"))
COPIES = re.findall(r"```yaml\n(.*?)```", (PROJECT_DIR / "docs" / "github.md").read_text(encoding="utf-8"), re.DOTALL)
HOSTILE = "$(touch pwned)`touch pwned`|<img src=x>@team"
MUTATIONS = (
    pytest.param(
        "annotations.yml", '"$DATASET"', "${{ github.event.pull_request.title }}", "template-inj", id="injection"
    ),
    pytest.param("check.yml", "@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "unpinned-uses", id="not pinned"),
    pytest.param("smoke.yml", "    timeout-minutes: 60\n", "", "timeout-minutes", id="no timeout"),
    pytest.param("train.yml", "runs-on:", "run-on:", "run-on", id="unknown key"),
    pytest.param("hardware.yml", "[self-hosted, linux, coral]", "[self-hosted, linux, korall]", "korall", id="label"),
    pytest.param("train.yml", "needs: train", "needs: trian", "trian", id="unknown job"),
)


def checks(folder):
    """Return what the checkers of ``ci.workflows`` say of a project's folder, one after the other."""
    said = []
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in tasks._WORKFLOW_CHECKS:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env={**os.environ, "PATH": programs},
            capture_output=True,
            text=True,
            check=False,
        )
        said.append(done.stdout + done.stderr if done.returncode else "")
    return said


@pytest.fixture
def project(tmp_path):
    """Return a copy of what the checkers look at, in a repository of its own."""
    for name in (".github", "gocd", "ci/yamllint.yaml"):
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-r", str(PROJECT_DIR / name), str(target)], check=True)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def test_the_workflows_are_without_fault(project):
    assert checks(project) == [""] * len(tasks._WORKFLOW_CHECKS)
    assert [fault for path in WORKFLOWS for fault in command_faults(path, path.name)] == []


@pytest.mark.parametrize(("name", "old", "new", "said"), MUTATIONS)
def test_a_planted_mistake_is_found(project, name, old, new, said):
    path = project / ".github" / "workflows" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")

    assert said in "".join(checks(project))


def test_a_command_that_invoke_does_not_know_is_found_with_its_line(tmp_path):
    path = tmp_path / "a.yml"
    path.write_text("jobs:\n  a:\n    steps:\n      - run: ci/inv vaildate\n", encoding="utf-8")

    (fault,) = command_faults(path, "a.yml")

    assert fault.startswith("a.yml:4: ")
    assert 'Did you mean "validate"' in fault


@pytest.mark.parametrize("text", COPIES)
def test_what_users_copy_is_short_and_without_fault(project, text):
    assert len(text.splitlines()) <= 15
    (project / ".github" / "workflows" / "copy.yml").write_text(text, encoding="utf-8")

    assert checks(project) == [""] * len(tasks._WORKFLOW_CHECKS)


def git(folder, *words):
    """Run git with a name of its own."""
    named = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *words]
    return subprocess.run(named, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Return a repository with 500 good pictures."""
    root = tmp_path_factory.mktemp("pull") / "review"
    drawn = draw_labelled(root, "drawn", boxes=2)
    picture = root / "images" / "drawn.jpg"
    xml, data = drawn.read_text(encoding="utf-8"), picture.read_bytes()
    drawn.unlink()
    picture.unlink()
    for number in range(500):
        (root / "annotations" / f"{number:04d}.xml").write_text(xml.replace("drawn", f"{number:04d}"), encoding="utf-8")
        # Of its own for each: a comment before the end marker.
        own = b"\xff\xfe\x00\x06%04d\xff\xd9" % number
        (root / "images" / f"{number:04d}.jpg").write_bytes(data[:-2] + own)
    git(root.parent, "init", "--quiet", "--initial-branch=main", str(root))
    git(root, "add", "-A")
    git(root, "commit", "--quiet", "-m", "pictures")
    return root


@pytest.fixture
def review(base, tmp_path):
    """Return a function that runs the step of the workflow for a branch that was changed by another function."""
    step = yaml.safe_load((PROJECT_DIR / ".github/workflows/annotations.yml").read_text())["jobs"]["annotations"][
        "steps"
    ][-1]

    def run(change):
        root = tmp_path / "review"
        git(tmp_path, "clone", "--quiet", str(base), str(root))
        git(root, "checkout", "--quiet", "-b", "change")
        change(root)
        git(root, "add", "-A")
        git(root, "commit", "--quiet", "-m", "change")
        # The wrapper is stood in for, so that no environment is made: what it starts is the real thing.
        wrapper = tmp_path / "edgetrain" / "ci" / "inv"
        wrapper.parent.mkdir(parents=True)
        program = f'"{sys.executable}" "{PROJECT_DIR}/ci/program.py" --search-root "{PROJECT_DIR}"'
        wrapper.write_text(f'#!/bin/sh\n[ "$1 $2" = "--profile check" ] || exit 9\nshift 2\nexec {program} "$@"\n')
        wrapper.chmod(0o755)
        variables = {"DATASET": "review/.", "BASE": git(root, "rev-parse", "main"), "CI": "true"}
        variables |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=tmp_path,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout.splitlines(), (tmp_path / "summary.md").read_text(encoding="utf-8")

    return run


def edit(path, old, new):
    """Replace text in a file, which must have it."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def touch(root, count):
    """Change annotations without a fault."""
    for path in sorted((root / "annotations").glob("*.xml"))[:count]:
        path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")


def test_a_good_pull_request_of_400_files_passes(review):
    code, lines, summary = review(lambda root: touch(root, 400))

    token = lines[0].removeprefix("::stop-commands::")
    assert (code, lines) == (0, [f"::stop-commands::{token}", "0 errors, 0 warnings", f"::{token}::"])
    assert summary.startswith("## Annotations: good, 0 errors, 0 warnings\n\n400 files changed.\n")
    assert "| pictures | 500 | 500 | +0 |" in summary


OUTSIDE = ("boat: xmax 928 is outside the picture (64x48).", "Clip the box or draw it again.")
ORPHAN = (
    "the picture has no annotation, so it is not used.",
    "Label it, or remove it. If it shows no object, save an annotation without boxes.",
)


def test_two_dozen_faults_in_400_files_are_shown_within_the_limits(review):
    """Ten errors and ten warnings on their lines, those of touched files first; all in the log and the summary."""

    def change(root):
        touch(root, 400)
        for number in range(380, 392):
            edit(root / "annotations" / f"{number:04d}.xml", "<xmax>28", "<xmax>928")
        for number in range(388, 400):
            edit(root / "annotations" / f"{number:04d}.xml", "<filename>", "<filename>images/")
        (root / "annotations" / "0000.xml").unlink()

    code, lines, summary = review(change)

    found = [
        Finding(f"annotations/{number:04d}.xml", 22, "box-outside", "error", *OUTSIDE) for number in range(380, 392)
    ]
    for number in range(388, 400):
        words = f"<filename> 'images/{number:04d}.jpg' contains folders; only '{number:04d}.jpg' counts."
        place = (f"annotations/{number:04d}.xml", 3, "filename-path", "warning")
        found.append(Finding(*place, words, "Write the picture's name without folders."))
    # Nobody touched this picture: a rule about the whole set sees it all the same.
    found.append(Finding("images/0000.jpg", 1, "image-orphaned", "warning", *ORPHAN))
    token = lines[0].removeprefix("::stop-commands::")
    shown = [
        f"::{one.severity} file={one.file},line={one.line},title={one.rule}::{one.message} {one.fix}" for one in found
    ]
    rest = "5 more findings not shown here: the step's log lists all (12 errors, 13 warnings)."
    assert code == 1
    assert lines == [
        f"::stop-commands::{token}",
        *map(str, sorted(found)),
        "12 errors, 13 warnings",
        f"::{token}::",
        *shown[:10],
        *shown[12:22],
        f"::notice title=edgetrain validate::{rest}",
    ]
    rows = re.findall(r"^\| (?:annotations|images)/(\d{4})\.\w+&#58;(\d+) \| .* \((.*)\) \|", summary, re.MULTILINE)
    assert rows == [(one.file[-8:-4], str(one.line), one.rule) for one in found]
    assert "| pictures | 500 | 499 | -1 |" in summary


def test_what_others_changed_meanwhile_is_not_judged(review):
    """The base has moved on, so it is no ancestor of the change."""

    def change(root):
        git(root, "checkout", "--quiet", "main")
        edit(root / "annotations" / "0001.xml", "<xmax>28", "<xmax>928")
        git(root, "commit", "--quiet", "--all", "-m", "theirs")
        git(root, "checkout", "--quiet", "change")
        touch(root, 3)

    code, lines, summary = review(change)

    assert (code, lines[1]) == (0, "0 errors, 0 warnings")
    assert "\n3 files changed.\n" in summary


def test_a_hostile_pull_request_runs_nothing_and_commands_nothing(review, tmp_path):
    """Names with shell, Markdown and workflow commands, and an entity bomb, are only shown."""

    def change(root):
        edit(root / "annotations" / "0000.xml", "<name>", f"<name>{HOSTILE.replace('<', '&lt;')}")
        (root / "annotations" / "a\n::set-output name=x::y.xml").write_text("<annotation/>", encoding="utf-8")
        (root / "annotations" / "::error::z.xml").write_text("<annotation/>", encoding="utf-8")
        bomb = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><annotation>&b;</annotation>'
        (root / "annotations" / "bomb.xml").write_text(bomb, encoding="utf-8")

    code, lines, summary = review(change)

    begin = next(place for place, line in enumerate(lines) if line.startswith("::stop-commands::"))
    end = lines.index(f"::{lines[begin].removeprefix('::stop-commands::')}::")
    ours = ("::error file=", "::warning file=", "::notice title=edgetrain")
    assert code == 1
    assert not (tmp_path / "pwned").exists()
    assert all(line.startswith(ours) for line in [*lines[:begin], *lines[end + 1 :]])
    assert any("xml-unsafe" in line for line in lines)
    assert "<img" not in summary
    assert "@team" not in summary
    assert "\n::set-output" not in summary


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_workflow_lets_links_lead_out_of_a_dataset(path):
    assert "follow" not in path.read_text(encoding="utf-8").casefold()


@pytest.mark.parametrize("name", ["annotations.yml", "train.yml"])
def test_a_caller_says_whether_lfs_and_submodules_are_fetched_and_nothing_is_unasked(name):
    workflow = yaml.safe_load((PROJECT_DIR / ".github" / "workflows" / name).read_text(encoding="utf-8"))
    inputs = workflow[True]["workflow_call"]["inputs"]  # to YAML 1.1 "on" is true
    (job,) = (job for job in workflow["jobs"].values() if "steps" in job)
    first = job["steps"][0]["with"]

    assert (inputs["lfs"]["default"], inputs["submodules"]["default"]) == (False, "false")
    assert first["lfs"] == "${{ inputs.lfs || vars.EDGETRAIN_LFS == 'true' }}"
    assert first["submodules"] == "${{ inputs.submodules || vars.EDGETRAIN_SUBMODULES || 'false' }}"
    assert all("lfs" not in step.get("with", {}) for step in job["steps"][1:])


def test_every_lock_is_audited():
    text = (PROJECT_DIR / ".github" / "workflows" / "audit.yml").read_text(encoding="utf-8")
    patterns = re.search(r"for lock in (.*); do", text)[1].split()
    audited = {path.relative_to(PROJECT_DIR).as_posix() for pattern in patterns for path in PROJECT_DIR.glob(pattern)}

    assert audited == {lock.target for lock in LOCKS}
