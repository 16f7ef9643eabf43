"""Templates: every value must be given, and text stays as it is written except in HTML."""

from __future__ import annotations

import jinja2
import pytest

from edgetrain.template import TEMPLATES_DIR, render_template


@pytest.fixture
def render(tmp_path):
    """Return a function that renders a text under a name."""

    def render(text, name="page.config", /, **values):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return render_template(name, values, templates_dir=tmp_path)

    return render


def test_values_are_filled_in(render):
    assert render("steps: {{ steps }}\n", steps=5) == "steps: 5\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{{ stepz }}", id="value"),
        pytest.param("{% if stepz %}{% endif %}", id="condition"),
        pytest.param("{% for step in stepz %}{% endfor %}", id="loop"),
    ],
)
def test_a_value_that_is_not_given_is_an_error(render, text):
    with pytest.raises(jinja2.UndefinedError, match="'stepz' is undefined"):
        render(text, steps=5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("page.html", "&lt;b&gt; &amp; &#34;x&#34;", id="escaped in HTML"),
        pytest.param("page.config", '<b> & "x"', id="as it is elsewhere"),
    ],
)
def test_values_are_escaped_in_html_only(render, name, expected):
    assert render("{{ text }}", name, text='<b> & "x"') == expected


def test_lines_of_statements_leave_no_trace(render):
    text = "a\n  {% if yes %}\n  b\n  {% endif %}\nc\n"

    assert render(text, yes=True) == "a\n  b\nc\n"
    assert render(text, yes=False) == "a\nc\n"


def test_a_template_that_does_not_exist_is_a_mistake_of_this_project():
    with pytest.raises(jinja2.TemplateNotFound, match=r"nothing\.config"):
        render_template("nothing.config", {})


def test_templates_lie_beside_the_project_s_code():
    assert (TEMPLATES_DIR / "pipeline" / "ssd_mobilenet.config").is_file()
