"""ARCHITECTURE.md is true: what it names exists, and the lives that it tells are no longer than they should be."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.support.places import PROJECT_DIR

PAGE = (PROJECT_DIR / "ARCHITECTURE.md").read_text(encoding="utf-8")
MOST_HOPS = {"finding": 15, "setting": 15, "picture": 15}


@cache
def names_in(name):
    """Return the names of all functions and classes in a file of the project."""
    tree = ast.parse((PROJECT_DIR / name).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def hops_of(life):
    """Return function and file of each hop of a life, in order."""
    section = PAGE.split(f"## The life of a {life}\n")[1].split("\n## ")[0]
    return re.findall(r"^\d+\. \[(\w+)\]\(([\w./]+)\)", section, flags=re.MULTILINE)


@pytest.mark.parametrize("life", MOST_HOPS)
def test_each_hop_of_a_life_exists_and_they_are_few(life):
    hops = hops_of(life)
    numbered = PAGE.split(f"## The life of a {life}\n")[1].split("\n## ")[0]

    assert 5 <= len(hops) <= MOST_HOPS[life]
    assert len(hops) == len(re.findall(r"^\d+\.", numbered, flags=re.MULTILINE))
    assert [hop for hop in hops if hop[0] not in names_in(hop[1])] == []


@pytest.mark.parametrize(("name", "path"), sorted(set(re.findall(r"\[(\w+)\]\((src/[\w./]+\.py)\)", PAGE))))
def test_what_is_linked_exists(name, path):
    assert name in names_in(path)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:src|tests|templates|docs|ci|gocd)/[\w./-]*)`", PAGE))))
def test_every_path_that_is_named_exists(path):
    assert (PROJECT_DIR / path).exists() or path.endswith("NAME.config")


def test_every_room_is_on_the_ladder_and_in_its_order():
    ladder = PAGE.split("## The ladder\n")[1].split("```")[1]
    rooms = {path.name for path in (PROJECT_DIR / "src" / "edgetrain").iterdir() if (path / "__init__.py").exists()}
    contracts = (PROJECT_DIR / "pyproject.toml").read_text(encoding="utf-8")
    ordered = re.findall(r"\w+", contracts.split("layers = [")[1].split("]")[0])

    listed = [word for line in ladder.splitlines() for word in re.split(r"\s{4,}", line)[0].split() if word in ordered]

    assert listed == ordered
    assert rooms | {"template"} == set(ordered)


def test_a_file_that_looks_for_lines_of_code_finds_what_the_page_promises():
    """The table "Where is" names a file for each question; each exists and none is named without a question."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", PAGE.split("## Where is …?\n")[1].split("\n## ")[0], re.MULTILINE)

    assert len(rows) > 8
    assert [row for row in rows[2:] if "`" not in row[1]] == []
