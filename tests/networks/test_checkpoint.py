"""The checkpoint: fetched, told apart, noted with its digest; anything else is one message and leaves nothing."""

from __future__ import annotations

import importlib
import json
import tarfile

import pytest

from edgetrain.core.errors import DownloadError, LabelMapError, SettingsError, TrainingError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.system.files import file_digest
from edgetrain.core.workspace.label_map_file import read_label_map, write_label_map
from edgetrain.web.download import Download
from tests.support.places import SHARED_DIR

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def stage():
    """Return the stage, loaded only where TensorFlow is installed."""
    return importlib.import_module("edgetrain.networks.checkpoint")


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Return a function that gives the archive of a tiny checkpoint, by what it holds."""
    tf = importlib.import_module("tensorflow")
    folder = tmp_path_factory.mktemp("archives")
    weights = tf.train.Checkpoint(kernel=tf.Variable([1.0, 2.0]))

    def write(kind):
        prefix = str(folder / kind / "ckpt-0")
        if kind == "classification":
            tf.train.Checkpoint(feature_extractor=weights).write(prefix)
        elif kind == "detection":
            tf.train.Checkpoint(model=tf.train.Checkpoint(_feature_extractor=weights)).write(prefix)
        elif kind == "tensorflow 1":
            (folder / kind).mkdir()
            names, slices = ["FeatureExtractor/MobilenetV2/Conv/weights"], [""]
            tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=slices, tensors=[[1.0, 2.0]])
        else:
            tf.train.Checkpoint(words=weights).write(prefix)
        archive = folder / f"{kind}.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(folder / kind, kind)
        return archive

    return write


@pytest.fixture
def run(stage, settings, workspace):
    """Return a function that runs the stage for an archive; arguments with ``__`` are settings."""
    return lambda url="", **changes: stage.run(settings(checkpoint__url=str(url), **changes), workspace)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param("classification", ("classification", 2), id="backbone"),
        pytest.param("detection", ("detection", 2), id="detector"),
        pytest.param("tensorflow 1", ("detection", 1), id="detector of TensorFlow 1"),
    ],
)
def test_the_checkpoint_is_unpacked_and_noted_with_its_digest(run, archives, workspace, content, kind):
    archive = archives(content)

    report = run(archive)

    noted = json.loads((workspace.checkpoint_dir / "checkpoint.json").read_text())
    expected = {"type": kind[0], "tensorflow": kind[1], "archive": archive.name, "sha256": file_digest(archive)}
    assert noted == dict(report.results) == expected
    assert {"ckpt-0.index", "ckpt-0.data-00000-of-00001"} < {path.name for path in workspace.checkpoint_dir.iterdir()}


def test_an_unchecked_digest_of_a_download_is_printed_whole(run, stage, archives, monkeypatch):
    archive = archives("detection")
    monkeypatch.setattr(stage, "fetch_recorded", lambda *_, **__: Download(archive, file_digest(archive)))

    report = run("https://host/zoo.tar.gz")

    (note,) = report.notes
    assert note.startswith("the digest was not checked, but is demanded from now on")
    assert note.endswith(f"set checkpoint.sha256: {file_digest(archive)}")


@pytest.mark.shared
@pytest.mark.parametrize("network", [pytest.param(name, id=name) for name in ("mobilenet_v1", "mobilenet_v2")])
def test_the_backbones_beside_the_project_have_the_digests_of_their_list(run, network):
    lines = (SHARED_DIR / "checkpoints" / "SHA256SUMS").read_text().splitlines()
    digest, name = next(line.split() for line in lines if network in line)

    report = run(SHARED_DIR / "checkpoints" / name, checkpoint__sha256=digest)

    assert (report.results["type"], report.results["sha256"]) == ("classification", digest)
    assert report.notes == ()


def test_a_network_s_own_archive_is_used_where_none_is_given(run, archives):
    archive = archives("detection")

    report = run(checkpoint__mobilenet_v2_ssd_url=str(archive))

    assert report.results["sha256"] == file_digest(archive)


@pytest.mark.parametrize(
    ("image_size", "name"), [(320, "mobilenet_v2_fpnlite_url"), (480, "mobilenet_v2_fpnlite_640_url")]
)
def test_the_archive_of_the_nearer_size_is_used(run, archives, image_size, name):
    archive = archives("detection")
    changes = {f"checkpoint__{name}": str(archive), "network__image_size": image_size}

    report = run(network__type="mobilenet_v2_fpnlite", **changes)

    assert report.results["sha256"] == file_digest(archive)


@pytest.fixture
def former(archives, tmp_path):
    """Return the workspace of a finished run of two classes, of which only what counts is there."""
    final = tmp_path / "former" / "train" / "final"
    final.mkdir(parents=True)
    with tarfile.open(archives("detection")) as tar:
        for member in tar.getmembers():
            if member.isfile():
                (final / member.name.rpartition("/")[2]).write_bytes(tar.extractfile(member).read())
    (tmp_path / "former" / "annotations").mkdir()
    write_label_map(tmp_path / "former" / "annotations" / "label_map.pbtxt", LabelMap(("boat", "fish")))
    return tmp_path / "former"


@pytest.mark.parametrize("place", ["", "train/final"])
def test_a_former_run_is_taken_with_its_classes(run, former, workspace, place):
    report = run(former / place)

    assert report.results["classes"] == ["boat", "fish"]
    assert read_label_map(workspace.checkpoint_dir / "label_map.pbtxt").names == ("boat", "fish")
    assert report.summary.startswith(
        f"detection checkpoint {place[6:] or 'former'} with 2 classes of its own, SHA-256 "
    )
    assert (workspace.checkpoint_dir / "ckpt-0.index").is_file()


def test_an_archive_of_a_former_run_has_its_classes_too(run, former):
    write_label_map(former / "train" / "final" / "label_map.pbtxt", LabelMap(("house",)))
    archive = former.parent / "run.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(former / "train" / "final", "final")

    assert run(archive).results["classes"] == ["house"]


def test_a_damaged_label_map_beside_the_checkpoint_is_one_message(run, former, workspace):
    (former / "annotations" / "label_map.pbtxt").write_text("item {")

    with pytest.raises(LabelMapError, match=r"label_map\.pbtxt:\d+"):
        run(former)
    assert not workspace.checkpoint_dir.exists()


def test_a_workspace_does_not_start_from_itself(run, former):
    with pytest.raises(SettingsError, match=r"former lies in this workspace, .*Give another --workspace"):
        run(former, workspace__root=former)


def test_a_folder_has_no_digest_to_check(run, former):
    with pytest.raises(SettingsError, match=r"sha256: \S+former is a folder.*Leave it empty, or give an archive"):
        run(former, checkpoint__sha256="0" * 64)


def test_a_folder_without_a_checkpoint_is_refused(run, tmp_path):
    (tmp_path / "empty").mkdir()

    with pytest.raises(DownloadError, match=r"empty: exactly one TensorFlow checkpoint .*found: none"):
        run(tmp_path / "empty")


def test_a_checkpoint_whose_data_were_cut_is_refused(run, former, workspace):
    data = former / "train" / "final" / "ckpt-0.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-1])

    with pytest.raises(TrainingError, match="former: this is no readable TensorFlow checkpoint"):
        run(former)
    assert not workspace.checkpoint_dir.exists()


def test_a_network_without_an_archive_of_its_own_is_one_message(run, workspace):
    expected = r"^checkpoint\.url: mobilenet_v1_ssd has no default checkpoint\. Give one with --url.*v1_ssd_url\.$"
    with pytest.raises(SettingsError, match=expected):
        run(network__type="mobilenet_v1_ssd", checkpoint__mobilenet_v1_ssd_url="")

    assert not workspace.root.exists()


def test_a_checkpoint_that_training_cannot_start_from_is_refused(run, archives, workspace):
    with pytest.raises(TrainingError, match="neither a detector nor a backbone"):
        run(archives("language"))

    assert [path.name for path in workspace.root.iterdir()] == ["downloads"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            b"<!doctype html><html>sign in</html>", r"archive \(it is a web page\)\. Check the URL", id="web page"
        ),
        pytest.param(b"", "no readable tar archive", id="empty"),
        pytest.param(b"\x1f\x8b\x08\x00", "no readable tar archive", id="cut"),
    ],
)
def test_what_is_no_archive_is_refused_and_the_earlier_checkpoint_stays(run, archives, workspace, content, message):
    run(archives("classification"))
    before = {path: path.read_bytes() for path in workspace.checkpoint_dir.iterdir()}
    page = workspace.root.parent / "page"
    page.write_bytes(content)

    with pytest.raises(DownloadError, match=message):
        run(page)
    assert {path: path.read_bytes() for path in workspace.checkpoint_dir.iterdir()} == before
    assert sorted(path.name for path in workspace.root.iterdir()) == ["checkpoint", "downloads"]


def test_another_digest_than_set_is_refused(run, archives, workspace):
    with pytest.raises(DownloadError, match=rf"the SHA-256 is [0-9a-f]{{64}}, but {'0' * 64} is expected"):
        run(archives("classification"), checkpoint__sha256="0" * 64)
    assert not workspace.checkpoint_dir.exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("http://[::1/w.tar.gz", "this is no URL", id="malformed"),
        pytest.param("ftp://host/w.tar.gz", "ftp:// is not supported", id="scheme"),
        pytest.param("http://host/w.tar.gz", "Use https://host/w.tar.gz, or set the digest", id="plain http"),
        pytest.param("/nowhere/w.tar.gz", "no such file", id="no file"),
    ],
)
def test_a_wrong_place_is_one_message(run, url, message):
    with pytest.raises(DownloadError, match=message):
        run(url)


def test_archives_of_the_same_name_from_two_places_are_told_apart(run, archives, workspace, tmp_path):
    (tmp_path / "other").mkdir()
    copy = tmp_path / "other" / "classification.tar.gz"
    copy.write_bytes(archives("classification").read_bytes())
    for url in (archives("classification"), copy):
        run(url)

    names = sorted(path.name[8:] for path in workspace.downloads_dir.iterdir())

    assert names == ["-classification.tar.gz"] * 2
