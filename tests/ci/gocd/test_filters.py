"""GoCD's matching of changed files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci.gocd.filters import fault_of, matches

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\\*", exclude_categories=["Cs"]), min_size=1)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        pytest.param("ann/**/*", "ann/a.xml", True, id="directly below"),
        pytest.param("ann/**/*", "ann/b/c/a.xml", True, id="deep below"),
        pytest.param("ann/**/*", "annex/a.xml", False, id="beside"),
        pytest.param("ann/**/*", "x/ann/a.xml", False, id="from the root only"),
        pytest.param("**/*.xml", "a.xml", True, id="any folder is also none"),
        pytest.param("**/*.xml", "b/c/a.xml", True, id="any folder"),
        pytest.param("*.xml", "b/a.xml", False, id="a star stays in its folder"),
        pytest.param("ann/*", "ann/b/a.xml", False, id="children only"),
        pytest.param("ann/**", "ann/a.xml", False, id="two stars at the end"),
        pytest.param("ann/", "ann/a.xml", False, id="folder with slash"),
        pytest.param("ann", "ann/a.xml", False, id="folder"),
        pytest.param("**", "a.xml", False, id="two stars alone"),
        pytest.param("a.{xml,jpg}", "a.xml", False, id="braces"),
        pytest.param("?.xml", "a.xml", False, id="question mark"),
        pytest.param("[a].xml", "a.xml", False, id="brackets"),
        pytest.param("a.xml", "abxml", False, id="a dot is a dot"),
        pytest.param("x**y/*", "xaay/b", True, id="two stars within a name are one"),
        pytest.param("ann\\*", "ann/a.xml", True, id="backslash"),
        pytest.param("README.md", "README.md", True, id="one file"),
        pytest.param("images", "images", True, id="submodule"),
        pytest.param("**/*.dvc", "images.dvc", True, id="file of DVC"),
    ],
)
def test_patterns_match_as_in_gocd(pattern, path, expected):
    assert matches(pattern, path) is expected


@given(PATHS)
def test_everything_is_matched_by_the_pattern_for_everything(path):
    assert matches("**/*", path)


@given(PATHS, PATHS)
def test_a_path_without_stars_matches_itself_alone(pattern, path):
    assert matches(pattern, path) is (pattern == path)


@given(PATHS, PATHS, st.sampled_from(["{}/**", "{}/", "{}/**/", "{}/**/**"]))
def test_what_is_said_to_match_nothing_matches_nothing(folder, path, form):
    pattern = form.format(folder)

    assert "matches no file" in fault_of(pattern)[0]
    assert not matches(pattern, f"{folder}/{path}")


@given(PATHS)
def test_the_remedy_for_a_folder_matches_what_is_below(path):
    remedy = fault_of("ann/**")[1].partition('"')[2].partition('"')[0]

    assert matches(remedy, f"ann/{path}")


@pytest.mark.parametrize("pattern", ["**/*", "ann/**/*", "**/*.xml", "*.md", "README.md", "Makefile", "a/b.json"])
def test_patterns_that_can_match_have_no_fault(pattern):
    assert fault_of(pattern) == ("", "")
