"""The rules of every request: where redirections may lead, who is told a password, which addresses are public."""

from __future__ import annotations

import pytest

from edgetrain.web.request import RequestError, Requests, _redirected, is_public
from tests.support.web_server import Answer, serving


@pytest.fixture
def web():
    with serving() as running:
        yield running


def asked(requests, url, **given):
    """Return the body at an address."""
    with requests.asked(url, **given) as answer:
        return b"".join(answer.blocks(most_bytes=1000))


@pytest.mark.parametrize(
    ("place", "location", "expected"),
    [
        pytest.param("https://a/x", "/y", "https://a/y", id="same host"),
        pytest.param("https://a/x", "https://b/y", "https://b/y", id="another host"),
        pytest.param("http://a/x", "https://a/y", "https://a/y", id="safer"),
        pytest.param("http://a/x", "http://b/y", "http://b/y", id="as safe"),
        pytest.param("https://a/x", "http://a/y", "it redirects from https to http://a/y", id="less safe"),
        pytest.param("http://a/x", "file:///y", "which is neither http nor https", id="file"),
        pytest.param("http://a/x", "//[b", "which is no address", id="no address"),
        pytest.param("http://a/x", "ftp://\x1b[2J", r"redirects to ftp://\\x1b\[2J, which", id="control letters"),
    ],
)
def test_a_redirection_leads_nowhere_less_safe(place, location, expected):
    if expected.startswith("http"):
        assert _redirected(place, location) == expected
    else:
        with pytest.raises(RequestError, match=expected):
            _redirected(place, location)


def test_a_part_is_an_answer_only_to_who_asked_for_one(web):
    url, requests = web.put("/x", Answer(b"part", status=206)), Requests("test/1", silence_seconds=5)

    assert asked(requests, url, headers={"Range": "bytes=2-"}) == b"part"
    with pytest.raises(RequestError, match="the server answers 206"):
        asked(requests, url)
    requests.close()


def test_a_proxy_of_the_machine_is_asked_and_alone_told_its_password(web, monkeypatch):
    """Neither the address's own name and password nor the proxy's reach the server behind it."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", web.url.replace("://", "://me:se%2Fcret@"))
    web.put("/file", Answer(status=302, headers={"Location": "http://other.invalid/moved"}))
    web.put("/moved", Answer(b"there"))
    requests = Requests("test/1", silence_seconds=5)

    assert asked(requests, "http://you:hidden@host.invalid/file") == b"there"
    requests.close()
    assert web.paths() == ["/file", "/moved"]
    told = [{name.lower(): value for name, value in headers.items()} for _, _, headers in web.asked]
    assert [headers["proxy-authorization"] for headers in told] == ["Basic bWU6c2UvY3JldA=="] * 2
    assert [headers["host"] for headers in told] == ["host.invalid", "other.invalid"]
    assert not any("authorization" in headers for headers in told)


def test_no_proxy_is_asked_where_the_machine_says_so_or_addresses_are_guarded(web, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    url = web.put("/x", Answer(b"there"))
    assert asked(Requests("test/1", silence_seconds=5), url) == b"there"

    monkeypatch.setenv("no_proxy", "elsewhere.invalid")
    assert asked(Requests("test/1", silence_seconds=5, trusted=[url]), url) == b"there"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(Answer(b"0123456789", sent=4), "the connection ended after 4 of 10 bytes", id="cut off"),
        pytest.param(Answer(b"0" * 2000), "it is longer than 1000 bytes", id="long"),
        pytest.param(Answer(status=302), r"the server answers 302 \(Found\)", id="redirected nowhere"),
    ],
)
def test_what_does_not_come_has_a_reason(web, answer, message):
    requests = Requests("test/1", silence_seconds=5)
    with pytest.raises(RequestError, match=message):
        asked(requests, web.put("/x", answer))
    requests.close()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("::ffff:10.0.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound to it
    ],
)
def test_public_addresses_are_told_from_all_others(address, expected):
    assert is_public(address) is expected
