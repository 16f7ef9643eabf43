"""Messages of libedgetpu and of interpreters in plain words (texts: those of the libraries)."""

from __future__ import annotations

import pytest

from edgetrain.edgetpu.device.runtime_errors import explain


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        pytest.param(
            "Failed precondition: Package requires runtime version (14), which is newer than this runtime version (13)."
            "Node number 0 (edgetpu-custom-op) failed to prepare.",
            "compile --min-runtime-version 13",
            id="old runtime",
        ),
        pytest.param("Encountered unresolved custom op: edgetpu-custom-op.", "without Edge TPU", id="no delegate"),
        pytest.param("Failed to load delegate from libedgetpu.so.1", "x.so is not installed", id="no library"),
        pytest.param("x.so: cannot open shared object file: No such file", "plugdev and apex", id="no file"),
        pytest.param("Internal: Unsupported data type in custom op handler: 0", "older than the interpreter", id="old"),
        pytest.param("HandleQueuedBulkIn transfer in failed. Not found: 5", "unplugged", id="unplugged"),
        pytest.param("SIGSEGV", "built for another TensorFlow", id="crash"),
        pytest.param("SIGKILL", "want of memory", id="killed"),
        pytest.param("something new", "No cause is known", id="unknown"),
    ],
)
def test_a_message_is_followed_by_its_meaning(text, remedy):
    assert remedy in explain(text, "x.so")


def test_the_library_s_own_words_are_kept_on_one_line():
    assert explain("Failed to load delegate from a\nbecause of b", "a").startswith(
        "Failed to load delegate from a because of b. "
    )
