"""What pip is told of indexes, certificates and proxies, uv is told, too: each tried with an index of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import Checkout
from local_server import LocalServer, index_of

from ci.index_settings import translate

SECRET = "s3cr3t"  # noqa: S105 - of a server of the test
BY_NETWORK = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "NO_PROXY": "", "no_proxy": ""}


def installed_by_uv(checkout: Checkout, result: subprocess.CompletedProcess[str]) -> bool:
    """Whether an environment was made, and by uv."""
    log = (checkout.root / ".venv" / "check.log").read_text()
    return result.returncode == 0 and "Installed 1 package" in log


def test_an_index_with_credentials_in_its_url_gives_them_to_nobody_else(checkout: Checkout, wheels_dir: Path) -> None:
    with LocalServer(index_of(wheels_dir), credentials=f"me:{SECRET}").running() as server:
        url = f"http://me:{SECRET}@127.0.0.1:{server.port}/simple"
        result = checkout.inv("hello", PIP_INDEX_URL=url, **BY_NETWORK)

    assert installed_by_uv(checkout, result)
    logs = "".join(path.read_text() for path in (checkout.root / ".venv").glob("*.log"))
    assert SECRET not in result.stderr + logs


def test_a_netrc_is_read(checkout: Checkout, wheels_dir: Path, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login me password {SECRET}\n")
    (tmp_path / ".netrc").chmod(0o600)
    with LocalServer(index_of(wheels_dir), credentials=f"me:{SECRET}").running() as server:
        variables = {"PIP_INDEX_URL": f"{server.url}/simple", "HOME": str(tmp_path)}
        result = checkout.inv("hello", **BY_NETWORK, **variables)

    assert installed_by_uv(checkout, result)


def test_a_settings_file_of_pip_counts(checkout: Checkout, wheels_dir: Path, tmp_path: Path) -> None:
    """As ``pip config set`` writes it; here with an extra index beside one that has nothing."""
    with LocalServer(index_of(wheels_dir)).running() as server, LocalServer().running() as empty:
        settings = tmp_path / "pip.conf"
        settings.write_text(f"[global]\nindex-url = {empty.url}/simple\nextra-index-url = {server.url}/simple\n")
        result = checkout.inv("hello", PIP_CONFIG_FILE=str(settings), **BY_NETWORK)

    assert installed_by_uv(checkout, result)


def test_a_proxy_is_asked(checkout: Checkout, wheels_dir: Path) -> None:
    with LocalServer(index_of(wheels_dir)).running() as proxy:
        variables = {"PIP_PROXY": proxy.url, "PIP_INDEX_URL": "http://index.invalid/simple"}
        variables["PIP_TRUSTED_HOST"] = "index.invalid"
        result = checkout.inv("hello", **BY_NETWORK, **variables)

    assert installed_by_uv(checkout, result)
    assert "http://index.invalid/simple/invoke/" in proxy.asked


def test_a_folder_that_is_not_there_is_left_out_as_pip_does(checkout: Checkout, wheels_dir: Path) -> None:
    result = checkout.inv(
        "hello", PIP_FIND_LINKS=f"/nowhere {wheels_dir.as_uri()}", PIP_EXTRA_INDEX_URL="file:///nowhere"
    )

    assert installed_by_uv(checkout, result)


def test_what_uv_does_not_know_is_left_to_pip_and_said(checkout: Checkout) -> None:
    result = checkout.inv("hello", PIP_ONLY_BINARY=":all:")

    assert result.returncode == 0
    assert "pip is told only-binary, which uv does not know: pip installs" in result.stderr
    assert "Successfully installed invoke" in (checkout.root / ".venv" / "check.log").read_text()


def test_an_index_without_uv_leaves_it_to_pip(checkout: Checkout, wheels_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "only invoke").mkdir()
    wheel = next(wheels_dir.glob("invoke-*.whl"))
    (tmp_path / "only invoke" / wheel.name).write_bytes(wheel.read_bytes())

    result = checkout.inv("hello", PIP_FIND_LINKS=(tmp_path / "only invoke").as_uri())

    assert result.returncode == 0
    assert "the package index has no uv for this system" in result.stderr


def test_an_index_that_cannot_be_reached_is_one_message(checkout: Checkout) -> None:
    result = checkout.inv("hello", **BY_NETWORK, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="1")

    assert result.returncode == 1
    assert "the package index cannot be reached" in result.stderr


def test_a_python_is_fetched_only_where_there_is_none(checkout: Checkout) -> None:
    result = checkout.inv("hello", EDGETRAIN_PYTHON="download")

    assert result.returncode == 0
    assert not (checkout.root / ".venv" / "pythons").exists()


def test_a_python_that_cannot_be_fetched_is_one_message(checkout: Checkout, tmp_path: Path) -> None:
    """With a mirror that has none, and no Python 3.8 on PATH: the archives themselves are not in a package index."""
    table = checkout.root / "ci" / "environment.py"
    known = "_LIGHT_PYTHONS = (*_TENSORFLOW_PYTHONS, (3, 10), (3, 9))"
    assert known in table.read_text()
    table.write_text(table.read_text().replace(known, "_LIGHT_PYTHONS = ((3, 8),)"))
    folders = [Path(sys.executable).resolve().parent, *map(Path, os.environ["PATH"].split(os.pathsep))]
    without_it = os.pathsep.join(str(folder) for folder in folders if not (folder / "python3.8").exists())
    variables = {"UV_PYTHON_INSTALL_MIRROR": tmp_path.as_uri(), "HOME": "/nowhere", "PYENV_ROOT": "/nowhere"}

    result = checkout.inv("hello", EDGETRAIN_PYTHON="download", PATH=without_it, **variables)

    assert result.returncode == 1
    assert "Python 3.8 cannot be fetched:" in result.stderr
    assert "name a mirror in UV_PYTHON_INSTALL_MIRROR" in result.stderr


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        pytest.param("global.index-url='https://a/simple'", {"UV_DEFAULT_INDEX": "https://a/simple"}, id="index"),
        pytest.param(":env:.index-url='b'\nglobal.index-url='a'", {"UV_DEFAULT_INDEX": "b"}, id="a variable wins"),
        pytest.param("install.index-url='b'\nglobal.index-url='a'", {"UV_DEFAULT_INDEX": "b"}, id="install wins"),
        pytest.param("global.extra-index-url='\\nhttp://a\\nhttp://b'", {"UV_INDEX": "http://a http://b"}, id="lines"),
        pytest.param("global.cert='/ca.pem'", {"SSL_CERT_FILE": "/ca.pem"}, id="certificate"),
        pytest.param("global.client-cert='/me.pem'", {"SSL_CLIENT_CERT": "/me.pem"}, id="client's certificate"),
        pytest.param("global.no-index='true'", {"UV_NO_INDEX": "1"}, id="a switch"),
        pytest.param("global.no-index='false'", {}, id="a switch that is off"),
        pytest.param("global.trusted-host='a\\nb'", {"UV_INSECURE_HOST": "a b"}, id="trusted hosts"),
        pytest.param("global.disable-pip-version-check='1'", {}, id="of no effect"),
    ],
)
def test_pips_words_have_uvs_meaning(listing: str, expected: dict[str, str]) -> None:
    assert translate(listing) == (expected, [])
