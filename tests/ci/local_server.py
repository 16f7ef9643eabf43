"""A web server of files in memory, which can ask for credentials and be a proxy."""

from __future__ import annotations

import base64
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class LocalServer:
    """What it serves by path; ``statuses`` in place of 200, ``cut`` the bytes that are sent of a file's."""

    files: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    credentials: str = ""
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[LocalServer]:
        """Serves until the end of the block."""
        with ThreadingHTTPServer(("127.0.0.1", 0), self._handler()) as server:
            self.port = server.server_port
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield self
            server.shutdown()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                ours.asked.append(self.path)  # whole where it is asked as a proxy
                path = unquote(urlsplit(self.path).path)
                wanted = "Basic " + base64.b64encode(ours.credentials.encode()).decode()
                if ours.credentials and self.headers.get("Authorization") != wanted:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="index"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                content = ours.files.get(path, b"")
                self.send_response(ours.statuses.get(path, 200 if path in ours.files else 404))
                self.send_header("Content-Type", "text/html" if path.endswith("/") else "application/octet-stream")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: ours.cut.get(path)])

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def index_of(wheels_dir: Path) -> dict[str, bytes]:
    """Gives the files of a package index (PEP 503) with the wheels of a folder."""
    files = {}
    for wheel in wheels_dir.glob("*.whl"):
        name = wheel.name.split("-")[0]
        files[f"/simple/{name}/"] = f'<!DOCTYPE html><a href="/files/{wheel.name}">{wheel.name}</a>'.encode()
        files[f"/files/{wheel.name}"] = wheel.read_bytes()
    return files
