"""Fixtures of the rehearsal's tests."""

from __future__ import annotations

import pytest

from tests.ci.gocd.server import Server, commit


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Return a project and a dataset with one commit each; environments are none of their business."""
    monkeypatch.setenv("EDGETRAIN_ENV_DIR", str(tmp_path / "environments"))
    made = Server(tmp_path)
    commit(made.project, hello__txt="hello\n")
    commit(made.dataset, a__xml="<a/>")
    return made
