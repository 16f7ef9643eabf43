"""The folder of everything that a run makes: every path in it, the stages' reports, and whose data it is of."""

from edgetrain.core.workspace.paths import Workspace

__all__ = ["Workspace"]
