"""The errors that a user can do something about, told apart by what the reader must do.

Every message says what happened (with the value), where (``file:line``) and what to do.
Programming mistakes stay built-in exceptions and keep their traceback.
"""

from __future__ import annotations


class EdgetrainError(Exception):
    """A failure with a message for the user; the command ends with exit code 1."""

    def __init__(self, message: str) -> None:
        """Take the message and nothing else: what a stage found is its outcome, no exception carries it."""
        super().__init__(message)


class SettingsError(EdgetrainError):
    """A setting is unknown, of the wrong type or out of range: correct the setting."""


class DatasetError(EdgetrainError):
    """The labelled images are unusable as they are: correct the dataset."""


class UnfetchedError(DatasetError):
    """A pointer stands in place of a file, whose content is not in this clone: bring it with ``tool``."""

    def __init__(self, message: str, *, tool: str = "") -> None:
        """Keep the tool's name beside the message."""
        super().__init__(message)
        self.tool = tool


class LabelMapError(EdgetrainError):
    """The label map is malformed or disagrees with the annotations: correct the map or the annotations.

    ``line`` (from 1), ``reason`` and ``fix`` are the parts of the message, for those who make a finding of it.
    """

    def __init__(self, message: str, *, line: int = 1, reason: str = "", fix: str = "") -> None:
        """Keep the parts beside the message."""
        super().__init__(message)
        self.line, self.reason, self.fix = line, reason or message, fix


class DownloadError(EdgetrainError):
    """A file could not be fetched, or is not the file that was asked for."""


class MissingInputError(EdgetrainError):
    """A stage's input does not exist: run the named stage first."""


class StorageError(EdgetrainError):
    """A file could not be read or written: free space, or fix the permissions."""


class ModelError(EdgetrainError):
    """A model file is damaged, or is not what the next step needs: make it again."""


class ChampionError(EdgetrainError):
    """The champion's record or its repository is unusable as it is: fix it, or name another one."""


class ToolError(EdgetrainError):
    """An external program is missing or failed."""


class GitError(EdgetrainError):
    """Git is missing or failed, or a folder lies in no repository that it opens: fix what the message names."""


class DeviceError(EdgetrainError):
    """A device is missing, busy, or failed: fix what the message names."""


class TrainingError(EdgetrainError):
    """Training cannot start, or cannot go on."""


class GateError(EdgetrainError):
    """A result was obtained, but it fails a limit that the settings demand."""
