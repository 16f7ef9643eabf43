"""The page in a real browser: its script runs under its own policy, and nothing outside the file is asked for."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess

import pytest

from tests.report.test_evaluation_page import analysed, judged_pictures

__all__ = ["analysed"]
pytestmark = pytest.mark.browser
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
)


@pytest.fixture
def opened(settings, workspace, tmp_path):
    """Return a function that opens the page and returns its document after the script, and the browser's log."""
    from edgetrain.report import page

    def open_page(edit=lambda html: html):
        page.run(settings(), workspace)
        path = tmp_path / "page.html"
        path.write_text(edit(workspace.report_page_path.read_text(encoding="utf-8")), encoding="utf-8")
        command = ["chromium", *FLAGS, f"--user-data-dir={tmp_path / 'browser'}", "--dump-dom", path.as_uri()]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
        return ran.stdout, ran.stderr

    return open_page


def test_the_slider_shows_the_counts_of_the_report(analysed, opened):
    report = analysed(judged_pictures(10))
    html, log = opened()
    value = round(100 * float(re.search(r'<output id="value"[^>]*>([\d.]+)<', html)[1]))
    row = report["curves"]["all"]
    found = row["right"][value]

    assert f"Of {row['boxes']} labelled objects {found} are found and {row['boxes'] - found} missed" in html
    assert f"{row['wrong'][value]} detections are wrong" in html
    assert "CONSOLE" not in log


def test_every_list_shows_its_pictures(analysed, opened):
    """Pictures that stand in two lists are filled into the second one when it opens: here, at once."""
    analysed(judged_pictures(10))
    html, _ = opened(lambda html: html.replace('<details class="mistake"', '<details open class="mistake"'))

    assert '<figure data-picture="' in html
    assert "data-copy" not in html.partition("<script>")[0]


def test_a_strange_script_does_not_run(analysed, opened):
    analysed(judged_pictures(3))
    html, log = opened(lambda html: html.replace("</main>", "<script>document.title = 'strange';</script></main>"))

    assert "<title>strange" not in html
    assert "Content Security Policy" in log


def test_a_cell_opens_its_pictures_and_the_filter_changes_the_counts(analysed, opened):
    report = analysed(judged_pictures(10))
    script = (
        "document.querySelector('.confusion button').click();"
        "const c = document.getElementById('class'); c.selectedIndex = 1; c.dispatchEvent(new Event('change'));"
    )
    html, log = opened(lambda html: pressed(html, script))
    cell = next(one for one in report["mistakes"]["cells"] if one["row"] == one["column"] == 0)
    dialog = html.partition('<dialog id="cell"')[2]

    assert re.match(r"[^>]* open", dialog)
    assert dialog.count("<figure data-picture=") == len(cell["shown"])
    assert f"Of {report['curves']['classes']['boat']['boxes']} labelled objects" in html
    assert "CONSOLE" not in log


def pressed(html, script):
    """Return the page with a script of the test behind its own one, which its policy then allows, too."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = html.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    return allowed.replace("</body>", f"<script>{script}</script></body>")
