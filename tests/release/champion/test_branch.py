"""The branch of the champion: found, read, moved and rolled back in real repositories."""

from __future__ import annotations

import hashlib

import pytest

from edgetrain.core.errors import ChampionError, SettingsError
from edgetrain.core.git.repository import GitRepository
from edgetrain.edgetpu.hardware_pass import HardwareResult
from edgetrain.release.champion.branch import CHAMPION, find_champion, read_champion, roll_back, write_champion
from edgetrain.release.champion.record import COMPILED_MODEL, LABEL_MAP, MODEL
from edgetrain.release.champion.values import Accuracy, Champion
from tests.support.git_commands import git, new_repository

NAME = "edgetrain-champion"


@pytest.fixture
def repository(tmp_path):
    return GitRepository(new_repository(tmp_path / "repository"), CHAMPION)


@pytest.fixture
def remote(tmp_path, repository):
    """Return a bare repository that is the remote ``origin`` of ``repository``."""
    git(tmp_path, "clone", "-q", "--bare", repository.folder, "remote.git")
    git(repository.folder, "remote", "add", "origin", tmp_path / "remote.git")
    return GitRepository(tmp_path / "remote.git", CHAMPION)


def find(repository, name=NAME, remote=""):
    return find_champion(repository, name, remote)


def promote(repository, text, remote=""):
    """Make a model with this content the champion, and return its commit."""
    models = {MODEL: text.encode(), COMPILED_MODEL: f"{text} compiled".encode()}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in models.items()}
    record = Champion(
        digests={**digests, LABEL_MAP: "0" * 64},
        class_names=("boat",),
        split="test",
        accuracy=Accuracy(1, {"boat": 1}, 0.5, 0.5, {"boat": 0.5}),
        test_pictures=(),
        hardware=HardwareResult("usb:0", 8.0, None),
        revision=None,
        is_clean=False,
        network={},
        settings_sha256="0" * 64,
        provenance={},
    )
    return write_champion(find(repository, remote=remote), record, models, "it was better")


def model_of(repository, remote=""):
    return read_champion(find(repository, remote=remote))[1].decode()


def test_a_champion_is_a_commit_with_record_models_and_labels(repository):
    first = promote(repository, "one")
    second = promote(repository, "two")

    assert git(repository.folder, "rev-list", NAME).split() == [second, first]
    assert sorted(repository.blobs(second)) == ["champion.json", "labels.txt", MODEL, COMPILED_MODEL]
    assert model_of(repository) == "two"
    assert git(repository.folder, "log", "-1", "--format=%B", NAME).endswith(
        "AP 0.500 on 1 test pictures\n\nit was better"
    )


def test_a_repository_without_the_branch_has_no_champion(repository):
    place = find(repository)

    assert (place.commit, place.is_branch) == ("", True)


@pytest.mark.parametrize("kind", ["tag", "commit", "remote branch"])
def test_a_tag_or_commit_can_be_read_and_not_written(repository, kind):
    commit = promote(repository, "one")
    git(repository.folder, "tag", "v1", commit)
    git(repository.folder, "update-ref", "refs/remotes/origin/other", commit)

    place = find(repository, {"tag": "v1", "commit": commit[:10], "remote branch": "origin/other"}[kind])

    assert (place.commit, place.is_branch) == (commit, False)
    with pytest.raises(ChampionError, match="is no branch, so nothing can be recorded there"):
        roll_back(place)


@pytest.mark.parametrize(
    ("name", "remote", "error", "message"),
    [
        pytest.param("", "", SettingsError, "promote.champion is ''", id="empty"),
        pytest.param("--all", "", SettingsError, "promote.champion is '--all'", id="option"),
        pytest.param("a\nb", "", SettingsError, r"promote.champion is 'a\\nb'", id="two lines"),
        pytest.param(NAME, "--upload-pack=x", SettingsError, "promote.remote is", id="remote"),
        pytest.param("a..b", "", ChampionError, r"git knows no 'a\.\.b'", id="no name of a branch"),
        pytest.param("abcdef0", "", ChampionError, "git knows no 'abcdef0'", id="no such commit"),
        pytest.param(
            NAME, "nowhere", ChampionError, "promote.remote nowhere: git cannot read it .*fatal", id="no remote"
        ),
    ],
)
def test_what_is_no_champion_s_place_is_told(repository, name, remote, error, message):
    with pytest.raises(error, match=message):
        find(repository, name, remote)


def test_a_branch_without_a_record_is_told(repository):
    with pytest.raises(ChampionError, match=r"main \(.{12}\): there is no champion\.json"):
        read_champion(find(repository, "main"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param(MODEL, None, "model.tflite is missing", id="missing model"),
        pytest.param(
            COMPILED_MODEL, b"other", "model_edgetpu.tflite is not the file that the record names", id="other"
        ),
        pytest.param("champion.json", b"{", r"champion\.json:1: this is not JSON", id="damaged"),
    ],
)
def test_a_damaged_champion_is_told(repository, name, content, message):
    commit = promote(repository, "one")
    files = {name: repository.content(blob) for name, blob in repository.blobs(commit).items()}
    changed = {key: value for key, value in {**files, name: content}.items() if value is not None}
    git(repository.folder, "branch", "-f", NAME, repository.write_commit(repository.write_tree(changed), commit, "x"))

    with pytest.raises(ChampionError, match=message):
        read_champion(find(repository))


def test_a_branch_that_moved_meanwhile_is_noticed(repository):
    place = find(repository)
    promote(repository, "theirs")
    theirs = find(repository).commit

    with pytest.raises(
        ChampionError, match=r"nothing was promoted, since the branch moved from nothing to .{12} meanwhile"
    ):
        write_champion(place, read_champion(find(repository))[0], {MODEL: b"", COMPILED_MODEL: b""}, "")

    assert find(repository).commit == theirs


def test_a_branch_that_is_checked_out_is_left_alone(repository):
    commit = promote(repository, "one")
    git(repository.folder, "checkout", "-q", NAME)

    with pytest.raises(ChampionError, match=r"this branch is checked out in .*repository"):
        promote(repository, "two")

    assert find(repository).commit == commit


def test_a_bare_repository_holds_a_champion(repository, remote):
    git(remote.folder, "symbolic-ref", "HEAD", f"refs/heads/{NAME}")

    promote(remote, "one")
    promote(remote, "two")

    assert model_of(remote) == "two"


def test_a_rollback_goes_back_one_champion_at_a_time(repository):
    for text in ("one", "two", "three"):
        promote(repository, text)
    before = find(repository).commit

    commit, _ = roll_back(find(repository))
    after_first = model_of(repository)
    roll_back(find(repository))

    assert git(repository.folder, "rev-parse", f"{commit}^") == before
    assert (after_first, model_of(repository)) == ("two", "one")
    with pytest.raises(ChampionError, match=r"is the first champion\. None is before it\."):
        roll_back(find(repository))


def test_a_rollback_after_a_rollback_and_a_promotion_skips_what_was_taken_back(repository):
    promote(repository, "one")
    promote(repository, "bad")
    roll_back(find(repository))
    promote(repository, "three")

    roll_back(find(repository))

    assert model_of(repository) == "one"
    assert git(repository.folder, "rev-list", "--count", NAME) == "5"


def test_without_a_champion_there_is_none_to_roll_back(repository):
    with pytest.raises(ChampionError, match=r"there is no champion in .*, so none to roll back"):
        roll_back(find(repository))


def test_a_remote_is_pushed_to_and_the_local_branch_left_alone(repository, remote):
    promote(repository, "local")
    local = find(repository).commit

    commit = promote(repository, "one", "origin")

    assert find(remote).commit == commit
    assert model_of(repository, "origin") == "one"
    assert find(repository).commit == local


def test_another_clone_reads_and_rolls_back_the_remote_s_champion(repository, remote, tmp_path):
    """A clone of the dataset's branch alone, cut to one commit, as agents make them."""
    for text in ("one", "two"):
        promote(repository, text, "origin")
    git(tmp_path, "clone", "-q", "--depth", "1", "--single-branch", remote.folder.as_uri(), "agent")
    agent = GitRepository(tmp_path / "agent", CHAMPION)

    roll_back(find(agent, remote="origin"))

    assert model_of(remote) == "one"


def test_a_clone_that_has_the_branch_only_from_its_remote_is_not_one_without_champion(repository, remote, tmp_path):
    promote(remote, "one")
    git(tmp_path, "clone", "-q", remote.folder, "agent")

    with pytest.raises(
        ChampionError, match=r"no branch edgetrain-champion, but origin/.*Set promote\.remote to origin"
    ):
        find(GitRepository(tmp_path / "agent", CHAMPION))


def test_a_remote_that_moved_meanwhile_is_noticed(repository, remote):
    promote(repository, "one", "origin")
    place = find(repository, remote="origin")
    theirs = promote(remote, "theirs")
    record, _ = read_champion(place)

    with pytest.raises(ChampionError, match=r"origin/edgetrain-champion: nothing was promoted, since the branch moved"):
        write_champion(place, record, {MODEL: b"", COMPILED_MODEL: b""}, "")

    assert find(remote).commit == theirs


def test_a_refused_push_promotes_nothing(repository, remote):
    first = promote(repository, "one", "origin")
    hook = remote.folder / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho champions are protected >&2\nexit 1\n")
    hook.chmod(0o755)

    with pytest.raises(ChampionError, match=r"nothing was promoted, since git could not move the branch \(git: .*hook"):
        promote(repository, "two", "origin")

    assert find(remote).commit == first
    assert find(repository, remote="origin").commit == first


def test_a_password_in_the_remote_s_address_is_told_to_nobody(repository):
    with pytest.raises(
        ChampionError, match=r"promote\.remote http://…@localhost:1/x\.git: git cannot read it"
    ) as caught:
        find(repository, remote="http://ann:hunter2@localhost:1/x.git")

    assert "hunter2" not in str(caught.value)


def test_hooks_of_the_repository_do_not_run(repository, remote):
    hook = repository.folder / ".git" / "hooks" / "pre-push"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)

    commit = promote(repository, "one", "origin")

    assert find(remote).commit == commit
