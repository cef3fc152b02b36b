"""Pages as files: valid charts, equal bytes, nothing from elsewhere, and nothing that is allowed too much."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import altair
import jsonschema
import pytest

from pipeline.pages import chart_library as page_library
from pipeline.pages.page import FOLDER, script_json, size
from pipeline.pages.report import MOST_CELLS, report_page
from tests.support.made_reports import IDENTITY, example

CHARTS = sorted((FOLDER / "charts").glob("*.vl.json"))


@pytest.mark.parametrize("path", CHARTS, ids=lambda path: path.name)
def test_a_chart_is_one_by_the_schema_of_vega_lite(path: Path) -> None:
    """What the library would draw wrongly or not at all is found here, not by a reader."""
    spec = json.loads(path.read_bytes())
    altair.Chart.from_dict(spec, validate=True)
    broken = json.loads(json.dumps(spec))
    broken["mark"]["type"] = "bra"
    with pytest.raises(jsonschema.ValidationError):
        altair.Chart.from_dict(broken, validate=True)


def test_equal_reports_give_equal_bytes() -> None:
    """No clock and no chance in a page."""
    assert report_page(example(), IDENTITY) == report_page(example(), IDENTITY)


def test_the_page_names_nothing_to_load_and_allows_only_its_own_scripts() -> None:
    """Digests for script and style, nothing else: what gets into the page some other way does not run."""
    page = report_page(example(), IDENTITY).decode()
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', page)
    policy = policy.replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    styles = re.findall(r"<style>(.*?)</style>", page, re.S)
    assert (len(scripts), len(styles)) == (2, 1)
    for text in (*scripts, *styles):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    body = page[page.index("<body>") : page.index('<script type="application/json"')]
    assert set(re.findall(r'(?:src|href)="([^"#][^"]*)"', body)) == set()
    assert re.search(r"\son\w+=", body) is None
    assert " style=" not in body


def test_text_in_data_cannot_end_its_script() -> None:
    """A tier may be called anything."""
    text = script_json({"</script>": "<!--\u2028&"})
    assert re.search(r"[<>&\u2028]", text) is None
    assert json.loads(text) == {"</script>": "<!--\u2028&"}


def test_a_page_stays_small_however_many_cells_there_are() -> None:
    """Months are merged by year, then all together; every session is still counted."""
    report = example()
    rows = [
        ["eligible", f"tier{tier}", f"surface{surface}", f"20{year}-{month:02d}", "user_consent", 1, 2]
        for tier in range(40)
        for surface in range(40)
        for year in range(23, 26)
        for month in range(1, 13)
    ]
    assert len(rows) > MOST_CELLS
    report["cube"]["rows"] = rows
    page = report_page(report, IDENTITY).decode()
    cube = json.loads(re.findall(r'id="cube">(.*?)</script>', page)[0])
    assert cube["values"][3] == ["2023", "2024", "2025"]
    assert sum(row[5] for row in cube["rows"]) == len(rows)
    assert len(page) < 3_000_000


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_250_000, "1.2 MB"), (2.5e12, "2.5 TB"), (None, "–")],
)
def test_sizes_have_the_unit_that_fits(number: float | None, words: str) -> None:
    """A size of nine digits in bytes is hard to read."""
    assert size(number).replace("\u00a0", " ") == words


def test_the_library_that_set_up_keeps_is_the_one_that_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report has the same bytes whether set-up kept the script or not."""
    made = page_library.library.__wrapped__
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    without = made()
    place = page_library.keep()
    assert place.is_relative_to(tmp_path)
    assert place.read_text(encoding="utf-8") == made() == without
    assert "</script" not in without
    place.write_text("kept", encoding="utf-8")
    assert made() == "kept"
