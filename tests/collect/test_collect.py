"""Pictures fetched by keyword: what comes into the dataset, what is left out, and a run that is cut."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from datetime import datetime, timezone

import pytest

from edgetrain.collect.collect import run
from edgetrain.core.errors import DatasetError, DownloadError, SettingsError
from edgetrain.core.system.progress import Listener, listening
from tests.support.places import PROJECT_DIR
from tests.support.web_server import (
    COMMONS,
    SEARCH,
    Answer,
    openverse_record,
    picture,
    put_openverse,
    put_pictures,
    serving,
)

WHOLE_PNG = picture(0, kind="PNG")
HOLE = WHOLE_PNG[:100] + WHOLE_PNG[140:]

PROGRAM = """
import sys
from pathlib import Path
from edgetrain.core.workspace import Workspace
from edgetrain.collect.collect import run
from tests.conftest import settings_of
from tests.collect.test_collect import changes_for
dataset, workspace, url = sys.argv[1:]
run(settings_of(Path(dataset), Path(workspace), **changes_for(url)), Workspace(Path(workspace)))
"""


def changes_for(url):
    """Return the settings of a test's run: the server's addresses, no pauses, small pictures."""
    return {
        "collect__query": "red fox",
        "collect__limit": 8,
        "collect__min_side": 32,
        "collect__provider": "openverse",
        "collect__contact": "me@example.org",
        "collect__seconds_between_requests": 0,
        "collect__retry_seconds": 0,
        "collect__timeout_seconds": 5,
        "collect__openverse_url": url + SEARCH,
        "collect__wikimedia_url": url + COMMONS,
    }


@pytest.fixture
def web():
    with serving() as running:
        yield running


@pytest.fixture
def collect(web, settings, workspace):
    """Return a function that runs the stage."""
    return lambda **changes: run(settings(**{**changes_for(web.url), **changes}), workspace)


@pytest.fixture
def dataset(tmp_path):
    return tmp_path / "dataset"


def files_in(folder):
    """Return the content of all files, hidden ones too, by name."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows_in(dataset):
    with (dataset / "attribution.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_pictures_come_with_all_that_their_licence_asks_for(web, collect, dataset):
    put_pictures(web, 2)

    report = collect(collect__limit=1)

    assert files_in(dataset / "images") == {"red-fox-openverse-p00.jpg": picture(0)}
    row = rows_in(dataset)[0]
    assert row.pop("sha256")[:4].isalnum()
    assert row == {
        "file": "images/red-fox-openverse-p00.jpg",
        "title": "Picture p00",
        "creator": "A. Person",
        "licence": "CC BY-SA 4.0",
        "licence_url": "https://creativecommons.org/licenses/by-sa/4.0/",
        "source_page": "https://example.org/p00",
        "image_url": f"{web.url}/pictures/p00",
        "provider": "openverse",
        "query": "red fox",
        "retrieved": datetime.now(timezone.utc).date().isoformat(),
    }
    assert report.summary == f'1 picture added to {dataset / "images"}: it has 1 of "red fox", 1 wanted'


def test_the_search_is_asked_for_the_licences_and_told_who_asks(web, collect):
    put_pictures(web, 1)

    collect()

    path, query, headers = web.asked[0]
    assert (path, query["q"], query["license"]) == (SEARCH, "red fox", "cc0,pdm,by,by-sa")
    assert headers["User-Agent"].startswith("edgetrain/")
    assert headers["User-Agent"].endswith(" (me@example.org)")


def test_who_gives_no_address_of_theirs_is_told_so_if_anybody_was_asked(web, collect):
    put_pictures(web, 1)
    notes = [collect(collect__contact="", collect__limit=1).notes for _ in range(2)]

    assert notes == [("collect.contact is empty: the services ask for an e-mail or web address of yours",), ()]


def test_a_second_run_asks_nobody_and_a_higher_limit_fetches_only_the_rest(web, collect, dataset):
    put_pictures(web, 6)
    collect(collect__limit=3)
    before = list(web.asked)

    collect(collect__limit=3)
    assert web.asked == before

    collect(collect__limit=5)
    assert sorted(web.paths("/pictures")) == [f"/pictures/p{number:02d}" for number in range(5)]
    assert len(rows_in(dataset)) == len(files_in(dataset / "images")) == 5


def test_a_picture_that_somebody_removed_does_not_come_back(web, collect, dataset):
    put_pictures(web, 4)
    collect(collect__limit=2)
    (dataset / "images" / "red-fox-openverse-p00.jpg").unlink()

    report = collect(collect__limit=2)

    assert sorted(files_in(dataset / "images")) == ["red-fox-openverse-p01.jpg", "red-fox-openverse-p02.jpg"]
    assert "1 row of attribution.csv without a picture: not fetched again" in report.notes


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(Answer(picture(0, (64, 20))), "smaller than 32 pixels", id="small"),
        pytest.param(Answer(b"<!DOCTYPE html><p>Sign in"), "a web page or text instead of a picture", id="web page"),
        pytest.param(Answer(b"GIF89a" + bytes(40)), "damaged, or no picture", id="no picture"),
        pytest.param(Answer(picture(0, kind="GIF")), "neither JPEG nor PNG", id="GIF"),
        pytest.param(Answer(picture(0)[:-40]), "cut off", id="without its end"),
        pytest.param(Answer(HOLE), "damaged, or no picture", id="a hole in the middle"),
        pytest.param(Answer(picture(1)), "there already", id="a copy"),
        pytest.param(Answer(picture(1, (128, 96), "PNG")), "nearly the same as one that is there", id="another size"),
        pytest.param(Answer(status=404), "not to be had", id="404"),
        pytest.param(Answer(status=302, headers={"Location": "file:///etc/passwd"}), "not to be had", id="file://"),
        pytest.param(Answer(status=302, headers={"Location": "/pictures/p01"}), "not to be had", id="redirect loop"),
        pytest.param(Answer(headers={"Content-Length": str(1 << 40)}), "not to be had", id="huge"),
        pytest.param(Answer(picture(0), sent=100), "not to be had", id="truncated again and again"),
        pytest.param(Answer(picture(0), drip=0.2), "not to be had", id="slow drip"),
    ],
)
def test_what_is_no_picture_to_train_on_is_left_out_and_counted(web, collect, dataset, answer, reason):
    put_openverse(web, [openverse_record(web, name, width=None) for name in ("p00", "p01", "p02")])
    web.put("/pictures/p00", Answer(picture(1)))
    web.put("/pictures/p01", answer)
    web.put("/pictures/p02", Answer(picture(2)))

    report = collect(collect__timeout_seconds=0.4 if answer.drip else 5)

    assert report.results["left_out"] == {reason: 1}
    assert sorted(files_in(dataset / "images")) == ["red-fox-openverse-p00.jpg", "red-fox-openverse-p02.jpg"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"license": "by-nc"}, "another licence", id="not for commerce"),
        pytest.param({"license": "sampling+"}, "another licence", id="unheard of"),
        pytest.param({"filetype": "svg"}, "neither JPEG nor PNG", id="drawing"),
        pytest.param({"height": 20}, "smaller than 32 pixels", id="small"),
    ],
)
def test_what_the_provider_says_will_not_do_is_not_even_fetched(web, collect, changes, reason):
    put_pictures(web, 2, **changes)

    report = collect()

    assert (report.results["left_out"], web.paths("/pictures")) == ({reason: 2}, [])


def test_failures_that_pass_are_tried_again(web, collect):
    put_pictures(web, 3)
    whole = Answer(picture(0))
    web.put("/pictures/p00", Answer(status=429, headers={"Retry-After": "0"}), Answer(status=500), whole)
    web.put("/pictures/p01", Answer(picture(1), sent=200), Answer(picture(1)))

    report = collect()

    assert (report.results["pictures"], report.results["left_out"]) == (3, {})


def test_the_order_of_the_search_decides_not_that_of_arrival(web, collect, dataset):
    put_pictures(web, 6)
    web.put("/pictures/p00", Answer(picture(0), drip=0.0002))
    web.put("/pictures/p03", Answer(picture(0)))

    collect(collect__limit=4)

    assert [row["file"][-7:-4] for row in rows_in(dataset)] == ["p00", "p01", "p02", "p04"]


def test_further_pages_and_the_next_provider_are_asked_only_when_wanted(web, collect):
    put_pictures(web, 4)
    put_openverse(web, *([openverse_record(web, f"p{page:02d}")] for page in range(4)))

    collect(collect__limit=2, collect__provider="openverse,wikimedia")

    assert web.paths(SEARCH) == [SEARCH] * 2
    assert web.paths(COMMONS) == []


def test_new_pictures_go_where_the_dataset_has_its_own_and_are_compared_with_them(web, collect, voc_dataset):
    put_pictures(web, 3)
    (voc_dataset / "images").rename(voc_dataset / "JPEGImages")
    (voc_dataset / "JPEGImages" / "mine.jpg").write_bytes(picture(1))

    report = collect()

    assert report.results["left_out"] == {"there already": 1}
    assert (voc_dataset / "JPEGImages" / "red-fox-openverse-p00.jpg").is_file()
    assert not (voc_dataset / "images").exists()


def test_a_dataset_with_a_folder_for_each_split_is_asked_which(collect, voc_dataset):
    for name in ("test", "train"):
        (voc_dataset / name).mkdir()
        (voc_dataset / "annotations" / f"000{len(name)}.xml").rename(voc_dataset / name / "0.xml")
    for left in (voc_dataset / "annotations").iterdir():
        left.unlink()

    with pytest.raises(DatasetError, match=r"each split has its own folder.*--dataset train"):
        collect()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"collect__query": " "}, "collect.query is empty", id="no query"),
        pytest.param({"collect__provider": "openvers"}, "names 'openvers'.*Did you mean \"openverse\"", id="provider"),
        pytest.param({"collect__provider": "no.such:thing"}, "no.such:thing cannot be loaded", id="own provider"),
        pytest.param({"collect__licences": ["by", "bysa"]}, "names 'bysa'.*by-sa", id="licence"),
    ],
)
def test_a_wrong_setting_is_named_before_anybody_is_asked(web, collect, changes, message):
    with pytest.raises(SettingsError, match=message):
        collect(**changes)

    assert web.asked == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(Answer(b"<html>"), "the answer is no JSON ", id="web page"),
        pytest.param(Answer(b"[1]"), "no JSON object", id="list"),
        pytest.param(Answer(b'{"detail": "no"}'), "no list of results.*collect.openverse_url", id="other JSON"),
        pytest.param(Answer(status=503), r"the server answers 503 \(Service Unavailable\), 4 times", id="overloaded"),
        pytest.param(
            Answer(status=429, headers={"Retry-After": "9999"}),
            r"429 \(Too Many Requests\) and asks to come back in 9999 s",
            id="429",
        ),
    ],
)
def test_a_search_that_fails_is_an_error(web, collect, answer, message):
    web.put(SEARCH, answer)

    with pytest.raises(DownloadError, match=message):
        collect()


def test_a_network_that_is_gone_ends_the_run_early(web, collect, dataset):
    names = put_pictures(web, 40)
    for name in names[1:]:
        web.put(f"/pictures/{name}", Answer(status=404))

    with pytest.raises(DownloadError, match=r"answers 404 \(Not Found\), and the 9 pictures before.*1 picture added"):
        collect(collect__limit=40)

    assert len(rows_in(dataset)) == 1


def test_many_failures_among_successes_do_not_end_the_run(web, collect):
    for name in put_pictures(web, 22)[::2]:
        web.put(f"/pictures/{name}", Answer(status=404))

    report = collect(collect__limit=11)

    assert (report.results["pictures"], report.results["left_out"]) == (11, {"not to be had": 11})


def test_a_provider_of_ones_own_is_taken_by_name(web, collect, dataset, tmp_path, monkeypatch):
    put_pictures(web, 1)
    code = f"""from edgetrain.collect.candidates import Candidate
def look(search, fetch_json):
    yield Candidate("7", "{web.url}/pictures/p00", "https://example.org", search.query, "Me", "CC0 1.0", "")
"""
    (tmp_path / "own_pictures.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    collect(collect__provider="own_pictures:look")

    assert [path.name for path in (dataset / "images").iterdir()] == ["red-fox-own-pictures-look-7.jpg"]
    assert collect(collect__provider="own_pictures:look", collect__limit=1).results["added"] == []


class Interrupt(Listener):
    """A person who presses Ctrl-C after some pictures."""

    def advanced(self, done, total, text):
        """Press it."""
        if done == 3:
            raise KeyboardInterrupt


def test_ctrl_c_leaves_whole_pictures_and_the_same_command_goes_on(web, collect, dataset):
    put_pictures(web, 8)
    with pytest.raises(KeyboardInterrupt), listening(Interrupt()):
        collect()

    assert len(rows_in(dataset)) == len(files_in(dataset / "images")) == 3
    assert len(collect().results["added"]) == 5


def start(web, folder):
    """Start the stage in a process of its own."""
    command = [sys.executable, "-c", PROGRAM, str(folder / "dataset"), str(folder / "build"), web.url]
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT_DIR}:{PROJECT_DIR / 'src'}"}
    return subprocess.Popen(command, env=environment)


def test_a_run_that_is_killed_and_started_again_ends_as_one_that_was_not(web, tmp_path):
    put_pictures(web, 12)
    assert start(web, tmp_path / "whole").wait(60) == 0
    for last in ("p01", "p04", "p06"):
        running = start(web, tmp_path / "cut")
        web.on_request = lambda path, last=last, it=running: path.endswith(last) and it.send_signal(signal.SIGKILL)
        assert running.wait(60) == -signal.SIGKILL
    web.on_request = None

    assert start(web, tmp_path / "cut").wait(60) == 0
    assert files_in(tmp_path / "cut" / "dataset") == files_in(tmp_path / "whole" / "dataset")
    assert len(rows_in(tmp_path / "cut" / "dataset")) == 8
