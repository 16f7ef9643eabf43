"""A polite reader of the web, for what many servers have.

One request after the other to each host, with a pause; a server that is overloaded is left alone for as long as it
asks. No request takes longer than its time.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from edgetrain.core.errors import DownloadError
from edgetrain.web.request import RequestError, Requests, origin_of

_MOST_JSON_BYTES = 16 << 20
_SILENCE_SECONDS = 15.0


class FetchError(DownloadError):
    """Something cannot be fetched; ``reason`` says why, without place and remedy."""

    def __init__(self, url: str, reason: str) -> None:
        """Make the message of the parts."""
        super().__init__(f"{url}: {reason}. Check the address and the network, then run the same command again.")
        self.reason = reason


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

        Raises:
            FetchError: one of the URLs is neither http nor https.
        """
        self._limits = limits
        self._clock = clock or Clock()
        try:
            silence = min(_SILENCE_SECONDS, limits.timeout_seconds)
            self._requests = Requests(agent, silence_seconds=silence, trusted=trusted)
        except RequestError as error:
            raise FetchError(error.url, error.reason) from error
        self._lock = threading.Lock()
        self._next_turn: dict[str, float] = {}

    def stop(self) -> None:
        """End what is under way: waiting at once, transfers with their next bytes."""
        self._clock.stopped.set()
        self._requests.close()

    def get(self, url: str, *, most_bytes: int) -> bytes:
        """Return what is at an address, after several tries if need be.

        Raises:
            FetchError: it cannot be had, or is longer than allowed.
        """
        reason = ""
        for attempt in range(self._limits.attempts):
            try:
                return self._fetch(url, most_bytes)
            except RequestError as failure:
                if not failure.may_pass:
                    raise FetchError(url, failure.reason) from failure
                reason, wait = failure.reason, failure.wait_seconds
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

    def _fetch(self, url: str, most_bytes: int) -> bytes:
        """Return what is at an address, asked for once."""
        data = bytearray()
        deadline = 0.0

        def take_turn(place: str) -> None:
            nonlocal deadline
            self._take_turn(place)
            deadline = self._clock.now() + self._limits.timeout_seconds

        with self._requests.asked(url, before_each=take_turn) as answer:
            for block in answer.blocks(most_bytes=most_bytes):
                data += block
                if self._clock.now() > deadline or self._clock.stopped.is_set():
                    reason = f"it is not there after {self._limits.timeout_seconds:g} s"
                    raise RequestError(answer.url, reason, may_pass=True)
        return bytes(data)

    def _take_turn(self, url: str) -> None:
        """Wait until the host may be asked again."""
        with self._lock:
            now = self._clock.now()
            host = origin_of(url)[1]
            turn = max(now, self._next_turn.get(host, now))
            self._next_turn[host] = turn + self._limits.seconds_between_requests
        if turn > now:
            self._clock.sleep(turn - now)
        if self._clock.stopped.is_set():
            raise RequestError(url, "the run was stopped")

    def _hold(self, url: str, seconds: float) -> None:
        """Leave a host alone for some time."""
        with self._lock:
            host = origin_of(url)[1]
            turn = self._clock.now() + seconds
            self._next_turn[host] = max(turn, self._next_turn.get(host, turn))
