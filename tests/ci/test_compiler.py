"""edgetpu_compiler from servers that refuse, cut off, or give another file: only a right digest is unpacked."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile

import pytest
from local_server import LocalServer

from ci.compiler import SOURCES_PATH, Wish, install, unpack
from edgetrain.core.errors import DownloadError, EdgetrainError

PROGRAM = b'#!/bin/sh\necho "Edge TPU Compiler version 16.0.384591198"\n'
FILES = {"usr/bin/edgetpu_compiler": PROGRAM, "usr/share/doc/edgetpu-compiler/copyright": b"Google's terms"}
needs_gpg = pytest.mark.skipif(not (shutil.which("gpg") and shutil.which("gpgv")), reason="gpg is not installed")


def make_tar(files: dict[str, bytes] = FILES, links: dict[str, str] | None = None, mode: str = "w:gz") -> bytes:
    """Gives a tar whose files may be run."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return stream.getvalue()


def make_deb(files: dict[str, bytes] = FILES) -> bytes:
    """Gives a Debian package, as deb(5) describes it."""
    package = b"!<arch>\n"
    members = {"debian-binary": b"2.0\n", "control.tar.gz": b"odd", "data.tar.xz": make_tar(files, mode="w:xz")}
    for name, content in members.items():
        package += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode() + content
        package += b"\n" * (len(content) % 2)
    return package


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def server():
    """A web server."""
    with LocalServer().running() as running:
        yield running


@pytest.fixture
def sources(tmp_path, server):
    """Gives a function that writes a list of sources, each path of the server with its digest."""

    def write(**digests):
        path = tmp_path / "sources.json"
        listed = [
            {"name": name, "kind": "file", "url": f"{server.url}/{name}", "sha256": digest}
            for name, digest in digests.items()
        ]
        path.write_text(json.dumps({"sources": listed}))
        return path

    return write


def test_the_first_source_that_gives_the_right_file_is_taken(tmp_path, server, sources):
    """The first refuses, the second is cut off each time, the third is another file."""
    good = make_tar()
    server.files.update({"/refuses": b"", "/cut": good, "/other": make_tar({"a": b"b"}), "/good": good})
    server.statuses["/refuses"] = 403
    server.cut["/cut"] = 20
    path = sources(refuses=digest_of(good), cut=digest_of(good), other=digest_of(good), good=digest_of(good))

    said = "\n".join(install(tmp_path / "place", Wish(), sources_path=path))

    assert "refuses: " in said
    assert "403" in said
    assert f"the connection ended after 20 of {len(good)} bytes" in said
    assert "is expected" in said
    assert f"fetched from {server.url}/good" in said
    assert "copyright" in said
    assert "Edge TPU Compiler version 16.0" in said
    ran = subprocess.run([tmp_path / "place/bin/edgetpu_compiler"], capture_output=True, text=True, check=True)
    assert ran.stdout == "Edge TPU Compiler version 16.0.384591198\n"


def test_without_a_good_source_all_reasons_are_told_and_nothing_is_left(tmp_path, server, sources):
    server.statuses["/a"] = 403

    with pytest.raises(DownloadError, match=r"(?s)no source gave .*403.*Or name a file that you have: --url FILE"):
        install(tmp_path / "place", Wish(), sources_path=sources(a="0" * 64, b="0" * 64))
    assert not (tmp_path / "place").exists() or list((tmp_path / "place").iterdir()) == []


def test_a_source_without_a_digest_prints_what_it_gave_and_is_not_unpacked(tmp_path, server):
    server.files["/mine.tar.gz"] = make_tar()
    expected = f"SHA-256 is {digest_of(make_tar())}, .* not unpacked. If you trust it: --sha256"

    with pytest.raises(DownloadError, match=expected):
        install(tmp_path / "place", Wish(f"{server.url}/mine.tar.gz"))
    assert not (tmp_path / "place").exists()


@pytest.mark.parametrize("make", [make_tar, make_deb])
def test_a_file_of_the_caller_with_its_digest_is_unpacked(tmp_path, make):
    archive = tmp_path / "archive"
    archive.write_bytes(make())

    install(tmp_path / "place", Wish(str(archive), digest_of(make())))

    assert (tmp_path / "place/edgetpu_compiler/usr/bin/edgetpu_compiler").read_bytes() == PROGRAM


@pytest.mark.parametrize(
    ("program", "said"),
    [
        pytest.param(b"#!/bin/sh\necho Edge TPU Compiler version 15.0.1\n", "not version 16", id="old"),
        pytest.param(b"#!/bin/sh\nexit 3\n", "not version 16", id="fails"),
        pytest.param(b"\x7fELF", "does not run here", id="damaged"),
    ],
)
def test_another_program_is_refused_and_the_earlier_one_stays(tmp_path, program, said):
    for content in (make_tar(), make_tar({"usr/bin/edgetpu_compiler": program})):
        archive = tmp_path / "archive"
        archive.write_bytes(content)
        if program in content or content != make_tar():
            with pytest.raises(EdgetrainError, match=said):
                install(tmp_path / "place", Wish(str(archive), digest_of(content)))
        else:
            install(tmp_path / "place", Wish(str(archive), digest_of(content)))

    assert (tmp_path / "place/edgetpu_compiler/usr/bin/edgetpu_compiler").read_bytes() == PROGRAM


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(make_tar({"../evil": b""}), "would lie outside", id="above"),
        pytest.param(make_tar({"/evil": b""}), "would lie outside", id="absolute"),
        pytest.param(make_tar(links={"a": "/etc/passwd"}), "out of its folder", id="link"),
        pytest.param(make_tar(links={"a": "b"})[:0] + b"no archive", "cannot be unpacked", id="no archive"),
        pytest.param(b"!<arch>\n" + b"x" * 60, "has no data.tar", id="damaged package"),
    ],
)
def test_what_would_lie_outside_is_refused(tmp_path, content, said):
    archive = tmp_path / "archive"
    archive.write_bytes(content)
    (tmp_path / "place").mkdir()

    with pytest.raises(DownloadError, match=said):
        unpack(archive, tmp_path / "place")
    assert not (tmp_path / "evil").exists()


def test_every_listed_source_has_what_proves_its_file():
    for source in json.loads(SOURCES_PATH.read_text())["sources"]:
        assert len(source.get("sha256", "")) == 64 or source["key_fingerprints"]
        assert source["url"].startswith("https://")
        assert source["told_by"]


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    """Gives what signs as a key of the test, its public part, and its fingerprint."""
    home = tmp_path_factory.mktemp("gpg")
    home.chmod(0o700)

    def gpg(*options, content=b""):
        command = ["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
        return subprocess.run([*command, *options], input=content, capture_output=True, check=True).stdout

    gpg("--quick-generate-key", "tests <tests@example.org>", "default", "default", "never")
    listing = gpg("--list-keys", "--with-colons").decode()
    fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
    return lambda text: gpg("--clear-sign", content=text.encode()), gpg("--armor", "--export"), fingerprint


@pytest.fixture
def repository(server, signer, tmp_path):
    """Gives an apt repository with the compiler, and the list of sources that names it."""
    sign, key, fingerprint = signer
    package = make_deb()
    entry = {"Package": "edgetpu-compiler", "Version": "16.0", "Architecture": "amd64"}
    entry |= {"Filename": "pool/c.deb", "SHA256": digest_of(package)}
    packages = "\n".join(f"{name}: {value}" for name, value in entry.items()).encode() + b"\n"
    release = f"Suite: s\nSHA256:\n {digest_of(packages)} {len(packages)} main/binary-amd64/Packages\n"
    files = {"dists/s/InRelease": sign(release), "dists/s/main/binary-amd64/Packages": packages, "pool/c.deb": package}
    server.files.update({f"/apt/{name}": content for name, content in files.items()})
    server.files["/key"] = key
    source = {"name": "apt", "kind": "apt", "url": f"{server.url}/apt", "suite": "s", "package": "edgetpu-compiler"}
    source |= {"version": "16.0", "key_url": f"{server.url}/key", "key_fingerprints": [fingerprint]}
    path = tmp_path / "sources.json"
    path.write_text(json.dumps({"sources": [source]}))
    return path


@needs_gpg
def test_a_signed_repository_gives_the_compiler(tmp_path, repository):
    install(tmp_path / "place", Wish(), sources_path=repository)

    assert (tmp_path / "place/edgetpu_compiler/usr/bin/edgetpu_compiler").read_bytes() == PROGRAM


@needs_gpg
@pytest.mark.parametrize(
    ("path", "change", "said"),
    [
        pytest.param("dists/s/InRelease", (b"Suite: s", b"Suite: t"), "is signed by nobody", id="release"),
        pytest.param("dists/s/main/binary-amd64/Packages", (b"pool/c", b"pool/d"), "is signed", id="list"),
        pytest.param("pool/c.deb", (b"2.0", b"3.0"), "is expected", id="package"),
    ],
)
def test_a_changed_file_of_the_repository_is_refused(repository, server, path, change, said):
    server.files[f"/apt/{path}"] = server.files[f"/apt/{path}"].replace(*change)

    with pytest.raises(DownloadError, match=said):
        install(repository.parent / "place", Wish(), sources_path=repository)


@needs_gpg
def test_a_release_that_another_key_has_signed_is_refused(tmp_path, repository):
    changed = json.loads(repository.read_text())
    changed["sources"][0]["key_fingerprints"] = ["0" * 40]
    repository.write_text(json.dumps(changed))

    with pytest.raises(DownloadError, match=r"is signed by [0-9A-F]{40}, not by 0000"):
        install(tmp_path / "place", Wish(), sources_path=repository)
