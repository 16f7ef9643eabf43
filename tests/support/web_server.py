"""A web server of its own that has pictures, and misbehaves in the ways that servers do."""

from __future__ import annotations

import io
import json
import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from PIL import Image

SEARCH = "/v1/images/"
COMMONS = "/w/api.php"


@dataclass
class Answer:
    """What is sent: ``sent`` bytes of the body, each after ``drip`` seconds if that is not 0, then the end."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None
    drip: float = 0.0


@dataclass
class Web:
    """Answers by path, one request after the other, the last one again and again; ``asked`` are all requests."""

    url: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    on_request: object = None

    def put(self, path, *answers):
        """Set the answers of a path and return its URL."""
        self.answers[path] = list(answers)
        return self.url + path

    def paths(self, start="/"):
        """Return the paths that were asked for."""
        return [path for path, _, _ in self.asked if path.startswith(start)]


def _handler(web):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query))
            web.asked.append((parts.path, query, dict(self.headers)))
            if web.on_request:
                web.on_request(parts.path)
            answers = web.answers.get(parts.path, [Answer(status=404)])
            self._send(answers.pop(0) if len(answers) > 1 else answers[0])

        def _send(self, answer):
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            body = answer.body if answer.sent is None else answer.body[: answer.sent]
            self.close_connection = answer.sent is not None
            try:
                for block in [body[at : at + 1] for at in range(len(body))] if answer.drip else [body]:
                    time.sleep(answer.drip)
                    self.wfile.write(block)
            except OSError:
                self.close_connection = True

        def log_message(self, *_args):
            """Say nothing."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_args):
        """Say nothing: clients may go away."""


@contextmanager
def serving():
    """Run a server for the block."""
    web = Web()
    with _Server(("127.0.0.1", 0), _handler(web)) as running:
        web.url = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield web
        running.shutdown()
        thread.join()


def picture(seed, size=(64, 48), kind="JPEG", **options):
    """Return a picture that looks like no other one of another seed."""
    small = Image.frombytes("RGB", (9, 8), random.Random(seed).randbytes(216))  # noqa: S311 - no secret
    stream = io.BytesIO()
    small.resize(size, Image.Resampling.NEAREST).save(stream, kind, **options)
    return stream.getvalue()


def openverse_record(web, name, **changes):
    """Return a picture of the server as Openverse describes it."""
    return {
        "id": name,
        "title": f"Picture {name}",
        "url": f"{web.url}/pictures/{name}",
        "foreign_landing_url": f"https://example.org/{name}",
        "creator": "A. Person",
        "license": "by-sa",
        "license_version": "4.0",
        "license_url": "https://creativecommons.org/licenses/by-sa/4.0/",
        "width": 64,
        "height": 48,
        "filetype": "jpg",
        **changes,
    }


def put_openverse(web, *pages):
    """Let the server's Openverse answer with pages of records."""
    web.put(SEARCH, *(json_answer({"page_count": len(pages), "results": list(page)}) for page in pages))


def put_pictures(web, count, **changes):
    """Let the server have pictures that its Openverse knows, and return their names."""
    names = [f"p{number:02d}" for number in range(count)]
    for seed, name in enumerate(names):
        web.put(f"/pictures/{name}", Answer(picture(seed)))
    put_openverse(web, [openverse_record(web, name, **changes) for name in names])
    return names


def json_answer(value):
    """Return a value as the JSON of an answer."""
    return Answer(json.dumps(value).encode(), headers={"Content-Type": "application/json"})
