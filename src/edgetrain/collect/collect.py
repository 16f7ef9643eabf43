"""Fetch pictures by keyword into the dataset, with their licences in ``attribution.csv``.

The order in which a provider names its pictures decides which are taken, never which of them arrives first. A run that
was cut is continued by the same command; one that has all its pictures asks nobody.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone
from typing import Union

import edgetrain
from edgetrain.collect.candidates import Candidate, PictureSearch, Provider
from edgetrain.collect.licences import check_licences, licence_code
from edgetrain.collect.picture_collection import PictureCollection
from edgetrain.collect.picture_intake import KnownPictures, Picture, UnfitError, check_size, examine
from edgetrain.collect.providers.registry import find_providers
from edgetrain.core.errors import DownloadError, SettingsError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.settings.sections import CollectSettings
from edgetrain.core.system.progress import listener
from edgetrain.core.wording import counted
from edgetrain.core.workspace import Workspace
from edgetrain.images.pixel_facts import review_pixels
from edgetrain.web.client import FetchError, WebClient, WebLimits

_MEDIA_TYPES = ("", "image/jpeg", "image/png")
_NOT_FETCHED = "not to be had"
_MOST_FAILURES = 10
_SOME_FAILURES = 100

_Arrived = Union[Picture, UnfitError, FetchError]


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Fetch pictures until the dataset has as many of the query as it shall, or there are no more.

    Raises:
        SettingsError: there is no query, or a provider or licence does not exist.
        DatasetError: the dataset has no one folder for pictures.
        DownloadError: a provider cannot be reached, or one picture after the other cannot.
        StorageError: the disk is full or the folder cannot be written; what is there is whole.
    """
    wanted = settings.collect
    if not wanted.query.strip():
        raise SettingsError('collect.query is empty. Say what to look for: ci/inv collect --query "red fox".')
    check_licences(wanted.licences, "collect.licences")
    providers = find_providers(wanted)
    collection = PictureCollection(settings.dataset.root, left_out=workspace.root)
    collecting = _Collecting(wanted, collection)
    if collection.count(wanted.query, list(providers)) < wanted.limit:
        paths = collection.pictures()
        named = [(path, str(path)) for path in paths]
        hashes = [facts.dhash for _, facts in review_pixels(named, workspace.pixel_cache_path)]
        collecting.collect(providers, KnownPictures(paths, hashes))
    return collecting.report(list(providers))


class _Collecting:
    """One run: what it has added, and what it left out and why."""

    def __init__(self, wanted: CollectSettings, collection: PictureCollection) -> None:
        self._wanted, self._collection = wanted, collection
        self._added: list[str] = []
        self._left_out: Counter[str] = Counter()
        self._failures: list[dict[str, str]] = []
        self._failed_in_a_row = 0
        self._has_asked = False

    def collect(self, providers: dict[str, Provider], known: KnownPictures) -> None:
        """Take pictures in the order of the providers until there are enough."""
        wanted = self._wanted
        before = self._collection.count(wanted.query, list(providers))

        def room() -> int:
            return wanted.limit - before - len(self._added)

        self._has_asked = True
        client = _client(wanted)
        candidates = filter(self._is_worth_it, _candidates(providers, wanted, client))
        with closing(_arrivals(candidates, client, wanted, room)) as arrivals:
            for candidate, arrived in arrivals:
                self._judge(candidate, arrived, known)
                left_out = sum(self._left_out.values())
                listener().advanced(wanted.limit - room(), wanted.limit, f"pictures, {left_out} left out")

    def _is_worth_it(self, candidate: Candidate) -> bool:
        """Return whether a candidate is to be fetched, by what its provider says of it."""
        if self._collection.has(candidate):
            return False
        if licence_code(candidate.licence) not in self._wanted.licences:
            self._left_out["another licence"] += 1
        elif candidate.media_type not in _MEDIA_TYPES:
            self._left_out["neither JPEG nor PNG"] += 1
        elif self._collection.is_taken(candidate.stem(self._wanted.query)):
            self._left_out["a file of that name is there, without a row"] += 1
        else:
            return self._fits(candidate)
        return False

    def _fits(self, candidate: Candidate) -> bool:
        try:
            if candidate.size:
                check_size(candidate.size, self._wanted.min_side)
        except UnfitError as reason:
            self._left_out[str(reason)] += 1
            return False
        return True

    def _judge(self, candidate: Candidate, arrived: _Arrived, known: KnownPictures) -> None:
        """Add what has arrived, or count why not."""
        if isinstance(arrived, FetchError):
            self._left_out[_NOT_FETCHED] += 1
            self._failures.append({"image_url": candidate.image_url, "reason": arrived.reason})
            self._failed_in_a_row += 1
            if self._failed_in_a_row == _MOST_FAILURES:
                raise DownloadError(
                    f"{candidate.image_url}: {arrived.reason}, and the {_MOST_FAILURES - 1} pictures before cannot be "
                    f"had either. {counted(len(self._added), 'picture')} added; check the network, then run the same "
                    "command again."
                ) from arrived
            return
        self._failed_in_a_row = 0
        try:
            if isinstance(arrived, UnfitError):
                raise arrived
            known.check(arrived)
        except UnfitError as reason:
            self._left_out[str(reason)] += 1
            return
        today = datetime.now(timezone.utc).date().isoformat()
        path = self._collection.add(candidate, arrived, query=self._wanted.query, retrieved=today)
        known.add(path, arrived)
        self._added.append(path.name)

    def report(self, providers: list[str]) -> Outcome:
        """Return what a person should know of the run."""
        wanted = self._wanted
        there = self._collection.count(wanted.query, providers)
        gone = self._collection.gone()
        reasons = dict(sorted(self._left_out.items()))
        notes = [f"left out: {', '.join(f'{count} {reason}' for reason, count in reasons.items())}"] if reasons else []
        if there < wanted.limit:
            notes.append(f"{' and '.join(providers)} had no more pictures that fit: try other words")
        if gone:
            notes.append(f"{counted(gone, 'row')} of attribution.csv without a picture: not fetched again")
        if self._has_asked and not wanted.contact:
            notes.append("collect.contact is empty: the services ask for an e-mail or web address of yours")
        summary = (
            f"{counted(len(self._added), 'picture')} added to {self._collection.images_dir}: "
            f'it has {there} of "{wanted.query}", {wanted.limit} wanted'
        )
        results: dict[str, object] = {
            "query": wanted.query,
            "providers": providers,
            "pictures": there,
            "added": self._added,
            "left_out": reasons,
            "failures": self._failures[:_SOME_FAILURES],
        }
        return Outcome(summary, results, tuple(notes))


def _client(wanted: CollectSettings) -> WebClient:
    agent = f"edgetrain/{edgetrain.__version__}" + (f" ({wanted.contact})" if wanted.contact else "")
    limits = WebLimits(wanted.seconds_between_requests, wanted.retry_seconds, wanted.timeout_seconds)
    return WebClient(agent, limits, [wanted.openverse_url, wanted.wikimedia_url])


def _candidates(providers: Mapping[str, Provider], wanted: CollectSettings, client: WebClient) -> Iterator[Candidate]:
    """Yield what the providers find, one after the other; what two of them find is yielded once."""
    search = PictureSearch(wanted.query, wanted.licences)
    seen: set[str] = set()
    for name, provider in providers.items():
        for found in provider(search, client.get_json):
            if found.image_url not in seen:
                seen.add(found.image_url)
                yield replace(found, provider=name)


def _arrivals(
    candidates: Iterator[Candidate], client: WebClient, wanted: CollectSettings, room: Callable[[], int]
) -> Generator[tuple[Candidate, _Arrived], None, None]:
    """Yield candidates in their order with what came of each, several fetched at once but never more than have room."""

    def fetch(candidate: Candidate) -> _Arrived:
        try:
            return examine(client.get(candidate.image_url, most_bytes=wanted.max_megabytes << 20), wanted.min_side)
        except (UnfitError, FetchError) as reason:
            return reason

    pending: deque[tuple[Candidate, Future[_Arrived]]] = deque()
    with ThreadPoolExecutor(wanted.jobs) as pool:
        try:
            while True:
                while len(pending) < min(2 * wanted.jobs, room()):
                    candidate = next(candidates, None)
                    if candidate is None:
                        break
                    pending.append((candidate, pool.submit(fetch, candidate)))
                if not pending:
                    return
                candidate, future = pending.popleft()
                yield candidate, future.result()
        finally:
            client.stop()
            for _, future in pending:
                future.cancel()
