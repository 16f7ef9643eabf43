"""Pipelines follow each other here as they do on a server: triggers, fan-in, approval, counters, artifacts."""

from __future__ import annotations

import shutil

import pytest

from edgetrain.core.errors import SettingsError, StorageError
from tests.ci.gocd.server import commit, git

DATASET = """
first:
  group: tests
  label_template: "${COUNT}-${data[:4]}"
  parameters: {dataset_url: https://git.example.org/data.git, dataset_branch: main, word: hello}
  materials:
    code: {type: configrepo, destination: code, ignore: ["**/*"]}
    data: {git: "#{dataset_url}", branch: "#{dataset_branch}", destination: data, includes: ["*.xml"]}
  stages:
    - copy:
        artifacts: [{build: {source: data/a.xml, destination: out}}]
        tasks: [exec: {command: echo, arguments: ["#{word}"]}]
"""
SECOND = """
second:
  group: tests
  parameters: {dataset_url: https://git.example.org/data.git, dataset_branch: main}
  materials:
    code: {type: configrepo, destination: code, ignore: ["**/*"]}
    data: {git: "#{dataset_url}", branch: "#{dataset_branch}", destination: data, includes: ["*.xml"]}
    before: {pipeline: first, stage: copy}
  stages:
    - use:
        artifacts: [{build: {source: in/a.xml}}]
        tasks:
          - fetch: {pipeline: first, stage: copy, job: copy, source: out/a.xml, is_file: true, destination: in}
          - exec: {command: env}
"""
THIRD = """
third:
  group: tests
  materials:
    code: {type: configrepo, destination: code, ignore: ["**/*"]}
    before: {pipeline: second, stage: use}
  stages:
    - get:
        tasks:
          - fetch: {pipeline: first/second, stage: copy, job: copy, source: out, destination: in}
          - exec: {command: cat, arguments: [in/out/a.xml]}
    - promote:
        approval: {type: manual, allow_only_on_success: true}
        tasks: [exec: {command: echo, arguments: [promoted]}]
"""


@pytest.fixture
def files(server):
    """Return three pipelines, each after the one before, in the wrong order."""
    return [server.write(name, text) for name, text in (("3", THIRD), ("1", DATASET), ("2", SECOND))]


def test_pipelines_run_in_the_order_of_their_dependencies_and_fetch_from_each_other(server, files):
    assert server.run(*files, dataset=server.dataset)

    assert server.artifacts("second/1/use/1/use/a.xml").read_text() == "<a/>"
    assert "<a/>" in server.console("third/1/get/1/get")
    assert "  promote waits for approval: --approve promote gives it" in server.lines
    assert [line.split()[:3] for line in server.lines[-1].splitlines()[1:]] == [
        ["first", f"1-{git(server.dataset, 'rev-parse', 'HEAD')[:4]}", "passed"],
        ["second", "1", "passed"],
        ["third", "1", "waits"],
    ]


def test_an_approved_stage_runs(server, files):
    assert server.run(*files, dataset=server.dataset, approved=frozenset(["promote"]))

    assert "promoted" in server.console("third/1/promote/1/promote")


def test_a_stage_that_does_not_exist_cannot_be_approved(server, files):
    with pytest.raises(SettingsError, match=r"--approve promot: there is no such manual stage \(there is: promote\)"):
        server.run(*files, dataset=server.dataset, approved=frozenset(["promot"]))


def test_a_dependency_is_told_to_the_job(server, files):
    server.run(*files, dataset=server.dataset)

    lines = server.console("second/1/use/1/use").splitlines()
    assert "GO_DEPENDENCY_LOCATOR_BEFORE=first/1/copy/1" in lines
    assert f"GO_DEPENDENCY_LABEL_BEFORE=1-{git(server.dataset, 'rev-parse', 'HEAD')[:4]}" in lines


def test_a_failure_stops_the_pipeline_and_those_after_it(server, files):
    git(server.dataset, "mv", "a.xml", "b.xml")
    commit(server.dataset)

    assert not server.run(*files, dataset=server.dataset)

    assert "second does not trigger: waits for first/copy, which has not passed" in server.lines
    assert not server.artifacts("second").exists()


def test_a_commit_that_passes_no_filter_triggers_nothing(server, files):
    commit(server.dataset, README__md="words")

    assert server.run(*files, dataset=server.dataset)

    assert "first does not trigger: " in server.text
    assert "changes README.md: none is among its includes" in server.text
    assert not server.artifacts("").exists()


def test_what_is_started_by_hand_runs_all_the_same(server, files):
    commit(server.dataset, README__md="words")

    assert server.run(*files, dataset=server.dataset, is_by_hand=True)

    assert server.artifacts("first/1/copy").exists()


def test_nothing_runs_again_without_a_new_commit(server, files):
    server.run(*files, dataset=server.dataset)

    assert server.run(*files, dataset=server.dataset)
    assert "first does not trigger: nothing is new" in server.lines
    assert not server.artifacts("first/2").exists()


def test_a_second_commit_is_a_second_run_with_its_own_counter(server, files):
    server.run(*files, dataset=server.dataset)
    commit(server.dataset, a__xml="<b/>")
    commit(server.dataset, a__xml="<c/>")

    assert server.run(*files, dataset=server.dataset)

    found = [server.artifacts(f"second/{number}/use/1/use/a.xml").read_text() for number in (1, 2)]
    assert found == ["<a/>", "<c/>"]


def test_several_commits_are_one_change_from_the_oldest_to_the_newest(server):
    file = server.write("1", DATASET.replace("command: echo", "command: env").replace(', arguments: ["#{word}"]', ""))
    server.run(file, dataset=server.dataset)
    oldest = commit(server.dataset, a__xml="<b/>")
    newest = commit(server.dataset, a__xml="<c/>")

    server.run(file, dataset=server.dataset)

    lines = server.console("first/2/copy/1/copy").splitlines()
    assert f"GO_FROM_REVISION_DATA={oldest}" in lines
    assert f"GO_TO_REVISION_DATA={newest}" in lines


def test_a_later_pipeline_takes_the_commit_that_passed_and_not_a_newer_one(server, files):
    server.run(files[1], dataset=server.dataset)
    passed = git(server.dataset, "rev-parse", "HEAD")
    commit(server.dataset, a__xml="<b/>")

    assert server.run(files[2], dataset=server.dataset)

    assert f"GO_REVISION_DATA={passed}" in server.console("second/1/use/1/use")


def test_a_pipeline_waits_for_one_that_has_never_run(server, files):
    assert server.run(files[2], dataset=server.dataset)

    assert "second does not trigger: waits for first/copy, which has not passed" in server.lines


def test_parameters_are_put_in_and_the_changed_ones_are_said(server, files):
    server.run(files[1], dataset=server.dataset, parameters={"word": "bye"})

    assert "bye" in server.console("first/1/copy/1/copy").splitlines()
    assert 'first: parameter word is "bye" instead of "hello"' in server.lines


def test_a_fetch_from_a_later_stage_fails_the_job(server):
    stages = """\
    - one:
        tasks: [fetch: {stage: two, job: two, source: out, destination: in}]
    - two:
        tasks: [exec: {command: "true"}]
    """

    assert not server.run_stages(stages)
    assert 'stage "two" of one has not passed before this job' in server.text


def test_all_jobs_of_a_stage_run_before_it_fails(server):
    stages = """\
    - both:
        jobs:
          bad: {resources: [coral], tasks: [exec: {command: "false"}]}
          good: {tasks: [exec: {command: "true"}]}
    - after:
        tasks: [exec: {command: "true"}]
    """

    assert not server.run_stages(stages)
    results = [line.split()[:2] for line in server.lines if line.startswith("  ") and "|" not in line]
    assert results == [["both/bad", "FAILED"], ["both/good", "passed"]]
    assert "agents assumed, one for each set of resources: any; coral" in server.lines


def test_a_plain_folder_becomes_a_repository_of_the_rehearsal(server, files, tmp_path):
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "a.xml").write_text("<plain/>")

    assert server.run(*files, dataset=plain)
    (plain / "a.xml").write_text("<changed/>")
    assert server.run(*files, dataset=plain)

    found = [server.artifacts(f"second/{number}/use/1/use/a.xml").read_text() for number in (1, 2)]
    assert found == ["<plain/>", "<changed/>"]
    assert f"{plain} is no git repository" in server.text
    assert sorted(path.name for path in plain.iterdir()) == ["a.xml"]


def test_what_is_not_committed_is_not_used_and_said(server, files):
    (server.dataset / "a.xml").write_text("<dirty/>")

    server.run(*files, dataset=server.dataset)

    assert "dataset: what is not committed is not used: a.xml" in server.lines
    assert server.artifacts("second/1/use/1/use/a.xml").read_text() == "<a/>"


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        pytest.param(
            {"dataset": "/nowhere/at/all"}, "--dataset /nowhere/at/all: this folder does not exist", id="dataset"
        ),
        pytest.param({"parameters": {"dataset_branch": "x"}}, r'there is no branch "x" \(it has: main\)', id="branch"),
        pytest.param({"parameters": {"wrod": "x"}}, "wrod", id="parameter"),
    ],
)
def test_wrong_wishes_are_refused(server, files, wishes, message):
    with pytest.raises(SettingsError, match=message):
        server.run(*files, **{"dataset": server.dataset, **wishes})


def test_what_jobs_push_stays_in_the_rehearsal(server):
    push = DATASET.replace(
        'exec: {command: echo, arguments: ["#{word}"]}',
        "exec: {command: git, arguments: [push, origin, 'HEAD:refs/heads/champion'], working_directory: data}",
    )

    assert server.run(server.write("1", push), dataset=server.dataset)

    assert git(server.dataset, "branch", "--list", "champion") == ""
    assert "champion" in git(server.root / "kept/repositories/dataset.git", "branch", "--list", "champion")


def test_a_damaged_history_is_refused(server, files):
    server.run(*files, dataset=server.dataset)
    (server.root / "kept/history.json").write_text("{")

    with pytest.raises(StorageError, match=r"history\.json: damaged"):
        server.run(*files, dataset=server.dataset)


_NO_FILTER = ("-c", "filter.lfs.process=", "-c", "filter.lfs.clean=")
SHOWN = """
one:
  group: tests
  parameters: {dataset_url: https://git.example.org/data.git}
  materials:
    data: {git: "#{dataset_url}", branch: main, destination: data}
  stages:
    - show:
        tasks: [exec: {command: cat, arguments: [data/images/a.jpg]}]
"""


def show(server):
    """Rehearse a job that prints a picture of the dataset, and return its console."""
    assert server.run(server.write("one", SHOWN), dataset=str(server.dataset)), server.text
    return server.console("one/1/show/1/show")


def with_submodule(server):
    """Make the dataset's pictures a submodule, named by where it is relative to the dataset."""
    commit(server.root / "images", a__jpg="the picture")
    git(server.dataset, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../images", "images")
    commit(server.dataset)


def test_submodules_are_fetched_as_agents_fetch_them(server):
    with_submodule(server)

    console = show(server)
    assert "Submodules: images" in console
    assert "the picture" in console


def test_without_git_lfs_pointers_stay_and_the_console_says_so(server, monkeypatch):
    (server.dataset / "images").mkdir()
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 1\n"
    (server.dataset / "images" / "a.jpg").write_text(pointer)
    (server.dataset / ".gitattributes").write_text("*.jpg filter=lfs diff=lfs merge=lfs -text\n")
    git(server.dataset, "-c", "filter.lfs.required=false", *_NO_FILTER, "add", "--all")
    git(server.dataset, "commit", "--quiet", "--message", "pointer")
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "git-lfs" else which(name))

    console = show(server)
    assert "git-lfs is not installed here: pointers stand in place" in console
    assert "oid sha256:" in console


@pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")
def test_what_git_lfs_keeps_is_fetched_as_agents_fetch_it(server):
    git(server.dataset, "lfs", "install", "--local")
    git(server.dataset, "lfs", "track", "*.jpg")
    (server.dataset / "images").mkdir()
    (server.dataset / "images" / "a.jpg").write_text("the picture")
    commit(server.dataset)

    console = show(server)
    assert "Git LFS: 1 files" in console
    assert "the picture" in console
