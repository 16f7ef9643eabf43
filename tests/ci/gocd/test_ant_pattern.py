"""Sources of artifacts match as Ant does."""

from __future__ import annotations

import pytest

from ci.gocd.ant_pattern import find, fixed_part, matches


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        pytest.param("out/a.txt", "out/a.txt", True, id="name"),
        pytest.param("out/*.txt", "out/a.txt", True, id="star"),
        pytest.param("out/*.txt", "out/in/a.txt", False, id="star stays in its folder"),
        pytest.param("out/?.txt", "out/a.txt", True, id="one letter"),
        pytest.param("out/?.txt", "out/ab.txt", False, id="two letters"),
        pytest.param("out/**/*.txt", "out/a.txt", True, id="no folder between"),
        pytest.param("out/**/*.txt", "out/in/deep/a.txt", True, id="folders between"),
        pytest.param("out/**", "out", True, id="a folder and all below"),
        pytest.param("out/", "out/in/a.txt", True, id="slash at the end"),
        pytest.param("./out/a.txt", "out/a.txt", False, id="dot"),
        pytest.param("/out", "out", False, id="absolute"),
        pytest.param("out/[ab].txt", "out/a.txt", False, id="brackets are letters"),
    ],
)
def test_a_pattern_matches_as_ant_does(pattern, name, expected):
    assert matches(pattern, name) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"), [("a/b.txt", "a/b.txt"), ("a/*/b", "a"), ("*.txt", ""), ("a/b*/c", "a"), ("a/b/", "a/b")]
)
def test_the_fixed_part_ends_before_the_first_wildcard(pattern, expected):
    assert fixed_part(pattern) == expected


def test_a_matched_folder_stands_for_the_files_in_it(tmp_path):
    (tmp_path / "out/in").mkdir(parents=True)
    (tmp_path / "out/in/a.txt").touch()
    (tmp_path / "out/b.txt").touch()

    assert find(tmp_path, "out/*") == [tmp_path / "out/b.txt", tmp_path / "out/in"]
    assert find(tmp_path, "out/**/*") == [tmp_path / "out/b.txt", tmp_path / "out/in"]
    assert find(tmp_path, "out") == [tmp_path / "out"]
    assert find(tmp_path, "nothing") == []
