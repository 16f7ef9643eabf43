"""Where the project itself is: its checkout, its package and its templates, all as absolute paths."""

from __future__ import annotations

from pathlib import Path

PACKAGE_DIR = Path(__file__).resolve().parents[1]
PROJECT_DIR = PACKAGE_DIR.parents[1]
TEMPLATES_DIR = PROJECT_DIR / "templates"
