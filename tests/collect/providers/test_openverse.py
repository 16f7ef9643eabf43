"""Openverse's answers, as its API gives them, become candidates."""

from __future__ import annotations

import pytest

from edgetrain.collect.candidates import Candidate, PictureSearch
from edgetrain.collect.providers.openverse import search_openverse
from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import DownloadError

RECORD = {
    "id": "0aff3595-8168-440b-83ff-7a80b65dea42",
    "title": "A raccoon\n",
    "indexed_on": "2018-11-09T05:34:12.000000Z",
    "foreign_landing_url": "https://www.flickr.com/photos/1/2",
    "url": "https://live.staticflickr.com/1/2_b.jpg",
    "creator": "Somebody",
    "creator_url": "https://www.flickr.com/photos/1",
    "license": "by",
    "license_version": "2.0",
    "license_url": "https://creativecommons.org/licenses/by/2.0/",
    "provider": "flickr",
    "source": "flickr",
    "filesize": None,
    "filetype": "jpg",
    "height": 683,
    "width": 1024,
    "mature": False,
}


def search(*pages, licences=("cc0", "public-domain", "by")):
    """Return what a search finds in some pages, and what was asked for."""
    asked, answers = [], iter(pages)

    def fetch_json(url, parameters):
        asked.append((url, parameters))
        return next(answers)

    return list(search_openverse(PictureSearch("raccoon", licences), fetch_json, "https://api.test/")), asked


def page(*records, pages=1):
    return {"result_count": 1, "page_count": pages, "page_size": 20, "page": 1, "results": list(records)}


def test_a_record_says_what_the_licence_asks_for():
    found, _ = search(page(RECORD))

    assert found == [
        Candidate(
            id=RECORD["id"],
            image_url=RECORD["url"],
            source_page=RECORD["foreign_landing_url"],
            title="A raccoon",
            creator="Somebody",
            licence="CC BY 2.0",
            licence_url=RECORD["license_url"],
            size=ImageSize(1024, 683),
            media_type="image/jpeg",
        )
    ]


@pytest.mark.parametrize(
    ("changes", "licence"),
    [
        ({"license": "cc0", "license_version": "1.0"}, "CC0 1.0"),
        ({"license": "pdm", "license_version": "1.0"}, "Public Domain Mark 1.0"),
        ({"license": "by-nc-nd", "license_version": None}, "CC BY-NC-ND"),
    ],
)
def test_a_licence_is_written_out(changes, licence):
    assert search(page({**RECORD, **changes}))[0][0].licence == licence


def test_all_pages_are_asked_for_and_no_more():
    found, asked = search(page(RECORD, pages=2), page(RECORD, RECORD, pages=2))

    assert len(found) == 3
    assert [parameters["page"] for _, parameters in asked] == ["1", "2"]
    assert asked[0][1]["license"] == "cc0,pdm,by"


def test_an_endless_service_is_asked_20_times():
    assert len(search(*[page(RECORD, pages=10**9)] * 99)[1]) == 20


def test_records_without_an_address_and_nonsense_are_passed_over():
    assert search(page({**RECORD, "url": None}, "nonsense", None))[0] == []


def test_another_service_is_told_apart():
    with pytest.raises(DownloadError, match=r"https://api.test/: the answer has no list of results"):
        search({"query": {}})
