"""A polite and distrustful reader of the web: the only door to urllib3.

Polite: one request after the other to each host, with a pause; a server that is overloaded is left alone for as long as
it asks. Distrustful: http and https only; no address of a private network, not even after a redirect or a change of the
name's address; no body longer than allowed; no request longer than its time.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode, urljoin, urlsplit

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationValueError

from edgetrain.core.errors import DownloadError

_OK = 200
_REDIRECTS = (301, 302, 303, 307, 308)
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_MOST_REDIRECTS = 5
_MOST_JSON_BYTES = 16 << 20
_BLOCK_BYTES = 1 << 16
_SILENCE_SECONDS = 15.0


class FetchError(DownloadError):
    """Something cannot be fetched; ``reason`` says why, without place and remedy."""

    def __init__(self, url: str, reason: str) -> None:
        """Make the message of the parts."""
        super().__init__(f"{url}: {reason}. Check the address and the network, then run the same command again.")
        self.reason = reason


class _PassingFailure(Exception):  # noqa: N818 - an event inside this module, not an error of the caller
    """A try failed in a way that may pass; ``wait_seconds`` is what the server asks for (``None``: nothing)."""

    def __init__(self, reason: str, url: str, wait_seconds: float | None = None) -> None:
        """Keep what happened at which address."""
        super().__init__(reason)
        self.url, self.wait_seconds = url, wait_seconds


@dataclass(frozen=True)
class WebLimits:
    """How patient the client is: see ``CollectSettings``; a server that asks for a longer pause is given up."""

    seconds_between_requests: float
    retry_seconds: float
    timeout_seconds: float
    attempts: int = 4
    most_wait_seconds: float = 120.0


@dataclass
class Clock:
    """What time it is, and how to wait; ``stopped`` ends all waiting."""

    stopped: threading.Event = field(default_factory=threading.Event)
    now: Callable[[], float] = time.monotonic

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.stopped.wait(seconds)


class WebClient:
    """Fetches from many threads at once."""

    def __init__(self, agent: str, limits: WebLimits, trusted: Collection[str], clock: Clock | None = None) -> None:
        """Connect to nothing yet.

        Args:
            agent: the User-Agent, ASCII.
            limits: see there.
            trusted: URLs whose scheme, host and port may also be of a private network.
            clock: time, which tests replace.
        """
        self._headers = {"User-Agent": agent, "Accept-Encoding": "identity"}
        self._limits = limits
        self._trusted = {_origin(url) for url in trusted}
        self._clock = clock or Clock()
        self._open_pools = PoolManager(maxsize=4)
        self._guarded_pools = PoolManager(maxsize=4)
        self._guarded_pools.pool_classes_by_scheme = {"http": _GuardedPool, "https": _GuardedTlsPool}
        self._lock = threading.Lock()
        self._next_turn: dict[str, float] = {}

    def stop(self) -> None:
        """End what is under way: waiting at once, transfers with their next bytes."""
        self._clock.stopped.set()
        self._open_pools.clear()
        self._guarded_pools.clear()

    def get(self, url: str, *, most_bytes: int) -> bytes:
        """Return what is at an address, after several tries if need be.

        Raises:
            FetchError: it cannot be had, or is longer than allowed.
        """
        reason = ""
        for attempt in range(self._limits.attempts):
            try:
                return self._follow(url, most_bytes)
            except _PassingFailure as failure:
                reason, wait = str(failure), failure.wait_seconds
                if wait is not None and wait > self._limits.most_wait_seconds:
                    raise FetchError(url, f"{reason} and asks to come back in {wait:.0f} s") from failure
                self._hold(failure.url, self._limits.retry_seconds * 2**attempt if wait is None else wait)
        raise FetchError(url, f"{reason}, {self._limits.attempts} times")

    def get_json(self, url: str, parameters: Mapping[str, str]) -> dict[str, object]:
        """Return the JSON object at an address with parameters.

        Raises:
            FetchError: it cannot be had, or is no JSON object.
        """
        whole = f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters)}"
        data = self.get(whole, most_bytes=_MOST_JSON_BYTES)
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise FetchError(url, f"the answer is no JSON ({data[:40]!r}…)") from error
        if not isinstance(value, dict):
            raise FetchError(url, f"the answer is no JSON object ({data[:40]!r}…)")
        return value

    def _follow(self, url: str, most_bytes: int) -> bytes:
        """Return what is at an address, redirects followed."""
        place = url
        for _ in range(_MOST_REDIRECTS + 1):
            self._take_turn(place)
            deadline = self._clock.now() + self._limits.timeout_seconds
            answer = self._request(place)
            try:
                location = answer.headers.get("Location", "")
                if answer.status not in _REDIRECTS or not location:
                    return self._body(answer, place, most_bytes, deadline)
            finally:
                answer.close()
            place = _joined(url, place, location)
        raise FetchError(url, f"it redirects more than {_MOST_REDIRECTS} times")

    def _request(self, url: str) -> BaseHTTPResponse:
        pools = self._open_pools if _origin(url) in self._trusted else self._guarded_pools
        silence = min(_SILENCE_SECONDS, self._limits.timeout_seconds)
        try:
            return pools.request(
                "GET",
                url,
                headers=self._headers,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=Timeout(connect=silence, read=silence),
            )
        except (LocationValueError, UnicodeError) as error:
            raise FetchError(url, "this is no address") from error
        except (HTTPError, OSError) as error:
            raise _PassingFailure(f"there is no answer ({_said(error)})", url) from error

    def _body(self, answer: BaseHTTPResponse, url: str, most_bytes: int, deadline: float) -> bytes:
        """Return the body of an answer that brings what was asked for."""
        if answer.status in _PASSING:
            wait = _retry_after(answer.headers.get("Retry-After", ""))
            raise _PassingFailure(f"the server answers {answer.status}", url, wait)
        if answer.status != _OK:
            raise FetchError(url, f"the server answers {answer.status}")
        length = answer.headers.get("Content-Length", "")
        expected = int(length) if length.isdecimal() else None
        data = bytearray()
        while expected is None or len(data) < expected:
            if max(expected or 0, len(data)) > most_bytes:
                raise FetchError(url, f"it is longer than {most_bytes} bytes")
            if self._clock.now() > deadline or self._clock.stopped.is_set():
                raise _PassingFailure(f"it is not there after {self._limits.timeout_seconds:g} s", url)
            try:
                block = answer.read1(_BLOCK_BYTES, decode_content=False)
            except (HTTPError, OSError) as error:
                raise _PassingFailure(f"the connection broke off ({_said(error)})", url) from error
            if not block:
                break
            data += block
        return bytes(data)

    def _take_turn(self, url: str) -> None:
        """Wait until the host may be asked again."""
        with self._lock:
            now = self._clock.now()
            turn = max(now, self._next_turn.get(_host(url), now))
            self._next_turn[_host(url)] = turn + self._limits.seconds_between_requests
        if turn > now:
            self._clock.sleep(turn - now)
        if self._clock.stopped.is_set():
            raise FetchError(url, "the run was stopped")

    def _hold(self, url: str, seconds: float) -> None:
        """Leave a host alone for some time."""
        with self._lock:
            turn = self._clock.now() + seconds
            self._next_turn[_host(url)] = max(turn, self._next_turn.get(_host(url), turn))


def _joined(url: str, place: str, location: str) -> str:
    """Return where a redirect leads, which must be http or https."""
    try:
        target = urljoin(place, location)
        scheme = urlsplit(target).scheme
    except ValueError as error:
        raise FetchError(url, f"it redirects to {location}, which is no address") from error
    if scheme not in ("http", "https"):
        raise FetchError(url, f"it redirects to {location}, which is neither http nor https")
    return target


def _origin(url: str) -> tuple[str, str]:
    """Return scheme and host with port of an address.

    Raises:
        FetchError: it is neither http nor https.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise FetchError(url, f"this is no address ({error})") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FetchError(url, "this is no http or https address")
    return parts.scheme, parts.netloc.lower()


def _host(url: str) -> str:
    return _origin(url)[1]


def _said(error: Exception) -> str:
    """Return what an error says, without the object that urllib3 puts before it."""
    return str(error).rpartition(">: ")[2] or type(error).__name__


def _retry_after(text: str) -> float | None:
    """Return the seconds of a Retry-After header, which has a number or a date; ``None`` if it says nothing."""
    if text.isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
        return max(0.0, when.replace(tzinfo=when.tzinfo or timezone.utc).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_global and not (mapped or found).is_multicast


def _guarded(connected: socket.socket, host: str) -> socket.socket:
    """Return a connection if its other end is public, before anything is sent."""
    address = str(connected.getpeername()[0])
    if is_public(address):
        return connected
    connected.close()
    raise FetchError(host, f"its address {address} is of a private network, to which no picture's address may lead")


class _GuardedConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _guarded(super()._new_conn(), self.host)


class _GuardedTlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _guarded(super()._new_conn(), self.host)


class _GuardedPool(HTTPConnectionPool):
    ConnectionCls = _GuardedConnection


class _GuardedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedTlsConnection
