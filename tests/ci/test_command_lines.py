"""Command lines of ci/inv are understood or explained, and nothing runs."""

import pytest

from ci.command_lines import fault_of


@pytest.mark.parametrize(
    "line",
    [
        "ci/inv validate --dataset ../data --format github",
        "../code/ci/inv --profile check validate --since HEAD~1",
        "ci/inv --profile=device hardware --max-latency-ms=15",
        "ci/inv -f mine.yaml train --steps 5 export",
        "ci/inv ci.check",
        "ci/inv --list",
        "ci/inv --help train",
        "invoke anything --at-all",
        "",
    ],
)
def test_what_invoke_understands_has_no_fault(line):
    assert fault_of(tuple(line.split())) == ""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("ci/inv vaildate", 'Did you mean "validate"', id="task"),
        pytest.param("ci/inv ci.chek", 'Did you mean "ci.check"', id="task of CI"),
        pytest.param("ci/inv train --stepz 5", 'Did you mean "--steps"', id="flag"),
        pytest.param("ci/inv train --steps", "--steps needs a value", id="flag without value"),
        pytest.param("ci/inv train 5", "No idea what '5' is", id="word too many"),
        pytest.param("ci/inv validate --profile check", "No idea what '--profile' is", id="profile after the task"),
        pytest.param("ci/inv --profile chekc validate", 'there is no profile "chekc"', id="profile"),
        pytest.param("ci/inv", "runs no task", id="no task"),
    ],
)
def test_what_invoke_would_refuse_is_explained(line, message):
    assert message in fault_of(tuple(line.split()))
