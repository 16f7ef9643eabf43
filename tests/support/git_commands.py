"""Real git repositories for tests."""

from __future__ import annotations

import subprocess


def git(folder, *words):
    """Run git with an identity of its own and return what it says."""
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    ran = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, check=True)
    return ran.stdout.decode().strip()


def new_repository(folder):
    """Return a folder under git with one committed file."""
    (folder / "annotations").mkdir(parents=True)
    (folder / "annotations" / "a.xml").write_text("<annotation/>")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder
