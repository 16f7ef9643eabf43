"""What stands in a clone in place of a file's content, and the command that brings the content.

Git LFS keeps a text of at most 1,024 bytes there (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md), git-annex
a line with the key of an unlocked file, or a link into ``.git/annex`` (https://git-annex.branchable.com/internals/),
DVC a link into ``.dvc/cache`` where it is set up to make links.
"""

from __future__ import annotations

from collections.abc import Mapping

GIT_LFS, GIT_ANNEX, DVC, SUBMODULE = "Git LFS", "git-annex", "DVC", "a submodule"
COMMANDS: Mapping[str, str] = {
    GIT_LFS: "git lfs pull",
    GIT_ANNEX: "git annex get .",
    DVC: "dvc pull",
    SUBMODULE: "git submodule update --init --recursive",
}
# Where git-annex and DVC keep the content of files that are links in the work tree, and whose place that is.
STORES: Mapping[str, str] = {".git/annex": GIT_ANNEX, ".dvc/cache": DVC}
MOST_POINTER_BYTES = 1024
_STARTS = (
    (b"version https://git-lfs.github.com/spec/v", GIT_LFS),
    (b"version https://hawser.github.com/spec/v", GIT_LFS),  # before it was called Git LFS
    (b"/annex/objects/", GIT_ANNEX),
)
_ALL_STARTS = tuple(start for start, _ in _STARTS)


def pointer_tool(data: bytes) -> str:
    """Return the tool that put a pointer in place of a file's content; empty where the bytes are the content.

    Args:
        data: a file's bytes; of a larger one than a pointer can be, it is enough to give that many and one more.
    """
    if len(data) > MOST_POINTER_BYTES or not data.startswith(_ALL_STARTS):
        return ""
    return next((tool for start, tool in _STARTS if data.startswith(start)), "")
