"""A file without a set digest is the same file at every later download, and its first one is over TLS."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from edgetrain.core.errors import DownloadError
from edgetrain.web import recorded_download
from edgetrain.web.recorded_download import fetch_recorded, record_path, recorded_digest

CONTENT = b"weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    """Return a web server and the list whose last entry it sends."""
    contents = [CONTENT]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(contents[-1])))
            self.end_headers()
            self.wfile.write(contents[-1])

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/zoo.tar.gz", contents
        running.shutdown()


def test_plain_http_without_a_digest_is_refused_and_nothing_fetched(server, tmp_path):
    url, _ = server

    with pytest.raises(DownloadError, match=f"Use https{url[4:]}, or set the digest .* --sha256"):
        fetch_recorded(url, tmp_path / "zoo", sha256="")
    assert list(tmp_path.iterdir()) == []


def test_the_zoo_is_named_at_its_address_over_tls(tmp_path):
    expected = r"Use https://storage\.googleapis\.com/download\.tensorflow\.org/models/a\.tar\.gz, or"
    with pytest.raises(DownloadError, match=expected):
        fetch_recorded("http://download.tensorflow.org/models/a.tar.gz", tmp_path / "a", sha256="")


def test_plain_http_with_its_digest_is_fetched_and_recorded(server, tmp_path):
    fetched = fetch_recorded(server[0], tmp_path / "zoo", sha256=DIGEST)

    assert fetched.path.read_bytes() == CONTENT
    assert recorded_digest(tmp_path / "zoo") == DIGEST


def test_another_file_than_that_of_the_first_download_is_refused(server, tmp_path):
    """The record stays, so that the next try is refused as well."""
    url, contents = server
    path = tmp_path / "zoo"
    fetch_recorded(url, path, sha256=DIGEST)
    path.unlink()
    contents.append(b"changed")

    for _ in range(2):
        with pytest.raises(DownloadError, match=f"recorded at the first download, in {record_path(path)}"):
            fetch_recorded(url, path, sha256="")
    assert not path.exists()


def test_the_first_file_over_tls_is_recorded(tmp_path, monkeypatch):
    """What comes over TLS is trusted once; the fetching itself is tested elsewhere."""

    def fetch(url, path, **_):
        path.write_bytes(CONTENT)
        return recorded_download.Download(path, DIGEST)

    monkeypatch.setattr(recorded_download, "fetch", fetch)
    fetch_recorded("https://host/zoo", tmp_path / "zoo", sha256="")

    assert recorded_digest(tmp_path / "zoo") == DIGEST


def test_a_file_of_this_machine_needs_no_record(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(CONTENT)

    fetch_recorded(str(source), tmp_path / "zoo", sha256="")

    assert not record_path(tmp_path / "zoo").exists()
