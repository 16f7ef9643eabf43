"""Every fault that GoCD refuses, and every one that it drops in silence, is found at its line."""

import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ci.gocd.checker import check
from tests.ci.gocd.mutations import KEYS, RULES, SHAPES, VALID, VALUES


def faults_in(text):
    """Return line and message of each fault in a text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.gocd.yaml"
        path.write_text(text, encoding="utf-8")
        return [(finding.place.line, f"{finding.what} {finding.remedy}") for finding in check([path])]


def test_a_valid_file_has_no_fault():
    assert faults_in(VALID) == []


@pytest.mark.parametrize(("text", "line", "message"), KEYS)
def test_a_key_that_gocd_would_drop_is_found(text, line, message):
    found = faults_in(text)

    assert any(place == line and message in what for place, what in found), found


@pytest.mark.parametrize(("text", "line", "message"), SHAPES)
def test_a_shape_that_gocd_refuses_or_drops_is_found(text, line, message):
    found = faults_in(text)

    assert any(place == line and message in what for place, what in found), found


@pytest.mark.parametrize(("text", "line", "message"), VALUES)
def test_a_value_that_gocd_refuses_or_misreads_is_found(text, line, message):
    found = faults_in(text)

    assert any(place == line and message in what for place, what in found), found


@pytest.mark.parametrize(("text", "line", "message"), RULES)
def test_what_does_not_fit_together_is_found(text, line, message):
    found = faults_in(text)

    assert any(place == line and message in what for place, what in found), found


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(VALID.replace("includes:", "whitelist:"), id="whitelist at version 10"),
        pytest.param(VALID.replace("PLACE: lab", "PLACE: 12"), id="number as a variable"),
        pytest.param(VALID.replace("run_if: any", "timeout: 30"), id="timeout of an exec"),
        pytest.param(VALID.replace("approval: auto", "approval: success"), id="success as approval"),
        pytest.param(VALID.replace("run_instances: 2", "run_instances: all"), id="all agents"),
        pytest.param(VALID.replace("0 30 2 ? * MON-FRI", "0 0/15 8-18 L-3W 1,JAN ? 2030"), id="every sort of time"),
        pytest.param(VALID.replace("annotations/*.xml", "README.md"), id="filter that is a file"),
        pytest.param(VALID.replace("annotations/*.xml", "Makefile"), id="filter that is a file without suffix"),
        pytest.param(
            VALID.replace("[records, --shards", '[split, --group-pattern, "(a|b).*_", records, --shards'),
            id="expression as an argument",
        ),
        pytest.param(VALID.replace('"echo $HOME && true"', '"true ## done"'), id="escaped hash"),
        pytest.param(VALID.replace('whitelist: ["ann', 'shallow_clone: true, whitelist: ["ann'), id="shallow clone"),
        pytest.param(
            VALID.replace("JOBS: 010", '"#{kind}_JOBS": 010').replace("since: HEAD~1", "since: HEAD~1\n      kind: A"),
            id="parameter in a variable's name",
        ),
        pytest.param(
            VALID.replace(
                "{stage: compile, job: compile, source: model,",
                "{is_file: true, stage: compile, job: compile, source: model,",
            ),
            id="published file without a dot",
        ),
        pytest.param(
            VALID.replace("{report: reports/reports/index.html}", "{report: reports/reports/LICENSE}"),
            id="tab of a file without a dot",
        ),
        pytest.param(
            VALID.replace('["annotations/**/*", "images/**/*"]', '["annotations/**/*", "images/**/*", images]'),
            id="submodule in a filter",
        ),
        pytest.param(VALID.replace("source: model, art", "source: Model/../model, art"), id="path with a detour"),
    ],
)
def test_what_is_harmless_is_accepted(text):
    assert text != VALID
    assert faults_in(text) == []


def test_a_message_is_one_line_without_control_characters(tmp_path):
    path = tmp_path / "one.gocd.yaml"
    path.write_text(VALID.replace("run_if: any", r'run_if: "a\n::error::\e[31mb"'), encoding="utf-8")

    assert [str(finding).partition(": ")[2][:35] for finding in check([path])] == [
        '"run_if: a ::error:: [31mb" is not '
    ]


def test_different_versions_in_two_files_are_found(tmp_path):
    paths = [tmp_path / "a.gocd.yaml", tmp_path / "b.gocd.yaml"]
    for path, version in zip(paths, (10, 9)):
        path.write_text(f"format_version: {version}\ncommon: {{}}\n", encoding="utf-8")

    assert [str(finding.place) for finding in check(paths)] == [f"{paths[1]}:1"]


def test_names_and_polling_are_compared_between_files(tmp_path):
    paths = [tmp_path / "a.gocd.yaml", tmp_path / "b.gocd.yaml"]
    paths[0].write_text(VALID, encoding="utf-8")
    paths[1].write_text(
        "format_version: 10\npipelines:\n  Model:\n    group: edge\n    materials:\n"
        "      data: {git: https://example.invalid/dataset.git, branch: main, auto_update: no}\n"
        "    stages: [build: {tasks: [exec: {command: ls}]}]\n",
        encoding="utf-8",
    )

    assert [str(finding.place) for finding in check(paths)] == [f"{paths[1]}:{line}" for line in (3, 6)]


def test_a_byte_order_mark_is_found_as_gocd_refuses_it(tmp_path):
    path = tmp_path / "one.gocd.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + VALID.encode())

    assert ["begins with a byte order mark" in str(finding) for finding in check([path])] == [True]


def test_a_comment_in_latin_1_is_accepted_as_gocd_does(tmp_path):
    path = tmp_path / "one.gocd.yaml"
    path.write_bytes(VALID.encode().replace(b"common:\n", b"common: # f\xfcr alle\n"))

    assert check([path]) == ()


@pytest.mark.parametrize(("old", "new"), [(b"PLACE: lab", b"PLACE: B\xfcro"), (b"coral:\n", b"c\xf6ral:\n")])
def test_a_value_or_key_in_latin_1_is_found_at_its_line(tmp_path, old, new):
    path = tmp_path / "one.gocd.yaml"
    path.write_bytes(VALID.encode().replace(old, new))
    line = VALID.encode().partition(old)[0].count(b"\n") + 1

    assert any(finding.place.line == line and finding.what == "is not UTF-8." for finding in check([path]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "holds no pipelines", id="empty"),
        pytest.param(b"# only a comment\n", "holds no pipelines", id="comment"),
        pytest.param(b"- a\n", "holds no pipelines", id="list"),
        pytest.param(b"a: \xff", "is not UTF-8", id="other encoding"),
        pytest.param(b"a: \x00", "is not valid YAML", id="control character"),
        pytest.param(b"a: &a [*a]\n", "refers to what it stands in", id="alias of itself"),
        pytest.param(b"a: " + b"[" * 1000, "nested too deeply", id="depth"),
        pytest.param(b"[a]: b\n", "a key is a list or a map", id="list as key"),
        pytest.param(
            b"a0: &a0 [x, x]\n" + b"".join(b"a%d: &a%d [%b]\n" % (i, i, b"*a%d, " % (i - 1) * 9) for i in range(1, 9)),
            "aliases make more than",
            id="aliases of aliases",
        ),
    ],
)
def test_a_damaged_file_is_a_finding(tmp_path, content, message):
    path = tmp_path / "one.gocd.yaml"
    path.write_bytes(content)

    assert any(message in str(finding) for finding in check([path]))


def key_positions():
    """Return the place of every key of GoCD's own in the valid file: where it begins and ends."""
    waiting, found = [yaml.compose(VALID)], {}
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            found |= {key.start_mark.index: key.end_mark.index for key, _ in node.value if key.value in GOCD_KEYS}
        if not isinstance(node, yaml.ScalarNode):
            waiting += [child for item in node.value for child in (item if isinstance(item, tuple) else (item,))]
    return sorted(found.items())


# The keys of the plugin's reference: what else is a key in the valid file is a name that its author chose.
_KEYS = """
    format_version common pipelines environments group label_template lock_behavior display_order tracking_tool link
    regex timer spec only_on_changes parameters environment_variables secure_variables materials type git branch
    destination auto_update includes ignore whitelist pipeline stage ignore_for_scheduling stages fetch_materials
    keep_artifacts clean_workspace approval allow_only_on_success roles jobs timeout resources elastic_profile_id
    run_instances artifacts build test source tabs tasks exec fetch command arguments working_directory run_if on_cancel
    job is_file artifact_origin
"""
GOCD_KEYS = frozenset(_KEYS.split())
POSITIONS = key_positions()
LETTERS = "abcdefghijklmnopqrstuvwxyz_"


@st.composite
def typos(draw):
    """Draw a text with one key misspelt: a letter lost, doubled, changed, swapped with the next, or made a capital."""
    start, end = draw(st.sampled_from(POSITIONS))
    key = VALID[start:end]
    at = draw(st.integers(0, len(key) - 1))
    before, letter, after = key[:at], key[at], key[at + 1 :]
    other = draw(st.sampled_from([*LETTERS]))
    misspelt = draw(
        st.sampled_from(
            [
                before + after,
                before + letter + letter + after,
                before + other + after,
                before + other + letter + after,
                before + after[:1] + letter + after[1:],
                before + letter.upper() + after,
            ]
        ).filter(lambda word: word != key)
    )
    return VALID[:start] + misspelt + VALID[end:], VALID[:start].count("\n") + 1


def test_the_valid_file_has_every_key_of_gocd():
    assert {VALID[start:end] for start, end in POSITIONS} == GOCD_KEYS


@settings(max_examples=150)
@given(typos())
def test_every_misspelt_key_is_found_at_its_line(typo):
    text, line = typo

    assert line in [place for place, _ in faults_in(text)]
