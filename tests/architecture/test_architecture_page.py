"""ARCHITECTURE.md names what exists, hops lead to each other, and the lives that it tells are short."""

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
    """Return the names of the functions and classes in a file of the project, those of methods with their class."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    top = [node for node in ast.parse((PROJECT_DIR / name).read_text(encoding="utf-8")).body if isinstance(node, kinds)]
    methods = [(node, own) for node in top if isinstance(node, ast.ClassDef) for own in node.body]
    return {
        **{node.name: node for node in top},
        **{f"{node.name}.{own.name}": own for node, own in methods if isinstance(own, kinds)},
    }


def names_used_below(name):
    """Return every name that occurs in a file: what its functions call, import or are told by a table."""
    tree = ast.parse((PROJECT_DIR / name).read_text(encoding="utf-8"))
    return {
        *(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)),
        *(node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)),
        *(part.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for part in node.names),
    }


def hops_of(life):
    """Return function and file of each hop of a life, in order."""
    section = PAGE.split(f"## The life of a {life}\n")[1].split("\n## ")[0]
    return re.findall(r"^\d+\. \[([\w.]+)\]\(([\w./]+)\)", section, flags=re.MULTILINE)


@pytest.mark.parametrize("life", MOST_HOPS)
def test_each_hop_of_a_life_exists_and_they_are_few(life):
    hops = hops_of(life)
    numbered = PAGE.split(f"## The life of a {life}\n")[1].split("\n## ")[0]

    assert 5 <= len(hops) <= MOST_HOPS[life]
    assert len(hops) == len(re.findall(r"^\d+\.", numbered, flags=re.MULTILINE))
    assert [hop for hop in hops if hop[0] not in names_in(hop[1])] == []


# A hop that is reached through a table or a return value: the place where its caller names it.
REACHED_FROM = {
    ("run", "src/edgetrain/review/validate.py"): "src/edgetrain/pipeline/stage_run.py",
    ("judged", "src/edgetrain/core/findings.py"): "src/edgetrain/review/validate.py",
    ("render_review", "src/edgetrain/review/output/formats.py"): "src/edgetrain/pipeline/answers.py",
    ("run", "src/edgetrain/training/train.py"): "src/edgetrain/pipeline/stage_run.py",
    ("TrainingSettings", "src/edgetrain/core/settings/sections.py"): "src/edgetrain/core/settings/settings.py",
    ("run", "src/edgetrain/dataset/split.py"): "src/edgetrain/pipeline/stage_run.py",
    ("run", "src/edgetrain/records/write.py"): "src/edgetrain/pipeline/stage_run.py",
    ("Batches.between", "src/edgetrain/training/input/batches.py"): "src/edgetrain/training/loop.py",
    ("Trainer._train_step", "src/edgetrain/training/loop.py"): "src/edgetrain/training/loop.py",
    ("TrainingPictures", "src/edgetrain/training/input/pictures.py"): "src/edgetrain/training/input/batches.py",
    ("augmented", "src/edgetrain/training/object_detection_api.py"): "src/edgetrain/training/input/batches.py",
    ("encoded_anew", "src/edgetrain/images/encoding.py"): "src/edgetrain/records/source.py",
    ("encoded_parts", "src/edgetrain/records/example.py"): "src/edgetrain/records/write.py",
    ("write_records", "src/edgetrain/records/tfrecord.py"): "src/edgetrain/records/write.py",
    ("Trainer.__init__", "src/edgetrain/training/loop.py"): "src/edgetrain/training/train.py",
}


@pytest.mark.parametrize("life", MOST_HOPS)
def test_each_hop_leads_to_the_next(life):
    """The caller's file names what is called: by its own name, that of its class, or, for a verb, ``run``."""
    hops = hops_of(life)
    broken = []
    for (_, caller), hop in zip(hops, hops[1:]):
        owner, _, method = hop[0].partition(".")
        wanted = owner if method == "__init__" else method or owner
        if wanted not in names_used_below(REACHED_FROM.get(hop, caller)):
            broken.append((caller, hop))

    assert broken == []


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
    assert rooms | {"template", "tensorflow_setup"} == set(ordered)


def test_a_file_that_looks_for_lines_of_code_finds_what_the_page_promises():
    """The table "Where is" names a file for each question; each exists and none is named without a question."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", PAGE.split("## Where is …?\n")[1].split("\n## ")[0], re.MULTILINE)

    assert len(rows) > 8
    assert [row for row in rows[2:] if "`" not in row[1]] == []
