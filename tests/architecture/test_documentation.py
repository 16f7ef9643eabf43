"""The documentation: no link is dead, reference pages are those of the code, each task and setting has a sentence."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import tasks
from ci.reference import settings_of
from tests.support.places import PROJECT_DIR

PAGES = sorted([*PROJECT_DIR.glob("*.md"), *(PROJECT_DIR / "docs").glob("**/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
README_LINES = 130
SECTION = re.compile(r"""["']([^"']+)["'] in ((?:docs/)?[\w-]+\.md)""")
TEXTS = [
    PROJECT_DIR / "invoke.yaml",
    *(path for room in ("src", "ci") for path in (PROJECT_DIR / room).glob("**/*.py")),
]


def name_of(path):
    return path.relative_to(PROJECT_DIR).as_posix()


def anchors_of(path):
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [pytest.param(page, id=name_of(page)) for page in PAGES])
def test_no_link_within_the_project_is_dead(page):
    dead = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        is_outside = "://" in link or link.startswith("mailto:")
        if not is_outside and (not path.exists() or (anchor and anchor not in anchors_of(path))):
            dead.append(link)

    assert dead == []


def test_sections_that_messages_and_settings_name_are_there():
    named = {found for path in TEXTS for found in SECTION.findall(path.read_text(encoding="utf-8"))}
    headings = {page: (PROJECT_DIR / page).read_text(encoding="utf-8").splitlines() for _, page in named}

    assert len(named) > 1
    assert [(title, page) for title, page in named if f"## {title}" not in headings[page]] == []


@pytest.mark.parametrize("page", [pytest.param(page, id=name_of(page)) for page in PAGES])
def test_no_page_links_to_a_site_that_only_redirects(page):
    assert [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "coral.ai" in link] == []


def test_the_readme_is_short():
    assert len((PROJECT_DIR / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


def test_every_page_of_the_documentation_is_in_its_index():
    index = PROJECT_DIR / "docs" / "README.md"
    listed = {
        (index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text(encoding="utf-8"))
    }

    assert [
        name_of(page) for page in (PROJECT_DIR / "docs").glob("**/*.md") if page != index and page not in listed
    ] == []


def test_the_reference_pages_are_those_of_the_code():
    """In a process of its own: Invoke takes the texts of flags away from a task that has been asked for them once."""
    command = [sys.executable, "ci/program.py", "ci.reference", "--check"]
    done = subprocess.run(command, cwd=PROJECT_DIR, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_every_task_and_flag_has_a_sentence():
    page = (PROJECT_DIR / "docs" / "tasks.md").read_text(encoding="utf-8")
    names = {name.replace("_", "-") for name in tasks.namespace.tasks}

    assert set(re.findall(r"^## (.+)$", page, re.MULTILINE)) == names
    assert re.findall(r"^\| `--[^`]+` \| +\|.*$", page, re.MULTILINE) == []
    assert [name for name, task in tasks.namespace.tasks.items() if not task.__doc__] == []


def test_every_setting_has_a_sentence():
    sections = settings_of((PROJECT_DIR / "invoke.yaml").read_text(encoding="utf-8"))

    assert [f"{section}.{key}" for section, rows in sections.items() for key, _, text in rows if not text] == []
    assert len(sections) > 15
