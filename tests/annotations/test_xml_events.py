"""Elements of long files, with their lines, and nothing that a stranger's file could do meanwhile."""

from __future__ import annotations

import io

import pytest

from edgetrain.annotations.xml_events import MalformedXmlError, XmlEvents, follow


class Noted(XmlEvents):
    """Remembers what begins, and where."""

    def __init__(self):
        self.starts, self.texts = [], []

    def start(self, tag, attributes):
        self.starts.append((self.line, tag, dict(attributes)))

    def data(self, text):
        self.texts.append(text)


def noted(data):
    events = Noted()
    follow(io.BytesIO(data), events)
    return events


def test_elements_have_their_lines_and_attributes():
    events = noted(b'<?xml version="1.0"?>\n<!-- c -->\n<a>\n <b x="1">te&amp;xt</b>\n\n <c/></a>\n')

    assert events.starts == [(3, "a", {}), (4, "b", {"x": "1"}), (6, "c", {})]
    assert "".join(events.texts).split() == ["te&xt"]


def test_lines_beyond_those_that_a_tree_could_count_are_told():
    lines = 70_000

    events = noted(b"<a>\n" + b"<b/>\n" * lines + b"</a>")

    assert events.starts[-1] == (lines + 1, "b", {})


def test_a_long_file_of_one_line_is_read():
    events = noted(b"<a>" + b'<b text="0123456789"/>' * 20_000 + b"</a>")

    assert (len(events.starts), events.line) == (20_001, 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "shift_jis"])
def test_encodings_that_are_declared_are_read(encoding):
    text = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>\n<a>\n<b x="\u65e5"/></a>'

    assert noted(text.encode(encoding)).starts[-1] == (3, "b", {"x": "\u65e5"})


@pytest.mark.parametrize(
    ("data", "line", "meaning"),
    [
        pytest.param(b"", 1, "the file is empty", id="empty"),
        pytest.param(b"<a>\n<b>", 2, "the file ends too early", id="cut off"),
        pytest.param(b"<a>\n<b></a>", 2, "an element is not closed", id="not closed"),
        pytest.param(b"<a>\n&b;</a>", 2, "it uses an entity", id="entity"),
        pytest.param(b"<a>\n& </a>", 2, 'an "&" is not', id="ampersand"),
        pytest.param(b'<a b="1"\nb="2"/>', 2, "an attribute occurs twice", id="attribute"),
        pytest.param(b"<a/>\nb", 2, "there is text", id="behind"),
        pytest.param(b"boat", 1, 'it does not begin with "<"', id="no XML"),
        pytest.param(b"<a>\n\xff</a>", 2, "its bytes do not match the encoding", id="bytes"),
        pytest.param(b'<?xml version="1.0" encoding="nope"?><a/>', 1, "it declares an unknown", id="encoding"),
        pytest.param(b'\n<?xml version="1.0"?><a/>', 2, "there is text before <?xml", id="declaration"),
        pytest.param(b"<a>" * 3000, 1, "", id="depth"),
    ],
)
def test_what_is_not_well_formed_is_told_in_words_with_its_line(data, line, meaning):
    with pytest.raises(MalformedXmlError) as caught:
        noted(data)

    assert caught.value.line == line
    assert caught.value.meaning.startswith(meaning)
