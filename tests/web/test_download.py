"""Files fetched from a server that misbehaves in every way that servers do."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from edgetrain.core.errors import DownloadError, StorageError
from edgetrain.web.download import Download, fetch

CONTENT = bytes(range(256)) * 800
HALF = len(CONTENT) // 2
OTHER = b"other" + CONTENT[5:]
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Answer:
    """What the server says to one request: ``sent`` bytes of the content are sent, then the connection is closed."""

    content: bytes = CONTENT
    status: int = 200
    sent: int | None = None
    takes_ranges: bool = True
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"1"'})


@dataclass
class Server:
    """A web server; the last answer is given again and again. ``asked`` are the headers of all requests."""

    url: str
    answers: list[Answer] = field(default_factory=lambda: [Answer()])
    asked: list[dict[str, str]] = field(default_factory=list)

    @property
    def ranges(self):
        """What was asked for, one for each request."""
        return [headers.get("Range") for headers in self.asked]


def _handler(server):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(dict(self.headers))
            answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
            start = self._start(answer)
            body = answer.content[start:]
            self.send_response(206 if start else answer.status)
            headers = {"Content-Length": str(len(body)), **answer.headers}
            if start:
                headers.setdefault("Content-Range", f"bytes {start}-{len(answer.content) - 1}/{len(answer.content)}")
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body if answer.sent is None else body[: answer.sent])

        def _start(self, answer):
            asked = self.headers.get("Range", "")
            is_same = self.headers.get("If-Range") in (answer.headers.get("ETag"), answer.headers.get("Last-Modified"))
            return int(asked[6:-1]) if asked and is_same and answer.takes_ranges else 0

        def log_message(self, *_args):
            """Say nothing."""

    return Handler


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    state = Server("")
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(state)) as running:
        state.url = f"http://127.0.0.1:{running.server_port}/weights.tar.gz"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield state
        running.shutdown()
        thread.join()


@pytest.fixture
def path(tmp_path):
    """Return where the file goes."""
    return tmp_path / "downloads" / "weights.tar.gz"


def get(server, path, **given):
    """Fetch without pauses."""
    return fetch(server.url, path, wait_seconds=0, **given)


def names_in(path):
    return sorted(found.name for found in path.parent.iterdir())


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([Answer()], id="all is well"),
        pytest.param([Answer(status=500), Answer()], id="an error that passes"),
        pytest.param([Answer(status=429), Answer(status=503), Answer()], id="too many requests"),
        pytest.param([Answer(sent=HALF), Answer()], id="broken off half-way"),
        pytest.param(
            [Answer(sent=HALF), Answer(status=502, takes_ranges=False), Answer()], id="broken off, then error"
        ),
        pytest.param([Answer(sent=0), Answer(sent=HALF), Answer(sent=99), Answer()], id="broken off often"),
        pytest.param([Answer(sent=HALF), Answer(takes_ranges=False)], id="broken off, no ranges"),
        pytest.param([Answer(sent=HALF, headers={}), Answer(headers={})], id="broken off, no version told"),
        pytest.param([Answer(OTHER, sent=HALF), Answer(headers={"ETag": '"2"'})], id="changed between tries"),
        pytest.param([Answer(sent=HALF), Answer(status=416, takes_ranges=False), Answer()], id="range refused"),
        pytest.param([Answer(headers={"Content-Length": "many"})], id="length is a word"),
        pytest.param(
            [Answer(sent=HALF), Answer(headers={"ETag": '"1"', "Content-Range": "bytes 7-9/9"}), Answer()],
            id="other range",
        ),
    ],
)
def test_the_file_is_whole_at_the_end_and_nothing_else_is_left(server, path, answers):
    server.answers[:] = answers

    assert get(server, path, sha256=DIGEST) == Download(path, DIGEST)
    assert path.read_bytes() == CONTENT
    assert names_in(path) == [path.name]


def test_only_the_missing_bytes_are_fetched_again(server, path):
    server.answers[:] = [Answer(sent=HALF), Answer()]

    get(server, path)

    assert server.ranges == [None, f"bytes={HALF}-"]
    assert server.asked[1]["If-Range"] == '"1"'


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"ETag": '"1"', "Last-Modified": "Mon"}, '"1"', id="strong"),
        pytest.param({"ETag": 'W/"1"', "Last-Modified": "Mon"}, "Mon", id="weak and a date"),
        pytest.param({"Last-Modified": "Mon"}, "Mon", id="date"),
        pytest.param({"ETag": 'W/"1"'}, None, id="weak: not continued"),
        pytest.param({}, None, id="nothing: not continued"),
    ],
)
def test_a_part_is_continued_only_as_the_version_that_it_is_of(server, path, headers, expected):
    server.answers[:] = [Answer(sent=HALF, headers=headers), Answer(headers=headers)]

    get(server, path)

    assert server.asked[1].get("If-Range") == expected
    assert path.read_bytes() == CONTENT


def test_a_later_run_continues_what_an_earlier_one_left(server, path):
    server.answers[:] = [Answer(sent=HALF), Answer(status=404, takes_ranges=False)]
    with pytest.raises(DownloadError, match=rf"; {HALF} bytes are kept and the rest is fetched\. "):
        get(server, path)
    assert not path.exists()
    server.answers[:] = [Answer()]

    get(server, path)

    assert server.ranges[-1] == f"bytes={HALF}-"
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("answer", "requests", "message"),
    [
        pytest.param(
            Answer(status=404), 1, r"the server answers 404 \(Not Found\)\. Check the URL and the network", id="404"
        ),
        pytest.param(Answer(status=403), 1, r"the server answers 403 \(Forbidden\)", id="403"),
        pytest.param(Answer(status=500), 5, r"the server answers 500 \(Internal Server Error\)", id="500"),
        pytest.param(
            Answer(headers={"Content-Length": "1" * 18, "ETag": '"1"'}, takes_ranges=False),
            1,
            "it is longer than 4294967296 bytes",
            id="length is a lie",
        ),
        pytest.param(Answer(sent=0), 5, "the connection ended after 0 of 204800 bytes", id="always broken off"),
        pytest.param(
            Answer(status=302, headers={"Location": "file:///etc/passwd"}),
            1,
            "it redirects to file:///etc/passwd, which is neither http nor https",
            id="redirected to a file",
        ),
        pytest.param(
            Answer(status=302, headers={"Location": "ftp://127.0.0.1/x"}),
            1,
            "it redirects to ftp://127.0.0.1/x, which is neither http nor https",
            id="redirected to ftp",
        ),
    ],
)
def test_a_server_that_cannot_be_helped_is_one_message(server, path, answer, requests, message):
    server.answers[:] = [answer]

    with pytest.raises(DownloadError, match=message):
        get(server, path)
    assert len(server.asked) == requests
    assert not path.exists()


def test_a_redirection_is_followed(server, path):
    server.answers[:] = [Answer(status=302, headers={"Location": server.url.replace("weights", "moved")}), Answer()]

    assert get(server, path).sha256 == DIGEST


def test_a_file_is_no_longer_than_allowed(server, path):
    with pytest.raises(DownloadError, match=rf"it is longer than {HALF} bytes"):
        get(server, path, most_bytes=HALF)
    assert not path.exists()


def test_nobody_at_home_is_one_message(path):
    with pytest.raises(DownloadError, match=r"http://127.0.0.1:1/x: .*refused.*Check the URL and the network"):
        fetch("http://127.0.0.1:1/x", path, wait_seconds=0)


@pytest.mark.parametrize("is_local", [pytest.param(False, id="http"), pytest.param(True, id="file")])
def test_another_file_than_expected_names_both_digests_and_leaves_the_earlier_one(server, path, tmp_path, is_local):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"earlier")
    source = tmp_path / "source"
    source.write_bytes(OTHER)
    server.answers[:] = [Answer(OTHER)]
    expected = rf"the SHA-256 is {hashlib.sha256(OTHER).hexdigest()}, but {DIGEST} is expected.*checkpoint\.sha256"

    with pytest.raises(DownloadError, match=expected):
        fetch(str(source) if is_local else server.url, path, sha256=DIGEST, wait_seconds=0)
    assert path.read_bytes() == b"earlier"
    assert names_in(path) == [path.name]


def test_an_expected_digest_may_be_in_capitals(server, path):
    assert get(server, path, sha256=DIGEST.upper()).sha256 == DIGEST


def test_progress_is_told_in_bytes_and_grows_over_tries(server, path):
    server.answers[:] = [Answer(sent=HALF), Answer()]
    told = []

    get(server, path, advance=lambda done, total: told.append((done, total)))

    assert told == sorted(told)
    assert told[-1] == (len(CONTENT), len(CONTENT))


@pytest.mark.parametrize(
    "form", [pytest.param(form, id=form) for form in ("{}", "file://{}", "file://localhost{}", "file:{}")]
)
def test_a_local_file_is_copied(tmp_path, path, form):
    source = tmp_path / "weights.tar.gz"
    source.write_bytes(CONTENT)

    assert fetch(form.format(source), path).sha256 == DIGEST
    assert path.read_bytes() == source.read_bytes() == CONTENT
    assert names_in(path) == [path.name]


def test_a_file_url_may_have_escapes(tmp_path, path):
    (tmp_path / "my weights#1").write_bytes(CONTENT)

    assert fetch(f"file://{tmp_path}/my%20weights%231", path).sha256 == DIGEST


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("/nowhere/x", r"/nowhere/x: no such file\. Correct checkpoint\.url or --url", id="no file"),
        pytest.param("file:///nowhere/x", "/nowhere/x: no such file", id="no file, by URL"),
        pytest.param("file://data/x", "data is taken for the name of a machine", id="two slashes too few"),
        pytest.param("ftp://host/x", "ftp:// is not supported. Use http://, https://, file:// or a path", id="ftp"),
        pytest.param("http://[::1/x", r"this is no URL \(Invalid IPv6 URL\)", id="malformed"),
        pytest.param("http:///x", "this is no http or https address", id="no host"),
        pytest.param("http://host:port/x", "Port could not be cast to integer value as 'port'", id="port is a word"),
        pytest.param("http://127.0.0.1:1/\u00e9", "there is no answer .*refused", id="letter"),
        pytest.param("http://" + "a" * 70 + "/x", "this is no address", id="label of 70 letters"),
        pytest.param("/", "/: no such file", id="folder"),
    ],
)
def test_a_wrong_source_is_one_message(path, url, message):
    with pytest.raises(DownloadError, match=message):
        fetch(url, path, wait_seconds=0)


def test_a_full_disk_is_one_message_and_the_earlier_file_stays(server, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"earlier")
    path.with_name(f"{path.name}.part").symlink_to("/dev/full")

    with pytest.raises(StorageError, match=r"weights\.tar\.gz: No space left on device\. Free space"):
        get(server, path, sha256=DIGEST)
    assert path.read_bytes() == b"earlier"


@pytest.mark.parametrize("sha256", [pytest.param("", id="any"), pytest.param(DIGEST, id="expected")])
def test_a_whole_file_that_is_there_is_not_fetched_again(server, path, sha256):
    get(server, path)
    server.answers[:] = [Answer(OTHER)]

    assert get(server, path, sha256=sha256).sha256 == DIGEST
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in ("downloads", "downloads/weights.tar.gz/x")])
def test_something_in_the_way_is_one_message(server, path, tmp_path, name):
    in_the_way = tmp_path / name
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_text("in the way")

    with pytest.raises(StorageError, match=r"weights\.tar\.gz: .*(exists|directory).*in the way there: move it away"):
        get(server, path)
