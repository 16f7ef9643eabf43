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
        pytest.param("SIGILL", "built for a newer processor than this one", id="illegal instruction"),
        pytest.param("HIB Error. hib_error_status = 0000000000002200", "pcie-32bit-dma-pi5", id="HIB"),
        pytest.param("A module that was compiled using NumPy 1.x cannot be run in NumPy 2.0", "numpy<2", id="NumPy 2"),
        pytest.param("x.so: undefined symbol: TfLiteIntArrayCopy", "another interpreter", id="mismatch"),
        pytest.param("libc.so.6: version `GLIBC_2.38' not found", "older libc", id="libc"),
        pytest.param("USB transfer error 2 [LibUsbDataOut]", "a hub with its own supply", id="USB power"),
        pytest.param("Google's pycoral is not installed (x)", "docs/coral.md", id="pycoral"),
        pytest.param("No module named 'tensorflow'", 'ci.coral" fetches the one that fits', id="no interpreter"),
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
