"""The pages in a real browser: drawn, true, quiet, accessible, and no wider than a phone."""

from __future__ import annotations

import collections
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from pipeline.pages.report import report_page
from schemas.manifest import decode, digest_without_pages
from tests.support.browsers import Opened
from tests.support.command import Corpus, chatsieve, current
from tests.support.made_reports import IDENTITY, example, ledger_of, report_over

pytestmark = pytest.mark.e2e
LARGE = 1_000_000
DECISIONS = ("eligible", "excluded", "deferred", "quarantined")


class Case:
    """A page on disk and the document that it was made from."""

    def __init__(self, path: Path, document: dict[str, Any]) -> None:
        self.path, self.document = path, document


@pytest.fixture(scope="module")
def cases(corpus: Corpus, finished: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """A small run, an audit without input, a shareable run, a million ledger rows, and a full example."""
    root = tmp_path_factory.mktemp("pages")
    (root / "none.jsonl").write_text("")
    for name, more in {
        "empty": ("--input", root / "none.jsonl"),
        "shared": ("--shareable", "--compare", finished[0]),
    }.items():
        done = chatsieve("audit", "-c", corpus.config, "--output", root / name, "--quiet", *more)
        assert done.returncode == 0, done.stderr
    found = {}
    for name, run in {"small": finished[0], "empty": root / "empty", "shared": root / "shared"}.items():
        found[name] = Case(
            current(run) / "report/report.html", json.loads((current(run) / "report/report.json").read_text())
        )
    ledger, standing = ledger_of(LARGE)
    for name, document in {"large": report_over(ledger, standing, corpus), "example": example()}.items():
        (root / f"{name}.html").write_bytes(report_page(document, IDENTITY))
        found[name] = Case(root / f"{name}.html", document)
    return found


NAMES = ["small", "empty", "shared", "large", "example"]


@pytest.fixture(params=NAMES)
def case(request: pytest.FixtureRequest, cases: dict[str, Case]) -> Case:
    return cases[request.param]


@pytest.fixture
def opened(case: Case, browser: Browser) -> Iterator[Opened]:
    page = Opened(browser, case.path)
    yield page
    page.close()


def number(count: Any) -> str:
    return "–" if count is None else count if isinstance(count, str) else f"{count:,}"


def named(value: Any) -> str:
    return {None: "none", "*": "not told apart"}.get(value, value)


def test_the_page_opens_without_errors_or_network_requests(case: Case, opened: Opened) -> None:
    """One file, opened from disk, under 3 MB: it can be sent by mail and read offline."""
    assert opened.complaints == []
    assert case.path.stat().st_size < 3_000_000


def test_every_chart_is_drawn(case: Case, opened: Opened) -> None:
    """Each chart has its marks, and without data there is no empty box."""
    drawn = opened.charts()
    assert all(drawn.values()), drawn
    if case.path.name in ("large.html", "example.html"):
        assert {"funnel", "by_tier", "by_surface", "by_month", "explore", "users", "by_state"} <= set(drawn)
    if case.document["counts"]["ledger_rows"] == 0:
        assert drawn == {}


def test_tables_equal_the_document(case: Case, opened: Opened) -> None:
    """The table of every chart, cell by cell."""
    report = case.document
    for table, name in (("tiers", "by_tier"), ("surfaces", "by_surface"), ("months", "by_month")):
        wanted = [
            [named(row["value"]), *(number(row[decision]) for decision in DECISIONS), number(row["sessions"])]
            for row in report[name]
        ]
        assert opened.rows(table) == wanted
    assert [row[-2:] for row in opened.rows("steps")] == [
        [number(step["dropped"]), number(step["left"])] for step in report["funnel"]
    ]
    assert [[row[1], row[2], row[3]] for row in opened.rows("steps")] == [
        [step["reason"] or "", step["summary"], step["clause"] or ""] for step in report["funnel"]
    ]
    assert opened.rows("reasons") == [
        [
            named(row["reason"]),
            row["decision"],
            row["clause"] or "",
            *(number(row[name]) for name in ("sessions", "messages_seen", "messages_kept")),
        ]
        for row in report["reasons"]
    ]
    assert [row[1] for row in opened.rows("users")] == [
        number(report["consent"]["users"][name])
        for name in ("granted", "refused", "undecided", "no_record", "total")
    ]
    assert [row[:2] for row in opened.rows("codes")] == [
        [row["code"], number(row["records"])] for row in report["quarantine"]
    ]
    if not report["shareable"]:
        assert opened.rows("expiry") == [
            [row["month"], number(row["sessions"]), number(row["rows"])] for row in report["retention"]
        ]
    if report["deid"]:
        assert [row[:2] for row in opened.rows("entities")] == [
            [row["type"], number(row["count"])] for row in report["deid"]["entities"]
        ]
    if report["previous"]:
        assert [[row[0], row[2], row[3]] for row in opened.rows("previous")] == [
            [row["reason"], number(row["then"]), number(row["now"])] for row in report["previous"]["reasons"]
        ]


def test_the_table_of_refusals_adds_up_to_the_document(case: Case, opened: Opened) -> None:
    """Readers first check the proof that no refusing user is in the output."""
    states: dict[str, collections.Counter[str]] = {}
    for cell in case.document["consent"]["sessions"]:
        states.setdefault(cell["state"], collections.Counter())[cell["decision"]] += cell["sessions"] or 0
    assert [row[1:5] for row in opened.rows("states")] == [
        [number(count[decision]) for decision in DECISIONS] for count in states.values()
    ]
    answer = opened.page.inner_text("#refusals .answer")
    through = case.document["consent"]["refused_eligible"]["sessions"]
    assert answer.startswith("None." if through == 0 else number(through))


def test_the_filters_have_the_counts_of_the_cube(case: Case, opened: Opened) -> None:
    """Each value alone, and two combined: reasons, shares and the chart change accordingly."""
    columns, rows = case.document["cube"]["columns"], case.document["cube"]["rows"]
    if not rows:
        return
    busiest = {
        name: collections.Counter({row[place]: 0 for row in rows}) for place, name in enumerate(columns[:5])
    }
    for row in rows:
        for place, name in enumerate(columns[:5]):
            busiest[name][row[place]] += row[5]
    chosen: dict[str, Any] = {}
    for name in ("tier", "created_month", "surface", "reason", "basis"):
        value = busiest[name].most_common(1)[0][0]
        chosen = {"tier": chosen["tier"], name: value} if name == "created_month" else {name: value}
        for column in columns[:5]:
            label = named(chosen[column]) if column in chosen else "all"
            opened.page.select_option(f"select[name={column}]", label=label)
        matching = [r for r in rows if all(r[columns.index(c)] == v for c, v in chosen.items())]
        total = sum(row[5] for row in matching)
        opened.page.wait_for_selector(f"#explore[data-matched='{total}']", timeout=10_000)
        assert opened.page.inner_text("#matched").startswith(f"{total:,} of ")
        by_reason: collections.Counter[str] = collections.Counter()
        for row in matching:
            by_reason[named(row[0])] += row[5]
        found = {row[0]: row[2] for row in opened.rows("filtered")}
        assert found == {reason: f"{sessions:,}" for reason, sessions in by_reason.items()}
    opened.page.click("#filters button")
    everything = sum(row[5] for row in rows)
    opened.page.wait_for_selector(f"#explore[data-matched='{everything}']", timeout=10_000)


@pytest.mark.parametrize("width", [400, 1600])
def test_the_page_is_never_wider_than_the_window(case: Case, browser: Browser, width: int) -> None:
    """On a phone and on a wall; with every table open, too."""
    page = Opened(browser, case.path, width)
    assert page.overflow() <= 0
    page.page.evaluate("() => document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert page.overflow() <= 0
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_serious_accessibility_fault(case: Case, browser: Browser, scheme: str) -> None:
    """Checked by axe with every table open: contrast, names, order, tables, keyboard."""
    page = Opened(browser, case.path, 1000, scheme)
    page.page.evaluate("() => document.querySelectorAll('details').forEach(part => { part.open = true; })")
    found = Axe().run(page.page)
    bad = [
        (violation["id"], violation["nodes"][0]["html"][:120])
        for violation in found.response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert bad == []
    page.close()


def test_the_keyboard_reaches_the_content_first_and_then_everything(
    cases: dict[str, Case], browser: Browser
) -> None:
    """Skip link, sections, filters and scrolling tables, without a mouse."""
    opened = Opened(browser, cases["small"].path)
    seen = []
    for _ in range(60):
        opened.page.keyboard.press("Tab")
        reached = (
            "() => (({className, name, tagName}) => className || name || tagName)(document.activeElement)"
        )
        seen.append(opened.page.evaluate(reached))
    assert seen[0] == "skip"
    assert {"reason", "tier", "scroll", "SUMMARY", "A"} <= set(seen)
    opened.close()


def test_print_shows_every_table(cases: dict[str, Case], browser: Browser) -> None:
    """Closed tables are opened for printing and closed again afterwards."""
    opened = Opened(browser, cases["small"].path)
    count = "() => document.querySelectorAll('details:not([open])').length"
    closed = opened.page.evaluate(count)
    assert closed > 3
    opened.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert opened.page.evaluate(count) == 0
    opened.page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert opened.page.evaluate(count) == closed
    assert len(opened.page.pdf()) > 10_000
    opened.close()


def test_the_page_names_what_is_signed_and_prints(
    cases: dict[str, Case], browser: Browser, tmp_path: Path
) -> None:
    """Dataset, version, time and manifest digest are those of the dataset, on paper too."""
    case = cases["small"]
    manifest = decode((case.path.parent.parent / "manifest.json").read_bytes())
    opened = Opened(browser, case.path)
    terms = opened.page.locator(".identity dd").all_inner_texts()
    made = manifest.made_at.replace("T", "\u00a0").replace("Z", "\u00a0UTC")
    assert terms == ["out", str(manifest.dataset_version), made, digest_without_pages(manifest)]
    assert opened.page.locator("#sign dt").all_inner_texts()[-1].startswith("Released for training")
    opened.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    opened.page.emulate_media(media="print")
    opened.page.pdf(path=tmp_path / "page.pdf", format="A4", print_background=True)
    opened.close()
    shown = browser.new_context().new_page()
    assert (tmp_path / "page.pdf").read_bytes().count(b"/Type /Page\n") >= 3
    shown.context.close()


def test_axes_of_small_counts_have_whole_and_different_ticks(browser: Browser, tmp_path: Path) -> None:
    """An axis up to 2 read 0 1 1 2 2."""
    document = copy.deepcopy(example())
    for name in ("by_tier", "by_surface", "by_month"):
        document[name] = [
            {"value": value, **dict.fromkeys(DECISIONS, 0), "eligible": 1 + place, "sessions": 1 + place}
            for place, value in enumerate(("one", "two"))
        ]
    document["quarantine"] = [{"code": "malformed_json", "records": 2, "bytes": 10}]
    path = tmp_path / "small.html"
    path.write_bytes(report_page(document, IDENTITY))
    opened = Opened(browser, path)
    for chart in ("by_tier", "by_surface", "by_month", "quarantine"):
        axes = opened.page.evaluate(
            "name => [...document.querySelectorAll(`figure[data-chart=${name}] .role-axis-label`)]"
            ".map(axis => [...axis.querySelectorAll('text')].map(text => text.textContent))",
            chart,
        )
        counts = [labels for labels in axes if labels and all(label.isdigit() for label in labels)]
        assert counts == [["0", "1", "2"]], (chart, axes)
    opened.close()


def test_figures_of_a_million_rows_equal_a_query_over_them(cases: dict[str, Case], browser: Browser) -> None:
    """Counted by the page's tables, and by DuckDB over the ledger itself."""
    ledger, _ = ledger_of(LARGE)
    opened = Opened(browser, cases["large"].path)
    wanted = duckdb.sql("select reason::text, count(*), sum(messages_kept) from ledger group by 1").fetchall()
    found = {row[0]: (row[3], row[5]) for row in opened.rows("reasons")}
    assert found == {reason: (f"{rows:,}", f"{kept:,}") for reason, rows, kept in wanted}
    tiers = duckdb.sql("select tier::text, count(*) from ledger group by 1").fetchall()
    assert {row[0]: row[-1] for row in opened.rows("tiers")} == {tier: f"{rows:,}" for tier, rows in tiers}
    assert ledger.num_rows == LARGE
    opened.close()


def test_the_page_explains_a_drop_of_eligible_sessions(cases: dict[str, Case], browser: Browser) -> None:
    """A first-time reader finds the cause and its part of the change."""
    opened = Opened(browser, cases["example"].path)
    text = opened.page.inner_text("#changes").replace("\u00a0", " ")
    assert "Eligible sessions fell from 661,603 to 496,348 (−25.0 %)" in text
    assert "The largest cause is opted_out (The user refuses): 9.4 % of sessions then, 18.4 % now" in text
    assert "89 % of the change" in text
    opened.close()


def test_hostile_values_are_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    """Tiers come from logs, clauses from policy files, names from paths: none may become markup or script."""
    bad = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\"'`{{7*7}}\u2028"
    report = copy.deepcopy(example())
    report["by_tier"][1]["value"] = bad
    report["by_surface"][1]["value"] = bad
    report["policy"]["clauses"][bad] = bad
    report["inputs"][0]["name"] = bad
    report["warnings"][0]["text"] = bad
    report["warnings"][0]["subject"] = bad
    report["previous"]["name"] = bad
    report["cube"]["rows"][0][1] = bad
    path = tmp_path / "bad.html"
    path.write_bytes(report_page(report, IDENTITY))
    opened = Opened(browser, path)
    assert opened.complaints == []
    assert opened.page.evaluate("() => document.images.length") == 0
    assert opened.rows("tiers")[1][0] == bad.strip()
    assert opened.rows("inputs")[0][0] == bad.strip()
    assert "49" not in opened.rows("clauses")[-1][1]
    opened.close()


def test_a_comparison_is_a_page_too(corpus: Corpus, finished: Any, browser: Browser, tmp_path: Path) -> None:
    """The changed sessions and the causes, in charts and in tables that equal the document."""
    strict = Path("configs/policies/consumer-terms-2025-09-28-strict.yaml").resolve()
    done = chatsieve("audit", "-c", corpus.config, "--output", tmp_path / "b", "--quiet", "--policy", strict)
    assert done.returncode == 0, done.stderr
    done = chatsieve("diff", finished[0], tmp_path / "b", "--json", "--html", tmp_path / "diff.html")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["changed"]
    for scheme, width in (("light", 1600), ("dark", 400)):
        opened = Opened(browser, tmp_path / "diff.html", width, scheme)
        assert opened.complaints == []
        assert all(opened.charts()[name] for name in ("matrix", "balance"))
        assert [row[:3] for row in opened.rows("flips")] == [
            [row["a_reason"] or "not there", row["b_reason"] or "not there", f"{row['sessions']:,}"]
            for row in document["changed"]
        ]
        for row, cells in zip(document["changed"], opened.rows("flips"), strict=True):
            assert row["rule"] in cells[3] or row["rule"] == "absent"
        assert [row[-1] for row in opened.rows("matrix")] == [
            f"{r['sessions']:,}" for r in document["matrix"]
        ]
        assert opened.overflow() <= 0
        bad = [
            v["id"]
            for v in Axe().run(opened.page).response["violations"]
            if v["impact"] in ("serious", "critical")
        ]
        assert bad == []
        opened.close()
    assert str(tmp_path) not in (tmp_path / "diff.html").read_text()
    again = chatsieve("diff", finished[0], tmp_path / "b", "--html", tmp_path / "diff.html")
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "exists already" in again.stderr
