"""A hostile pull request: everything that a stranger may put into a dataset, and what the review may cost all the same.

``python -m tests.soak.hostile --count N`` makes a repository whose last commit adds N damaged annotations and traps,
runs the command of the workflow ``annotations`` on it, and fails where that takes too long or too much memory, runs
something of the dataset, tells a secret, or prints what a terminal or GitHub would act on.
"""

from __future__ import annotations

import argparse
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path
from typing import NamedTuple

from tests.soak.mutants import mutants
from tests.support.places import PROJECT_DIR
from tests.support.planted_faults import annotation_lines

MOST_SECONDS, MOST_BYTES = 30, 400 << 20
SECRET = "hunter2-of-the-runner"  # noqa: S105 - planted, to be looked for
_ALLOWED = "\t\n"
_ENTITIES = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
_BOMB = f'<!DOCTYPE a [<!ENTITY a0 "x">{_ENTITIES}]><annotation><object><name>&a9;</name></object></annotation>'
_FETCH = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><annotation><filename>&b;</filename></annotation>'
_OBJECT = (
    "<object><name>a</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    "<pose>Unspecified</pose></object>\n"
)
_NUMBERS = (
    "<annotation><filename>good2.png</filename><size><width>{0}</width><height>48</height></size><object><name>a</name>"
    "<bndbox><xmin>-9223372036854775809</xmin><ymin>nan</ymin><xmax>{0}</xmax><ymax>1e999</ymax></bndbox></object>"
    "</annotation>"
)
# Files that programs would read from where they run, or from above it.
_PROGRAMS = {
    "tasks.py": "import pathlib; pathlib.Path({mark!r}).touch()\n",
    "invoke.yaml": "tasks: {{collection_name: tasks}}\nvalidate: {{strict: true}}\ndataset: {{follow_links: true}}\n",
    "invoke.py": "import pathlib; pathlib.Path({mark!r}).touch()\n",
    "sitecustomize.py": "import pathlib; pathlib.Path({mark!r}).touch()\n",
    "yaml.py": "import pathlib; pathlib.Path({mark!r}).touch()\n",
    "edgetrain.yaml": "dataset: {{follow_links: true}}\n",
    ".gitconfig": '[core]\n\tfsmonitor = "touch {mark}"\n[diff]\n\texternal = "touch {mark}"\n',
    ".gitattributes": "*.xml filter=evil diff=evil merge=evil\n*.jpg filter=lfs diff=lfs\n",
    ".gitmodules": '[submodule "x"]\n\tpath = ../../x\n\turl = ext::touch {mark}\n\tupdate = !touch {mark}\n',
    ".lfsconfig": "[lfs]\n\turl = http://127.0.0.1:9/\n",
    "images.dvc": "outs:\n- path: ../../../../etc/gone\n- path: images/gone.jpg\n",
    ".github/workflows/evil.yml": "on: push\n",
}


class Cost(NamedTuple):
    """What a run took: seconds, bytes of memory of all its processes at their most, exit code, and what it printed."""

    seconds: float
    most_bytes: int
    code: int
    output: str


class Hostile:
    """A folder as GitHub's runner has it: the checkout ``review``, and beside it a secret and a mark of what ran."""

    def __init__(self, folder: Path) -> None:
        """Make the repository with its first commit: a faultless dataset."""
        self.folder, self.root, self.mark = folder, folder / "review", folder / "something-ran"
        for name in ("annotations", "images"):
            (self.root / name).mkdir(parents=True)
        (folder / "secret").write_text(f"<annotation><filename>{SECRET}</filename></annotation>")
        for number in range(3):
            self._annotation(f"good{number}", "\n".join(annotation_lines(f"good{number}.png", (64, 48))).encode())
            self._picture(f"good{number}.png", _png(64, 48, shade=90 * number))
        self._commit("before")

    def plant(self, count: int, *, seed: int = 0, large_bytes: int = 95_000_000) -> int:
        """Add the traps and ``count`` damaged annotations, commit them, and return the number of files."""
        for number, data in enumerate(mutants(seed, count)):
            self._annotation(f"m{number:05d}", data)
        self._plant_names()
        self._plant_links()
        self._plant_large(large_bytes)
        self._plant_pictures()
        for name, text in _PROGRAMS.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.format(mark=str(self.mark)))
        (self.root / "label_map.pbtxt").write_text("item { id: 1 name: '\u202e::error::x")
        (self.root / ".dvc").mkdir()
        files = sum(path.is_file() or path.is_symlink() for path in self.root.rglob("*") if ".git" not in path.parts)
        self._commit("hostile")
        os.mkfifo(self.root / "annotations" / "fifo.xml")  # git cannot bring one, an archive can
        os.mkfifo(self.root / "images" / "fifo.jpg")
        return files

    def review(self, *options: str) -> Cost:
        """Run the command of the workflow where the workflow runs it."""
        program = [str(PROJECT_DIR / "ci" / "program.py"), "--search-root", str(PROJECT_DIR)]
        command = [sys.executable, *program, "validate", "--dataset", "review", "--workspace", "build"]
        command += ["--since", "HEAD~1", "--format", "github", "--summary", "summary.md", *options]
        environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIR / "src"), "RUNNER_SECRET": SECRET}
        started = time.monotonic()
        with (self.folder / "output").open("wb") as output:
            process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
            watch = _Watch(process.pid)
            code = process.wait(timeout=20 * MOST_SECONDS)
            most_bytes = watch.end()
        text = (self.folder / "output").read_text(encoding="utf-8")
        return Cost(time.monotonic() - started, most_bytes, code, text)

    def broken_promises(self, cost: Cost) -> list[str]:
        """Return what must not have happened, but has."""
        summary = (self.folder / "summary.md").read_text(encoding="utf-8")
        broken = [] if cost.code == 1 else [f"exit code {cost.code}: {cost.output[-2000:]}"]
        broken += ["something of the dataset ran"] if self.mark.exists() else []
        told = f"{cost.output}{summary}"
        broken += [f"{what} was told" for what in (SECRET, "root:x:0:0") if what in told]
        odd = {letter for letter in told if not letter.isprintable() and letter not in _ALLOWED}
        broken += [f"raw {sorted(map(ascii, odd))} was printed"] if odd else []
        broken += ["a traceback was printed"] if "Traceback (most recent call last)" in cost.output else []
        return broken + [f"a command of a stranger: {line}" for line in _foreign_commands(cost.output)]

    def _annotation(self, stem: str, data: bytes) -> None:
        (self.root / "annotations" / f"{stem}.xml").write_bytes(data)

    def _picture(self, name: str, data: bytes) -> None:
        (self.root / "images" / name).write_bytes(data)

    def _plant_names(self) -> None:
        names = (
            "a\n::error file=x::y",
            "%0A::warning::",
            "\x1b]0;title\x07",
            "a\u202egpj",
            "-rf",
            "$(id)",
            "`id`",
            "a,b:c",
        )
        for number, name in enumerate(names):
            lines = annotation_lines(f"{name}.png", (64, 48))
            text = "\n".join(lines).replace("&", "&amp;").replace("\x1b", "").replace("\x07", "")
            self._annotation(name.replace("/", "_"), text.encode())
            self._picture(f"{name}.png".replace("/", "_"), _png(64, 48, shade=number))
        self._annotation("control", "\n".join(annotation_lines("::add-mask::\u2066x\u2028", (64, 48))).encode())
        self._annotation(
            "mark",
            b"\n".join(line.encode() for line in annotation_lines("good0.png", (64, 48))).replace(
                b"<name>", "<name>\u202e\u200f%0A::error::".encode()
            ),
        )

    def _plant_links(self) -> None:
        targets = ("/etc/passwd", "/proc/self/environ", "/dev/zero", "/dev/stdin", "/", "../../secret", "endless.xml")
        for number, target in enumerate(targets):
            (self.root / "annotations" / f"link{number}.xml").symlink_to(target)
            (self.root / "images" / f"link{number}.jpg").symlink_to(target)
            self._annotation(f"tolink{number}", "\n".join(annotation_lines(f"link{number}.jpg", (64, 48))).encode())
        (self.root / "annotations" / "endless.xml").symlink_to("endless.xml")
        for folder in ("annotations", "images"):
            (self.root / folder / "everything").symlink_to("/")
            (self.root / folder / "circle").symlink_to(".")
            (self.root / folder / "there").symlink_to("back")
            (self.root / folder / "back").symlink_to("there")
        (self.root / "splits").mkdir()
        (self.root / "splits" / "validation.txt").write_bytes(b"\xff\xfe\0")
        (self.root / "splits" / "train.txt").write_text("annotations/good0.xml\n../../secret\n/etc/passwd\n")

    def _plant_large(self, large_bytes: int) -> None:
        many = max(large_bytes // 700, 1)  # 200,000 boxes of 140 bytes where the largest file has 95 MB
        large = b"<annotation>" + _OBJECT.encode() * (large_bytes // len(_OBJECT)) + b"</annotation>"
        self._annotation("large", large)
        self._annotation("boxes", b"<annotation>" + _OBJECT.encode() * many + b"</annotation>")
        # Where the largest file has 95 MB: one more than may be parsed, and just so many that it is.
        for name, most in (("more", large_bytes // 237), ("most", large_bytes // 239)):
            self._annotation(f"{name}-tags", b"<annotation>" + b"<a/>" * most + b"</annotation>")
            self._annotation(
                f"{name}-attributes", b"<annotation" + b"".join(b" a%x=''" % n for n in range(most)) + b"/>"
            )
            self._annotation(f"{name}-objects", b"<annotation>" + b"<object/>" * (most // 40) + b"</annotation>")
        same = ("\n".join(annotation_lines("good1.png", (64, 48)))).replace("</annotation>", "")
        self._annotation("flood", (same + _OBJECT * min(many, 9_990) + "</annotation>").encode())
        self._annotation(
            "long-name", f"<annotation><filename>{'n' * (large_bytes // 100)}</filename></annotation>".encode()
        )
        self._annotation("numbers", _NUMBERS.format("9" * 5000).encode())
        (self.root / "splits" / "test.txt").write_text("nobody\n" * (large_bytes // 70))
        self._annotation("wide", ("<annotation>" + _OBJECT * (many // 8) + "</annotation>").encode("utf-16"))
        self._annotation("deep", b"<annotation>" + b"<object>" * 100_000)
        self._annotation("bomb", _BOMB.encode())
        self._annotation("fetch", _FETCH.encode())
        self._annotation("hidden-bomb", _BOMB.encode("utf-16"))
        self._annotation("name", b"<annotation><object><name>" + b"x" * 5_000_000 + b"</name></object></annotation>")
        self._picture("zeros.jpg", b"\0" * (large_bytes // 2))

    def _plant_pictures(self) -> None:
        text = zlib.compress(b"\0" * 200_000_000, 9)
        frame = b"!\xf9\4\0\0\0\0\0," + b"\0\0\0\0\1\0\1\0\0" + b"\2\2\x4c\1\0"
        bombs = {
            "drawing.jpg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
            "frames.gif": b"GIF89a\x40\0\x30\0\x80\0\0" + b"\0\0\0\xff\xff\xff" + frame * 20_000 + b";",
            "script.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 48\n%%EndComments\n(%pipe%id) (w) file\n",
            "profile.png": _png(64, 48, extra=_chunk(b"iCCP", b"a\0\0" + text)),
            "chunks.png": _png(64, 48, extra=_chunk(b"tEXt", b"") * 100_000),
            "fill.jpg": b"\xff\xd8" + b"\xff" * 2_000_000,
            "huge.png": _png(60_000, 60_000, rows=b""),
            "ztxt.png": _png(64, 48, extra=_chunk(b"zTXt", b"a\0\0" + text)),
            "itxt.png": _png(64, 48, extra=_chunk(b"iTXt", b"a\0\1\0\0\0" + text)),
            "rows.png": _png(30_000, 30_000, rows=b"\0" * 90_000_000),
            "cut.png": _png(64, 48)[:60],
            "page.jpg": b"<script>alert(1)</script>",
            "empty.jpg": b"",
        }
        for name, data in bombs.items():
            self._picture(name, data)
            self._annotation(name.partition(".")[0], "\n".join(annotation_lines(name, (64, 48))).encode())

    def _commit(self, message: str) -> None:
        if not (self.root / ".git").is_dir():
            self._git("init", "--quiet")
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message)

    def _git(self, *words: str) -> None:
        identity = ("-c", "user.name=stranger", "-c", "user.email=stranger@example.invalid", "-c", "gc.auto=0")
        subprocess.run(["git", "-C", str(self.root), *identity, "-c", "core.looseCompression=0", *words], check=True)


def _foreign_commands(output: str) -> list[str]:
    """Return the lines that GitHub's runner would take for commands, but for those of ``validate --format github``."""
    before, _, rest = output.partition("::stop-commands::")
    token, _, rest = rest.partition("\n")
    _, _, after = rest.partition(f"\n::{token}::\n")
    ours = ("::error file=", "::warning file=", "::notice title=edgetrain validate::")
    return [line for line in f"{before}\n{after}".splitlines() if "::" in line and not line.startswith(ours)]


class _Watch:
    """Looks at the memory of a process and of all that it started, until told to end."""

    def __init__(self, pid: int) -> None:
        self._pid, self._most, self._is_over = pid, 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> int:
        """Return the most bytes that were seen."""
        self._is_over.set()
        self._thread.join()
        return self._most

    def _look(self) -> None:
        while not self._is_over.wait(0.05):
            self._most = max(self._most, sum(map(_own_bytes, _family(self._pid))))


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for listed in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, listed.read_text().split())
            except OSError:
                continue
    return found


def _own_bytes(pid: int) -> int:
    """Return a process's share of memory: what it has in common with others is divided among them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:")), 0)


def _png(width: int, height: int, *, shade: int = 0, rows: bytes | None = None, extra: bytes = b"") -> bytes:
    pixels = bytes([0, *[shade] * 3 * width]) * height if rows is None else rows
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (_chunk(b"IHDR", head), extra, _chunk(b"IDAT", zlib.compress(pixels)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main() -> None:
    """Make a large hostile pull request, review it twice, and say what that took."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    hostile = Hostile(folder)
    files = hostile.plant(chosen.count, seed=chosen.seed)
    broken = []
    for options in ((), ("--pixels",)):
        shutil.rmtree(folder / "build", ignore_errors=True)
        cost = hostile.review(*options)
        broken += hostile.broken_promises(cost)
        if not options:
            broken += [f"{cost.seconds:.0f} s"] if cost.seconds > MOST_SECONDS else []
            broken += [f"{cost.most_bytes >> 20} MiB"] if cost.most_bytes > MOST_BYTES else []
        took = f"{cost.seconds:.1f} s, {cost.most_bytes >> 20} MiB at most, {len(cost.output) >> 10} KiB of output"
        name = f"{files} files{' with --pixels' if options else ''}"
        print(f"{name}: exit code {cost.code}, {took}; {'; '.join(broken) or 'every promise kept'}", flush=True)  # noqa: T201
    assert not broken, broken
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
