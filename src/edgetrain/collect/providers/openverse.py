"""Openverse's image search (api.openverse.org): pages of JSON to candidates.

```
GET ?q=WORDS&license=by,by-sa&page=1&page_size=20
{"result_count": 240, "page_count": 12, "page_size": 20, "page": 1, "results": [
  {"id": "UUID", "title": …, "url": …, "foreign_landing_url": …, "creator": …, "license": "by-sa",
   "license_version": "4.0", "license_url": …, "width": …, "height": …, "filetype": "jpg"}…]}
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edgetrain.collect.candidates import Candidate, FetchJson, PictureSearch, plain_text, size_of
from edgetrain.collect.licences import CC0, PUBLIC_DOMAIN
from edgetrain.core.errors import DownloadError

NAME = "openverse"
# What one gets without an account: 20 pictures a page, 20 pages.
_PAGE_SIZE = 20
_MOST_PAGES = 20
_NAMES = {CC0: "CC0", "pdm": "Public Domain Mark"}
_MEDIA_TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png"}


def search_openverse(search: PictureSearch, fetch_json: FetchJson, url: str) -> Iterator[Candidate]:
    """Yield what Openverse finds, in its order.

    Raises:
        DownloadError: the service cannot be reached, or answers something else than search results.
    """
    licences = ",".join("pdm" if code == PUBLIC_DOMAIN else code for code in search.licences)
    for page in range(1, _MOST_PAGES + 1):
        asked = {"q": search.query, "license": licences, "page": str(page), "page_size": str(_PAGE_SIZE)}
        answer = fetch_json(url, asked)
        results, pages = answer.get("results"), answer.get("page_count")
        if not isinstance(results, list):
            raise DownloadError(
                f"{url}: the answer has no list of results, so this is not Openverse's search. "
                "Correct collect.openverse_url."
            )
        yield from (_candidate(record) for record in results if isinstance(record, Mapping) and record.get("url"))
        if not results or not isinstance(pages, int) or page >= pages:
            return


def _candidate(record: Mapping[str, object]) -> Candidate:
    code, version = plain_text(record.get("license")).lower(), plain_text(record.get("license_version"))
    file_type = plain_text(record.get("filetype")).lower()
    return Candidate(
        id=plain_text(record.get("id")),
        image_url=str(record["url"]),
        source_page=plain_text(record.get("foreign_landing_url")),
        title=plain_text(record.get("title")),
        creator=plain_text(record.get("creator")),
        licence=f"{_NAMES.get(code, f'CC {code.upper()}')} {version}".strip(),
        licence_url=plain_text(record.get("license_url")),
        size=size_of(record),
        media_type=_MEDIA_TYPES.get(file_type, file_type),
    )
