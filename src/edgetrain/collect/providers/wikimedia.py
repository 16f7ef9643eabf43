"""Wikimedia Commons' search (MediaWiki's action API): pages of JSON to candidates.

```
GET ?action=query&format=json&formatversion=2&generator=search&gsrsearch=…&prop=imageinfo&iiprop=…&iiurlwidth=1280
{"continue": {"gsroffset": 50, "continue": "gsroffset||"}, "query": {"pages": [
  {"pageid": 1, "index": 1, "title": "File:…", "imageinfo": [
    {"url": …, "thumburl": …, "descriptionurl": …, "width": …, "height": …, "thumbwidth": …, "thumbheight": …,
     "mime": "image/jpeg", "extmetadata": {"LicenseShortName": {"value": "CC BY-SA 4.0"}, "Artist": {"value": HTML}…}}]}
  …]}}
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html.parser import HTMLParser

from edgetrain.collect.candidates import Candidate, FetchJson, PictureSearch, plain_text, size_of
from edgetrain.collect.licences import licence_code
from edgetrain.core.errors import DownloadError

NAME = "wikimedia"
_MOST_PAGES = 100
# Commons asks programs to take one of its ready-made widths rather than the original, which may have 100 megabytes.
_WIDTH = "1280"
_ASKED = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "generator": "search",
    "gsrnamespace": "6",
    "gsrlimit": "50",
    "prop": "imageinfo",
    "iiprop": "url|size|mime|extmetadata",
    "iiurlwidth": _WIDTH,
    "iiextmetadatafilter": "License|LicenseShortName|LicenseUrl|Artist|ObjectName",
}


def search_wikimedia(search: PictureSearch, fetch_json: FetchJson, url: str) -> Iterator[Candidate]:
    """Yield what Commons finds, in its order.

    Raises:
        DownloadError: the service cannot be reached, or answers something else than search results.
    """
    further: Mapping[str, object] = {}
    for _ in range(_MOST_PAGES):
        asked = {**_ASKED, "gsrsearch": f"filetype:bitmap {search.query}"}
        answer = fetch_json(url, asked | {name: str(value) for name, value in further.items()})
        if "error" in answer or not ({"query", "batchcomplete", "continue"} & answer.keys()):
            error = answer.get("error")
            said = plain_text(error.get("info")) if isinstance(error, Mapping) else ""
            raise DownloadError(
                f"{url}: this is no answer of a search{f' ({said})' if said else ''}. Correct collect.wikimedia_url."
            )
        for page in _pages(answer):
            yield from _candidates(page)
        rest = answer.get("continue")
        if not isinstance(rest, Mapping) or rest == further:
            return
        further = rest


def _pages(answer: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Return the pages in the order of the search, which is not that of the answer."""
    query = answer.get("query")
    pages = query.get("pages") if isinstance(query, Mapping) else None
    found = [page for page in pages if isinstance(page, Mapping)] if isinstance(pages, list) else []
    return sorted(found, key=_index)


def _index(page: Mapping[str, object]) -> int:
    index = page.get("index")
    return index if isinstance(index, int) else 0


def _candidates(page: Mapping[str, object]) -> Iterator[Candidate]:
    infos = page.get("imageinfo")
    info = infos[0] if isinstance(infos, list) and infos else None
    if not isinstance(info, Mapping) or not (info.get("thumburl") or info.get("url")):
        return
    said = info.get("extmetadata")
    words = {name: _value(entry) for name, entry in said.items()} if isinstance(said, Mapping) else {}
    short, code = words.get("LicenseShortName", ""), words.get("License", "")
    thumb = {"width": info.get("thumbwidth"), "height": info.get("thumbheight")}
    yield Candidate(
        id=plain_text(page.get("pageid")),
        image_url=str(info.get("thumburl") or info.get("url")),
        source_page=plain_text(info.get("descriptionurl")),
        title=words.get("ObjectName") or plain_text(page.get("title")).partition(":")[2],
        creator=words.get("Artist", ""),
        licence=short if licence_code(short) else code,
        licence_url=words.get("LicenseUrl", ""),
        size=size_of(thumb if info.get("thumburl") else info),
        media_type=plain_text(info.get("mime")),
    )


def _value(entry: object) -> str:
    """Return the value of a piece of metadata, which may be HTML, as plain text."""
    value = entry.get("value") if isinstance(entry, Mapping) else ""
    text = _Text()
    text.feed(value if isinstance(value, str) else "")
    text.close()
    return plain_text(" ".join(text.parts))


class _Text(HTMLParser):
    """Collects the text of a piece of HTML."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        """Keep a piece of text."""
        self.parts.append(data)
