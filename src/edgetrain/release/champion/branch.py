"""Where the champion lies: a branch whose commits hold ``champion.json``, both models and ``labels.txt``.

Each promotion is one commit on the one before, a rollback too; no history is rewritten. With a remote, the remote's
branch is the champion: it is fetched first and pushed to with a lease, and a local branch of that name is neither read
nor moved. Somebody else's move in between is noticed, and nothing is promoted then.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from edgetrain.core.errors import ChampionError, SettingsError
from edgetrain.core.git.program import reason
from edgetrain.core.git.repository import GitRepository, Need
from edgetrain.core.redaction import clean_text
from edgetrain.core.wording import printable
from edgetrain.release.champion.record import COMPILED_MODEL, MODEL, parse_champion, render_champion
from edgetrain.release.champion.values import Champion

CHAMPION = Need("the champion's record", "promote.repository")
RECORD, LABELS = "champion.json", "labels.txt"
_RESTORES = "Edgetrain-Restores"
_COMMIT_ID = re.compile("[0-9a-f]{7,40}")
_SHORT = 12


@dataclass(frozen=True)
class ChampionPlace:
    """A branch, or a tag or commit, of a repository; ``commit`` is where it stands, empty if there is no champion."""

    repository: GitRepository
    name: str
    remote: str
    commit: str
    is_branch: bool

    @property
    def shown(self) -> str:
        """How messages call it, without a password in the remote's URL."""
        return f"{clean_text(self.remote)}/{self.name}" if self.remote and self.is_branch else self.name


def find_champion(repository: GitRepository, name: str, remote: str) -> ChampionPlace:
    """Return where the champion is; with a remote, as it is there now.

    Args:
        repository: local, bare ones too.
        name: a branch, which need not exist yet, or a tag or commit.
        remote: name or URL; empty: the repository itself.

    Raises:
        SettingsError: the name or the remote cannot be one.
        ChampionError: the remote does not answer, or the branch is only known from another repository.
    """
    for setting, text in (("promote.champion", name), ("promote.remote", remote)):
        if text.startswith("-") or not text.isprintable() or (setting == "promote.champion" and not text):
            raise SettingsError(f"{setting} is {text!r}, which git does not take. Name a branch and a remote.")
    is_name = not repository.attempt("check-ref-format", f"refs/heads/{name}").code
    tip = ""
    if is_name:
        tip = _fetched(repository, name, remote) if remote else repository.commit_of(f"refs/heads/{name}")
    if tip:
        return ChampionPlace(repository, name, remote, tip, is_branch=True)
    if is_name and not remote:
        _refuse_known_elsewhere(repository, name)
    # Where a remote is named, a local branch of that name is not the champion.
    commit = "" if is_name and repository.commit_of(f"refs/heads/{name}") else repository.commit_of(name)
    if commit:
        return ChampionPlace(repository, name, remote, commit, is_branch=False)
    if not is_name or _COMMIT_ID.fullmatch(name):
        raise ChampionError(f"{repository.folder}: git knows no {name!r}. Name a branch, a tag or a commit.")
    return ChampionPlace(repository, name, remote, "", is_branch=True)


def read_champion(place: ChampionPlace) -> tuple[Champion, bytes]:
    """Return the record and the int8 model beside it.

    Raises:
        ChampionError: the commit holds no record, or a damaged one, or a model is missing or is not the recorded one.
    """
    where = f"{printable(place.shown)} ({place.commit[:_SHORT]})"
    blobs = place.repository.blobs(place.commit)
    if RECORD not in blobs:
        raise ChampionError(
            f"{where}: there is no {RECORD}, so this is no champion. Name another one with --champion, or another "
            "branch in promote.champion, which then is made."
        )
    champion = parse_champion(place.repository.content(blobs[RECORD]), f"{where}: {RECORD}")
    contents = {}
    for name in (MODEL, COMPILED_MODEL):
        contents[name] = place.repository.content(blobs[name]) if name in blobs else b""
        if hashlib.sha256(contents[name]).hexdigest() != champion.digests[name]:
            what = "is not the file that the record names" if name in blobs else "is missing"
            raise ChampionError(f'{where}: {name} {what}. Take it back with "ci/inv promote --rollback".')
    return champion, contents[MODEL]


def require_writable(place: ChampionPlace) -> None:
    """Refuse a branch that must not be moved.

    Raises:
        ChampionError: it is a tag or commit, or checked out.
    """
    if not place.is_branch:
        raise ChampionError(f"{place.name}: this is no branch, so nothing can be recorded there. Name a branch.")
    checked_out = "" if place.remote else place.repository.work_tree_of(place.name)
    if checked_out:
        raise ChampionError(
            f"{place.name}: this branch is checked out in {checked_out}, whose files would no longer fit. "
            "Check out another branch there, or name another one in promote.champion."
        )


def write_champion(place: ChampionPlace, champion: Champion, models: Mapping[str, bytes], reasons: str) -> str:
    """Make a model the champion; return its commit.

    Args:
        place: a branch.
        champion: the record.
        models: both files by name.
        reasons: what the commit's message says, below its subject.

    Raises:
        ChampionError: the branch moved meanwhile, or cannot be pushed; nothing is promoted then.
    """
    labels = "".join(f"{name}\n" for name in champion.class_names).encode()
    files = {RECORD: render_champion(champion).encode(), LABELS: labels, **models}
    accuracy = champion.accuracy
    subject = f"Promote model {champion.digests[MODEL][:_SHORT]}: AP {accuracy.mean_average_precision:.3f}"
    tree = place.repository.write_tree(files)
    return _advance(place, tree, f"{subject} on {accuracy.pictures} {champion.split} pictures\n\n{reasons}\n")


def roll_back(place: ChampionPlace) -> tuple[str, str]:
    """Make the champion before the present one the champion again; return the new commit and the restored one.

    The new commit says which one it restores, so the next rollback goes further back.

    Raises:
        ChampionError: there is none before, it is damaged, or the branch moved meanwhile.
    """
    repository = place.repository
    if not place.commit:
        raise ChampionError(f"{place.shown}: there is no champion in {repository.folder}, so none to roll back.")
    require_writable(place)
    present = _restored_by(place, place.commit)
    parents = repository.ask("rev-list", "--parents", "-n", "1", present).decode().split()[1:]
    if not parents:
        history = " that this shallow clone has; fetch the whole history" if repository.is_shallow() else ""
        raise ChampionError(f"{place.shown}: {present[:_SHORT]} is the first champion{history}. None is before it.")
    before = _restored_by(place, parents[0])
    champion, _ = read_champion(ChampionPlace(repository, place.name, place.remote, before, is_branch=True))
    message = (
        f"Roll back to model {champion.digests[MODEL][:_SHORT]}\n\nTakes back {present}.\n\n{_RESTORES}: {before}\n"
    )
    return _advance(place, f"{before}^{{tree}}", message), before


def _restored_by(place: ChampionPlace, commit: str) -> str:
    """Return the promotion whose champion a commit holds: the commit itself, or what that rollback restored."""
    body = place.repository.ask("log", "-1", f"--format=%(trailers:key={_RESTORES},valueonly)", commit)
    restored = place.repository.commit_of(body.decode(errors="replace").strip()) if body.strip() else ""
    is_before = restored and not place.repository.attempt("merge-base", "--is-ancestor", restored, commit).code
    return restored if is_before else commit


def _fetched(repository: GitRepository, name: str, remote: str) -> str:
    """Return the commit of the remote's branch after its objects were fetched, empty if there is no such branch."""
    full = f"refs/heads/{name}"
    listed = repository.attempt("ls-remote", "--", remote, full)
    if listed.code:
        raise ChampionError(
            f"promote.remote {clean_text(remote)}: git cannot read it{reason(listed)}. "
            "Correct the remote or its credentials."
        )
    tips = [line.split("\t")[0] for line in listed.output.decode().splitlines() if line.endswith(f"\t{full}")]
    if not tips:
        return ""
    fetched = repository.attempt("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", remote, full)
    if fetched.code or not repository.commit_of(tips[0]):
        raise ChampionError(
            f"promote.remote {clean_text(remote)}: {name} cannot be fetched{reason(fetched)}. Run again."
        )
    return tips[0]


def _refuse_known_elsewhere(repository: GitRepository, name: str) -> None:
    """Refuse to take a clone that lacks the branch for a repository without a champion."""
    listed = repository.ask("for-each-ref", "--format=%(refname:lstrip=2)", f"refs/remotes/*/{name}")
    known = listed.decode(errors="replace").split()
    if known:
        raise ChampionError(
            f"{repository.folder}: there is no branch {name}, but {known[0]}. Set promote.remote to "
            f"{known[0].removesuffix(f'/{name}')}, or compare only, with --champion {known[0]}."
        )


def _advance(place: ChampionPlace, tree: str, message: str) -> str:
    """Put a new commit on the branch if that still stands where it was read, and return it."""
    require_writable(place)
    repository, full = place.repository, f"refs/heads/{place.name}"
    commit = repository.write_commit(tree, place.commit, message)
    if not place.remote:
        moved = repository.attempt("update-ref", "-m", "edgetrain promote", full, commit, place.commit)
        if moved.code:
            raise _not_moved(place, repository.commit_of(full), reason(moved))
        return commit
    lease = f"--force-with-lease={full}:{place.commit}"
    pushed = repository.attempt("push", "--quiet", "--no-verify", lease, "--", place.remote, f"{commit}:{full}")
    if pushed.code:
        listed = repository.attempt("ls-remote", "--", place.remote, full).output.decode().split("\t")[0]
        if listed != commit:  # a connection may break after the remote has done its part
            raise _not_moved(place, listed, reason(pushed))
    return commit


def _not_moved(place: ChampionPlace, now: str, told: str) -> ChampionError:
    start = f"{place.shown}: nothing was promoted, "
    if now != place.commit:
        return ChampionError(
            f"{start}since the branch moved from {place.commit[:_SHORT] or 'nothing'} to {now[:_SHORT] or 'nothing'} "
            f"meanwhile{told}. Run the same command again: it compares with what is there now."
        )
    return ChampionError(f"{start}since git could not move the branch{told}. Fix the repository or your rights in it.")
