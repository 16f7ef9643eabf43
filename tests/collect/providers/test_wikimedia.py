"""Answers of Wikimedia Commons, as MediaWiki's API gives them, become candidates."""

from __future__ import annotations

import pytest

from edgetrain.collect.candidates import Candidate, PictureSearch
from edgetrain.collect.providers.wikimedia import search_wikimedia
from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import DownloadError

METADATA = {
    "License": {"value": "cc-by-sa-3.0", "source": "commons-templates", "hidden": ""},
    "LicenseShortName": {"value": "CC BY-SA 3.0", "source": "commons-desc-page", "hidden": ""},
    "LicenseUrl": {"value": "https://creativecommons.org/licenses/by-sa/3.0", "source": "commons-desc-page"},
    "Artist": {"value": '<a href="//commons.wikimedia.org/wiki/User:X" title="X">Some &amp; Body</a>'},
    "ObjectName": {"value": "Raccoon in a tree"},
}
INFO = {
    "size": 9_000_000,
    "width": 4000,
    "height": 3000,
    "thumburl": "https://upload.wikimedia.org/thumb/a/ab/R.jpg/1280px-R.jpg",
    "thumbwidth": 1280,
    "thumbheight": 960,
    "url": "https://upload.wikimedia.org/a/ab/R.jpg",
    "descriptionurl": "https://commons.wikimedia.org/wiki/File:R.jpg",
    "mime": "image/jpeg",
    "extmetadata": METADATA,
}


def page(index=1, **changes):
    return {"pageid": 40 + index, "ns": 6, "title": "File:R.jpg", "index": index, "imageinfo": [{**INFO, **changes}]}


def search(*answers):
    """Return what a search finds in some answers, and what was asked for."""
    asked, left = [], iter(answers)

    def fetch_json(_url, parameters):
        asked.append(parameters)
        return next(left)

    return list(search_wikimedia(PictureSearch("raccoon", ("by-sa",)), fetch_json, "https://w.test/api.php")), asked


def test_a_page_says_what_the_licence_asks_for_and_the_ready_made_width_is_fetched():
    found, asked = search({"batchcomplete": True, "query": {"pages": [page()]}})

    assert found == [
        Candidate(
            id="41",
            image_url=INFO["thumburl"],
            source_page=INFO["descriptionurl"],
            title="Raccoon in a tree",
            creator="Some & Body",
            licence="CC BY-SA 3.0",
            licence_url="https://creativecommons.org/licenses/by-sa/3.0",
            size=ImageSize(1280, 960),
            media_type="image/jpeg",
        )
    ]
    assert (asked[0]["gsrsearch"], asked[0]["iiurlwidth"]) == ("filetype:bitmap raccoon", "1280")


def test_pages_come_in_the_order_of_the_search():
    found, _ = search({"query": {"pages": [page(3), page(1), page(2)]}})

    assert [one.id for one in found] == ["41", "42", "43"]


def test_a_search_is_continued_as_the_service_says():
    further = {"gsroffset": 50, "continue": "gsroffset||"}

    found, asked = search({"continue": further, "query": {"pages": [page(1)]}}, {"query": {"pages": [page(2)]}})

    assert [one.id for one in found] == ["41", "42"]
    assert (asked[1]["gsroffset"], asked[1]["continue"]) == ("50", "gsroffset||")


def test_a_service_that_never_goes_on_is_not_asked_for_ever():
    assert len(search(*[{"continue": {"gsroffset": 50}, "query": {"pages": []}}] * 9)[1]) == 2


def test_without_metadata_the_title_of_the_page_counts_and_the_original_is_fetched():
    found, _ = search({"query": {"pages": [page(thumburl=None, extmetadata=None)]}})

    assert (found[0].title, found[0].licence, found[0].image_url) == ("R.jpg", "", INFO["url"])
    assert found[0].size == ImageSize(4000, 3000)


def test_the_code_of_a_licence_counts_where_its_name_says_nothing():
    metadata = {"LicenseShortName": {"value": "See page"}, "License": {"value": "cc0"}}

    assert search({"query": {"pages": [page(extmetadata=metadata)]}})[0][0].licence == "cc0"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"batchcomplete": True}, id="nothing found"),
        pytest.param({"query": {"pages": [{"pageid": 1, "missing": True}, 7]}}, id="no picture"),
        pytest.param({"query": {"pages": {"1": page()}}}, id="another version of the format"),
    ],
)
def test_what_is_no_picture_is_passed_over(answer):
    assert search(answer)[0] == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param({"error": {"code": "x", "info": "Unknown action"}}, r"\(Unknown action\)", id="error"),
        pytest.param({"results": []}, "no answer of a search. Correct collect.wikimedia_url", id="another service"),
    ],
)
def test_an_answer_that_is_none_is_an_error(answer, message):
    with pytest.raises(DownloadError, match=message):
        search(answer)
