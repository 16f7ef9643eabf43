"""Pictures that a search found, before anybody has fetched them, and what a provider of such is."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from edgetrain.core.boxes import ImageSize

_MOST_TEXT = 500
_MOST_QUERY_NAME = 40
_MOST_ID = 60
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")

FetchJson = Callable[[str, Mapping[str, str]], dict[str, object]]


@dataclass(frozen=True)
class Candidate:
    """One picture as its provider describes it; nothing of it is proven.

    ``id`` is the provider's own name of the picture, always the same. ``licence`` is what the provider calls the
    licence (``CC BY-SA 4.0``). ``size`` and ``media_type`` (``image/jpeg``) are ``None`` and empty where it does not
    say. ``provider`` is set by whoever asked the provider.
    """

    id: str
    image_url: str
    source_page: str
    title: str
    creator: str
    licence: str
    licence_url: str
    size: ImageSize | None = None
    media_type: str = ""
    provider: str = ""

    @property
    def key(self) -> str:
        """What tells this picture from all others, fit for a file name."""
        name = _name_part(self.id, _MOST_ID) or hashlib.sha256(self.image_url.encode()).hexdigest()[:16]
        return f"{_name_part(self.provider, _MOST_ID)}-{name}"

    def stem(self, query: str) -> str:
        """Return the name of its file without suffix: words of the query, provider, id."""
        return f"{_name_part(query, _MOST_QUERY_NAME) or 'picture'}-{self.key}"


@dataclass(frozen=True)
class PictureSearch:
    """What is looked for: words, and the licences (codes of ``collect.licences``) that will do."""

    query: str
    licences: tuple[str, ...]


class Provider(Protocol):
    """A service that has pictures: gives them in an order that does not depend on time or chance."""

    def __call__(self, search: PictureSearch, fetch_json: FetchJson) -> Iterator[Candidate]:
        """Yield candidates, the best first, asking for further ones only when they are wanted.

        Args:
            search: what is looked for; candidates of other licences may be yielded, and are left out later.
            fetch_json: gives the JSON object at an address with parameters, politely; its errors pass through.
        """


def plain_text(value: object) -> str:
    """Return a text of a service as one line of at most 500 characters; empty for what is no text or number."""
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        return ""
    text = "".join(" " if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") else one for one in str(value))
    return " ".join(text.split())[:_MOST_TEXT]


def size_of(record: Mapping[str, object]) -> ImageSize | None:
    """Return ``width`` and ``height`` of a service's record, ``None`` where they are missing or senseless."""
    width, height = record.get("width"), record.get("height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return ImageSize(width, height)
    return None


def _name_part(text: str, most: int) -> str:
    """Return a text as lower-case ASCII letters and digits with hyphens between; empty if none is left."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _NOT_IN_NAMES.sub("-", ascii_text.lower()).strip("-")[:most].rstrip("-")
