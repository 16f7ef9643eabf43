"""Where the project, the tests' files and the shared folder beside the project are."""

from __future__ import annotations

from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parents[2]
DATA_DIR = PROJECT_DIR / "tests" / "data"
SHARED_DIR = PROJECT_DIR.parent / "shared"
