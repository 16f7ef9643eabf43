"""How long the client waits, what it refuses, and what it says of servers that misbehave."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from edgetrain.web.client import Clock, FetchError, WebClient, WebLimits
from tests.support.web_server import Answer, serving

BODY = bytes(range(256)) * 40


class FastClock(Clock):
    """Time that passes only while somebody waits."""

    def __init__(self):
        super().__init__(now=lambda: self.seconds)
        self.seconds = 0.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(round(seconds))
        self.seconds += seconds


@pytest.fixture
def web():
    with serving() as running:
        yield running


@pytest.fixture
def clock():
    return FastClock()


@pytest.fixture
def client(web, clock):
    return WebClient("test/1", WebLimits(0, 2, 5), [web.url], clock)


@pytest.mark.parametrize(
    ("answer", "waits"),
    [
        pytest.param(Answer(status=500), [2], id="nothing asked for"),
        pytest.param(Answer(status=429, headers={"Retry-After": "7"}), [7], id="seconds"),
        pytest.param(Answer(status=429, headers={"Retry-After": "soon"}), [2], id="a word"),
        pytest.param(Answer(BODY, sent=9), [2], id="cut off"),
    ],
)
def test_a_failure_that_may_pass_is_waited_for_as_the_server_asks(web, client, clock, answer, waits):
    assert client.get(web.put("/x", answer, Answer(BODY)), most_bytes=1 << 20) == BODY
    assert clock.slept == pytest.approx(waits, abs=1)


def test_a_date_to_come_back_at_is_kept(web, client, clock):
    later = formatdate(time.time() + 60, usegmt=True)
    client.get(web.put("/x", Answer(status=503, headers={"Retry-After": later}), Answer(BODY)), most_bytes=1 << 20)

    assert clock.slept == pytest.approx([60], abs=5)


def test_pauses_double_and_end_with_the_last_reason(web, client, clock):
    with pytest.raises(FetchError, match=r"/x: the server answers 500 \(Internal Server Error\), 4 times\. Check"):
        client.get(web.put("/x", Answer(status=500)), most_bytes=9)

    assert clock.slept == [2, 4, 8]


def test_a_server_that_asks_for_hours_is_given_up_at_once(web, client, clock):
    with pytest.raises(FetchError, match=r"answers 429 \(Too Many Requests\) and asks to come back in 7200 s"):
        client.get(web.put("/x", Answer(status=429, headers={"Retry-After": "7200"})), most_bytes=9)

    assert clock.slept == []


def test_a_host_is_asked_no_faster_than_allowed(web, clock):
    client = WebClient("test/1", WebLimits(3, 2, 5), [web.url], clock)
    for _ in range(3):
        client.get(web.put("/x", Answer(BODY)), most_bytes=1 << 20)

    assert clock.slept == [3, 3]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(Answer(status=403), "answers 403", id="refused"),
        pytest.param(Answer(BODY), "longer than 1000 bytes", id="too long"),
        pytest.param(Answer(status=301, headers={"Location": "file:///etc/passwd"}), "redirects to file:", id="file"),
        pytest.param(Answer(status=302, headers={"Location": "http://[x"}), "is no address", id="no address"),
        pytest.param(Answer(status=302, headers={"Location": "/x"}), "redirects more than 5 times", id="loop"),
    ],
)
def test_what_will_not_pass_is_asked_for_once(web, client, answer, message):
    with pytest.raises(FetchError, match=message):
        client.get(web.put("/x", answer), most_bytes=1000)

    assert len(web.asked) == (6 if "5 times" in message else 1)


def test_a_body_without_a_length_is_bounded_too(web, client):
    endless = Answer(b"%x\r\n%b\r\n" % (len(BODY), BODY) * 9, headers={"Transfer-Encoding": "chunked"}, sent=1 << 30)
    endless.headers["Content-Length"] = ""

    with pytest.raises(FetchError, match="longer than 20000 bytes"):
        client.get(web.put("/x", endless), most_bytes=20_000)


def test_a_slow_drip_ends_at_the_limit_of_time(web):
    client = WebClient("test/1", WebLimits(0, 0, 0.3, attempts=1), [web.url])
    started = time.monotonic()

    with pytest.raises(FetchError, match=r"not there after 0\.3 s"):
        client.get(web.put("/x", Answer(BODY, drip=0.05)), most_bytes=1 << 20)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_address_of_a_private_network_is_asked_for_nothing(web, clock, host):
    client = WebClient("test/1", WebLimits(0, 0, 5), ["https://example.org"], clock)
    url = web.put("/secret", Answer(BODY)).replace("127.0.0.1", host)

    with pytest.raises(FetchError, match=r"address 127\.0\.0\.1 is of a private network"):
        client.get(url, most_bytes=1 << 20)
    assert web.asked == []


def test_a_redirect_into_a_private_network_is_not_followed(web, clock):
    with serving() as inside:
        target = inside.put("/secret", Answer(BODY))
        client = WebClient("test/1", WebLimits(0, 0, 5), [web.url], clock)
        with pytest.raises(FetchError, match="private network"):
            client.get(web.put("/x", Answer(status=302, headers={"Location": target})), most_bytes=1 << 20)

    assert inside.asked == []


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/x", "example.org", "http://", "http://[x", ""]
)
def test_only_http_addresses_are_accepted(client, url):
    with pytest.raises(FetchError, match=r"no (http or https )?address"):
        client.get(url, most_bytes=9)


def test_a_server_that_is_not_there_is_said_to_be(clock):
    client = WebClient("test/1", WebLimits(0, 0, 5), ["http://127.0.0.1:9"], clock)

    with pytest.raises(FetchError, match=r"there is no answer \(.*refused.*\), 4 times"):
        client.get("http://127.0.0.1:9/x", most_bytes=9)


def test_a_stopped_client_waits_for_nobody(web):
    client = WebClient("test/1", WebLimits(3600, 3600, 5), [web.url])
    client.get(web.put("/x", Answer(BODY)), most_bytes=1 << 20)
    client.stop()

    with pytest.raises(FetchError, match="the run was stopped"):
        client.get(f"{web.url}/x", most_bytes=1 << 20)
