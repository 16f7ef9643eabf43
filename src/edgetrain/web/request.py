"""One request by HTTP, redirections followed: the only door to urllib3, and the rules that hold for every request.

http and https only, with checked certificates. Of up to five redirections none leads elsewhere, or from https to http.
No header but those given is sent, and no name or password: what an address has of them stays here. No body is longer
than allowed, and one that is shorter than announced is a failure. Where so wished, no address of a private network is
asked, not even after a redirection or a change of the name's address.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import time
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import unquote, urljoin, urlsplit

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationValueError
from urllib3.util import make_headers

from edgetrain.core.wording import printable

_REDIRECTS = (301, 302, 303, 307, 308)
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_MOST_REDIRECTS = 5
_BLOCK_BYTES = 1 << 16
_POOLED = 4
_SCHEMES = ("http", "https")
_OBJECT = re.compile(r"^(<.*>|\w+\([^)]*\)): ")


class RequestError(Exception):
    """What was asked for does not come: an event of this room, not an error for its callers.

    ``reason`` says why, ``url`` is the address that was asked last, ``status`` the server's code (0: none came). What
    ``may_pass`` is worth a second try, after ``wait_seconds`` if the server says so.
    """

    def __init__(
        self, url: str, reason: str, *, may_pass: bool = False, status: int = 0, wait_seconds: float | None = None
    ) -> None:
        """Keep what happened."""
        super().__init__(reason)
        self.url, self.reason = url, reason
        self.may_pass, self.status, self.wait_seconds = may_pass, status, wait_seconds


@dataclass(frozen=True)
class Answer:
    """A server's answer that brings what was asked for; ``url`` is where it was found."""

    url: str
    status: int
    headers: Mapping[str, str]
    _response: BaseHTTPResponse = field(repr=False)

    @property
    def length(self) -> int | None:
        """How many bytes are announced, if they are."""
        length = self.headers.get("Content-Length", "")
        return int(length) if length.isdecimal() else None

    def blocks(self, *, most_bytes: int, start: int = 0) -> Iterator[bytes]:
        """Yield the body as it arrives.

        Args:
            most_bytes: how long it may be.
            start: how many bytes of the file come before it, for the message.

        Raises:
            RequestError: it is longer, the connection breaks off, or ends before all is there.
        """
        done, length = 0, self.length
        while length is None or done < length:
            if start + max(done, length or 0) > most_bytes:
                raise RequestError(self.url, f"it is longer than {most_bytes} bytes")
            try:
                block = self._response.read1(_BLOCK_BYTES, decode_content=False)
            except (HTTPError, OSError) as error:
                raise RequestError(self.url, f"the connection broke off ({_said(error)})", may_pass=True) from error
            if not block:
                break
            done += len(block)
            yield block
        if length is not None and done < length:
            whole = f"{start + done} of {start + length} bytes"
            raise RequestError(self.url, f"the connection ended after {whole}", may_pass=True)


class Requests:
    """Asks servers, from many threads at once."""

    def __init__(self, agent: str, *, silence_seconds: float, trusted: Collection[str] | None = None) -> None:
        """Connect to nothing yet.

        Args:
            agent: the User-Agent, ASCII.
            silence_seconds: how long a server may say nothing.
            trusted: the only URLs whose scheme, host and port may be of a private network. ``None``: a person chose the
                address, any may be, and the proxies of the machine's settings are used.

        Raises:
            RequestError: one of the URLs is neither http nor https.
        """
        self._headers = {"User-Agent": agent, "Accept-Encoding": "identity"}
        self._silence = Timeout(connect=silence_seconds, read=silence_seconds)
        self._trusted = None if trusted is None else {origin_of(url) for url in trusted}
        self._open = PoolManager(maxsize=_POOLED)
        self._proxies: dict[str, ProxyManager] = {}
        self._guarded = PoolManager(maxsize=_POOLED)
        self._guarded.pool_classes_by_scheme = {"http": _GuardedPool, "https": _GuardedTlsPool}

    def close(self) -> None:
        """Close all connections that are at rest."""
        for pools in (self._open, self._guarded, *self._proxies.values()):
            pools.clear()

    @contextmanager
    def asked(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        before_each: Callable[[str], object] = lambda _url: None,
    ) -> Iterator[Answer]:
        """Ask for what is at an address and yield the answer that brings it.

        Args:
            url: http or https.
            headers: further ones; with a ``Range``, a part is an answer, too.
            before_each: is called with the address before each request, also those after a redirection.

        Raises:
            RequestError: it does not come.
        """
        place = url
        for _ in range(_MOST_REDIRECTS + 1):
            before_each(place)
            response = self._request(place, {**self._headers, **(headers or {})})
            try:
                location = response.headers.get("Location", "")
                if response.status not in _REDIRECTS or not location:
                    _require_content(response, place, may_be_part="Range" in (headers or {}))
                    yield Answer(place, response.status, response.headers, response)
                    return
            finally:
                response.close()
            place = _redirected(place, location)
        raise RequestError(url, f"it redirects more than {_MOST_REDIRECTS} times")

    def _request(self, url: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        try:
            return self._pools(url).request(
                "GET",
                url,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                enforce_content_length=False,  # blocks() does, with a message that says how much came
                timeout=self._silence,
            )
        except (LocationValueError, UnicodeError) as error:
            raise RequestError(url, f"this is no address ({error})") from error
        except (HTTPError, OSError) as error:
            raise RequestError(url, f"there is no answer ({_said(error)})", may_pass=True) from error

    def _pools(self, url: str) -> PoolManager:
        origin = origin_of(url)
        if self._trusted is not None:
            return self._open if origin in self._trusted else self._guarded
        proxy = _proxy_of(*origin)
        if not proxy:
            return self._open
        if proxy not in self._proxies:
            self._proxies[proxy] = _proxy(proxy)
        return self._proxies[proxy]


def _require_content(response: BaseHTTPResponse, url: str, *, may_be_part: bool) -> None:
    """Raise unless an answer brings what was asked for."""
    status = response.status
    if status == HTTPStatus.OK or (may_be_part and status == HTTPStatus.PARTIAL_CONTENT):
        return
    reason = f"the server answers {status}{f' ({printable(response.reason)})' if response.reason else ''}"
    wait_seconds = _retry_after(response.headers.get("Retry-After", "")) if status in _PASSING else None
    raise RequestError(url, reason, may_pass=status in _PASSING, status=status, wait_seconds=wait_seconds)


def _redirected(place: str, location: str) -> str:
    """Return where a redirection leads.

    Raises:
        RequestError: that is no address, not http or https, or less safe than the place before.
    """
    shown = printable(location)
    try:
        target = urljoin(place, location)
        before, after = urlsplit(place).scheme, urlsplit(target).scheme
    except ValueError as error:
        raise RequestError(place, f"it redirects to {shown}, which is no address") from error
    if after not in _SCHEMES:
        raise RequestError(place, f"it redirects to {shown}, which is neither http nor https")
    if (before, after) == ("https", "http"):
        raise RequestError(place, f"it redirects from https to {shown}, where anybody on the way may change it")
    return target


def origin_of(url: str) -> tuple[str, str]:
    """Return scheme and host with port of an address.

    Raises:
        RequestError: it is neither http nor https.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number
    except ValueError as error:
        raise RequestError(url, f"this is no address ({error})") from error
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise RequestError(url, "this is no http or https address")
    return parts.scheme, parts.netloc.rpartition("@")[2].lower()


def _proxy_of(scheme: str, host: str) -> str:
    """Return the proxy by which the machine's settings have a host asked; empty: by none."""
    return "" if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(scheme, "")


def _proxy(address: str) -> ProxyManager:
    """Return the connections to a proxy, which alone is told the name and password in its address."""
    parts = urlsplit(address if "://" in address else f"http://{address}")
    credentials = unquote(f"{parts.username or ''}:{parts.password or ''}")
    headers = make_headers(proxy_basic_auth=credentials) if parts.username else None
    return ProxyManager(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", proxy_headers=headers, maxsize=_POOLED)


def _said(error: Exception) -> str:
    """Return what an error says, without the object that urllib3 puts before it."""
    return _OBJECT.sub("", str(error)) or type(error).__name__


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


def _require_public(connected: socket.socket, host: str) -> socket.socket:
    """Return a connection if its other end is public, before anything is sent."""
    address = str(connected.getpeername()[0])
    if is_public(address):
        return connected
    connected.close()
    raise RequestError(host, f"its address {address} is of a private network, to which no picture's address may lead")


class _GuardedConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _require_public(super()._new_conn(), self.host)


class _GuardedTlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _require_public(super()._new_conn(), self.host)


class _GuardedPool(HTTPConnectionPool):
    ConnectionCls = _GuardedConnection


class _GuardedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedTlsConnection
