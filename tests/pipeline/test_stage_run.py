"""One run of one stage: what its report says, which digests are taken, what a listener hears."""

from __future__ import annotations

import os
import re
import sys
import types
from dataclasses import replace

import pytest

from edgetrain.core.errors import MissingInputError, StorageError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings.choices import NetworkType
from edgetrain.core.splits import Split
from edgetrain.core.system import progress
from edgetrain.core.system.files import file_digest
from edgetrain.core.system.progress import Listener
from edgetrain.core.workspace.reports import read_report, require_report
from edgetrain.pipeline import stage_run
from edgetrain.pipeline.stage_run import Digests, StageInputs, run_if_stale
from edgetrain.records.tfrecord import write_records

MODULE = "edgetrain.fake"
NOTHING = StageInputs(settings={}, required={}, optional=(), reads_dataset=False, outputs=())


class Ears(Listener):
    """Remembers every event with its texts."""

    def __init__(self):
        self.heard = []

    def started(self, stage):
        self.heard.append(("started", stage))

    def noted(self, text):
        self.heard.append(("noted", text))

    def finished(self, stage, summary, _seconds):
        self.heard.append(("finished", stage, summary))

    def skipped(self, stage, reason):
        self.heard.append(("skipped", stage, reason))


@pytest.fixture
def run(monkeypatch, settings):
    """Return a function that runs a stage ``fake`` with some inputs and returns what was heard."""
    module = types.ModuleType(MODULE)
    module.run = lambda _settings, _workspace: Outcome("3 things made", {"things": 3}, ("mind the gap",))
    monkeypatch.setitem(sys.modules, MODULE, module)
    monkeypatch.setattr(Digests, "of_code", lambda _self: "code")

    def run(inputs=NOTHING):
        ears = Ears()
        with progress.listening(ears):
            run_if_stale("fake", MODULE, inputs, settings(), Digests(settings()))
        return ears.heard

    return run


def test_a_run_is_heard_from_its_start_to_its_notes(run):
    assert run() == [("started", "fake"), ("finished", "fake", "3 things made"), ("noted", "mind the gap")]


def test_an_unneeded_run_is_heard_as_skipped(run):
    run()

    assert run() == [("skipped", "fake", "inputs, settings and code are unchanged")]


def test_the_report_says_what_it_was_made_from(run, workspace):
    path = workspace.root / "table.csv"
    path.parent.mkdir()
    path.write_text("a,b\n")

    inputs = StageInputs({"network.type": NetworkType.MOBILENET_V1_SSD}, {path: "tabulate"}, (), False, (path,))  # noqa: FBT003
    run(inputs)

    record = read_report(workspace.report_path("fake"))
    assert (record["stage"], record["summary"], record["things"]) == ("fake", "3 things made", 3)
    assert record["notes"] == ["mind the gap"]
    assert record["made_from"]["settings"] == {"network.type": "mobilenet_v1_ssd"}
    assert record["made_from"]["inputs"] == {"table.csv": file_digest(path)}
    assert record["made_from"]["outputs"] == {"table.csv": file_digest(path)}


def test_what_the_stage_knows_of_its_files_is_not_read_again(run, workspace, monkeypatch):
    path = workspace.root / "table.csv"
    path.parent.mkdir()
    path.write_text("a,b\n")
    sys.modules[MODULE].run = lambda _settings, _workspace: Outcome("done", digests={path: "known"})
    monkeypatch.setattr(stage_run, "file_digest", lambda _path: pytest.fail("read again"))

    run(replace(NOTHING, outputs=(path,)))

    assert read_report(workspace.report_path("fake"))["made_from"]["outputs"] == {"table.csv": "known"}


def test_records_have_the_digest_that_their_writer_knows(settings, workspace):
    path = workspace.shard_path(Split.TRAIN, 0, 1)
    path.parent.mkdir(parents=True)
    known = {path: write_records(path, [b"one", b"two"]).digest}
    first, second = Digests(settings()), Digests(settings())
    first.learn(known)

    assert first.of(path) == second.of(path)
    path.write_bytes(path.read_bytes()[:-5] + b"x" + path.read_bytes()[-4:])
    assert first.of(path) == second.of(path) != known[path]


def test_the_report_names_the_versions_of_what_is_installed(run, workspace):
    run()

    versions = read_report(workspace.report_path("fake"))["made_from"]["versions"]

    assert {"python", "edgetrain", "lxml"} <= versions.keys()
    assert all(re.match(r"\d+\.\d+", version) for version in versions.values())


def test_the_report_of_a_stage_that_did_not_run_names_the_task(workspace):
    with pytest.raises(
        MissingInputError, match=r'evaluate\.json: no report of "evaluate"\. Run "ci/inv evaluate" first'
    ):
        require_report(workspace.report_path("evaluate"), "evaluate")


def test_a_report_that_cannot_be_replaced_is_one_message(run, workspace):
    (workspace.report_path("fake") / "folder").mkdir(parents=True)

    with pytest.raises(StorageError, match=r"fake\.json: Is a directory"):
        run()


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in ("lists", "records")])
def test_the_digest_of_a_folder_covers_names_and_contents(settings, tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "a").write_text("1")
    digests = {Digests(settings()).of(folder)}
    (folder / "a").write_text("2")
    digests.add(Digests(settings()).of(folder))
    (folder / "a").rename(folder / "b")
    digests.add(Digests(settings()).of(folder))

    assert len(digests) == 3


def test_what_does_not_exist_has_no_digest(settings, tmp_path):
    digests = Digests(settings())

    assert digests.of(tmp_path / "nothing") is None
    assert digests.of_dataset() is None


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_read_again(settings, tmp_path):
    path, other = tmp_path / "model", tmp_path / "other"
    path.write_text("one")
    other.write_text("two")
    digests = Digests(settings())
    before = digests.of(path)
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)

    assert digests.of(path) != before


def test_a_file_is_read_only_once(settings, tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.write_text("one")
    digests = Digests(settings())
    before = digests.of(path)
    monkeypatch.setattr(stage_run, "file_digest", lambda _path: pytest.fail("read again"))

    assert digests.of(path) == before


def test_pictures_behind_a_link_out_of_the_dataset_belong_to_it_if_links_are_followed(settings, tmp_path):
    (tmp_path / "camera").mkdir()
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "images").symlink_to(tmp_path / "camera")
    kept = settings(dataset__follow_links=True)
    before = Digests(kept).of_dataset(), Digests(settings()).of_dataset()
    (tmp_path / "camera" / "boat.jpg").write_text("boat")

    assert Digests(kept).of_dataset() != before[0]
    assert Digests(settings()).of_dataset() == before[1]


def test_the_digest_of_the_code_covers_templates_and_modules(settings):
    digests = Digests(settings())

    assert digests.of_code() == digests.of_code()
    assert re.fullmatch("[0-9a-f]{64}", digests.of_code())
