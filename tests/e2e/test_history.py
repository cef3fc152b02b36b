"""`chatsieve history`: the figures of every version, suppressed, erased and damaged ones too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from pipeline.commands.history import history
from pipeline.pages.history import history_page
from tests.support.browsers import Opened
from tests.support.command import Corpus, chatsieve
from tests.support.forging import Dataset, linked_copy
from tests.support.memory_bucket import URL, memory_bucket
from transforms.storage.places import location

pytestmark = pytest.mark.e2e
SHAREABLE = 3
LEAST = 10


@pytest.fixture(scope="module")
def dataset(finished: tuple[Path, Any], corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four versions: of a run, with fewer opted out, with a shareable report, and as the first."""
    dataset = Dataset(linked_copy(finished[0], tmp_path_factory.mktemp("history") / "out"))
    key = bytes.fromhex((corpus.path / "chatsieve.key").read_text())
    first = json.loads((dataset.folder / "report/report.json").read_bytes())
    for change in (move_to_eligible, suppress, lambda report: report.update(first)):
        dataset.add_version(key)
        dataset.set_report(change)
    return dataset.root


def move_to_eligible(report: dict[str, Any]) -> None:
    """Five sessions that were opted out are eligible."""
    rows = {row["reason"]: row for row in report["reasons"]}
    counts = report["counts"]
    for reason, decision, more in (("eligible", "eligible", 5), ("opted_out", "excluded", -5)):
        rows[reason]["sessions"] += more
        counts["reasons"][reason] += more
        counts["decisions"][decision] += more
    report["policy"]["id"] = "another"


def suppress(report: dict[str, Any]) -> None:
    """The report as --shareable writes it: small counts as text, others left out, the rest merged."""
    report["shareable"] = {"min_cell": LEAST, "mixed": 0, "left_out": ["lists", "not_understood"]}
    report["lists"] = report["not_understood"] = None
    small = [row for row in report["reasons"] if row["sessions"] < LEAST]
    rest = [row for row in report["reasons"] if row["sessions"] >= LEAST]
    for row in small[:3]:
        row["sessions"] = f"<{LEAST}"
    total = report["counts"]["ledger_rows"] - sum(row["sessions"] for row in rest)
    merged = {"clause": None, "number": None, "summary": None, "messages_seen": None, "messages_kept": None}
    report["reasons"] = [*rest, *small[:3], {"decision": "*", "reason": "*", "sessions": total, **merged}]
    report["counts"]["decisions"] = {"eligible": report["counts"]["decisions"]["eligible"], "excluded": None}


def document_of(dataset: object, code: int = 0) -> dict[str, Any]:
    done = chatsieve("history", dataset, "--json")
    assert (done.returncode, done.stderr) == (code, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def by_reason(version: dict[str, Any]) -> dict[str, Any]:
    return {row["reason"]: row for row in version["reasons"]}


def test_counts_are_those_of_the_ledger_and_changes_those_of_the_shares(dataset: Path) -> None:
    """One query over the ledger gives every number of a version whose report is in full."""
    document = document_of(dataset)
    assert (document["kind"], document["current"], document["damaged"]) == ("run", 4, [])
    first, second = document["versions"][:2]
    folder = Dataset(dataset).current["versions"][0]["folder"]
    query = f"select reason, count(*) from '{dataset}/{folder}/ledger/*.parquet' group by 1"
    counts = dict(duckdb.sql(query).fetchall())
    total = sum(counts.values())
    rows = by_reason(first)
    assert {row["reason"]: row["sessions"] for row in rows.values() if row["sessions"]} == counts
    assert first["sessions"] == total
    for reason, number in counts.items():
        assert rows[reason]["share"] == pytest.approx(number / total, abs=1e-6)
        assert rows[reason]["moved"] is None
    assert (first["compared_with"], second["compared_with"]) == (None, 1)
    moved = {row["reason"]: row["moved"] for row in second["reasons"] if row["moved"]}
    assert moved == {
        "eligible": pytest.approx(5 / total, abs=2e-6),
        "opted_out": pytest.approx(-5 / total, abs=2e-6),
    }
    eligible = next(row for row in second["decisions"] if row["decision"] == "eligible")
    assert eligible == {
        "decision": "eligible",
        **{k: by_reason(second)["eligible"][k] for k in ("sessions", "share", "moved")},
    }


def test_a_shareable_version_has_no_other_count_than_its_report(dataset: Path) -> None:
    """The manifest has all counts; the page of a history may be passed on like the report."""
    document = document_of(dataset)
    version, after = document["versions"][SHAREABLE - 1], by_reason(document["versions"][SHAREABLE])
    folder = dataset / Dataset(dataset).current["versions"][SHAREABLE - 1]["folder"]
    shown = json.loads((folder / "report/report.json").read_bytes())["reasons"]
    manifest = json.loads((folder / "manifest.json").read_bytes())
    told = {(row["decision"], row["reason"]): row["sessions"] for row in shown}
    hidden = {reason for reason, number in manifest["counts"]["reasons"].items() if number < LEAST}
    assert (version["min_cell"], len(hidden) > 3) == (LEAST, True)
    for row in version["reasons"]:
        assert row["sessions"] == told.get((row["decision"], row["reason"]))
        if row["reason"] in hidden:
            assert not isinstance(row["sessions"], int)
            assert (row["share"], row["moved"], after[row["reason"]]["moved"]) == (None, None, None)
    assert after["eligible"]["moved"] is not None
    assert after["*"] == {"decision": "*", "reason": "*", "sessions": None, "share": None, "moved": None}
    excluded = next(row for row in version["decisions"] if row["decision"] == "excluded")
    assert (excluded["sessions"], excluded["share"]) == (None, None)
    printed = chatsieve("history", dataset).stdout
    assert "version 3: its report is shareable; counts below 10 are suppressed" in printed


def test_an_audit_folder_has_a_history(corpus: Corpus, tmp_path: Path) -> None:
    """Nightly audits move before a dataset does."""
    done = chatsieve("audit", "-c", corpus.config, "--output", tmp_path / "audit", "--quiet", "--shareable")
    assert done.returncode == 0, done.stderr
    document = document_of(tmp_path / "audit")
    assert (document["kind"], document["versions"][0]["min_cell"]) == ("audit", LEAST)
    numbers = [row["sessions"] for row in document["versions"][0]["reasons"]]
    assert numbers
    assert all(number >= LEAST for number in numbers if isinstance(number, int))


def test_the_table_fits_80_columns_and_has_the_newest_versions(dataset: Path) -> None:
    """A terminal and a mail of cron have this width."""
    lines = chatsieve("history", dataset).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    eligible = next(line for line in lines if line.startswith(" eligible"))
    document = document_of(dataset)
    shares = [by_reason(one)["eligible"]["share"] for one in document["versions"]]
    assert eligible.split()[1:-1] == [f"{share * 100:.2f}" for share in shares]


def test_rows_that_were_erased_later_are_counted_apart(
    corpus: Corpus, finished: tuple[Path, Any], tmp_path: Path
) -> None:
    """The report keeps the counts of the run, so the history says that rows are gone."""
    dataset = linked_copy(finished[0], tmp_path / "out")
    assert document_of(dataset)["versions"][0]["erased"] is None
    user = next(row["user_id"] for row in corpus.truth() if row["decision"] == "eligible" and row["user_id"])
    key = corpus.path / "chatsieve.key"
    assert chatsieve("forget", dataset, "--user", user, "--key-file", key).returncode == 0
    (version,) = document_of(dataset)["versions"]
    manifest = Dataset(dataset).manifest
    assert version["erased"] == manifest["erased"]
    assert version["erased"]["training_rows"] > 0
    assert version["training_rows"] == manifest["counts"]["training_rows"]
    assert "erased after the run" in chatsieve("history", dataset).stdout


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("manifest.json", "was changed"),
        ("report/report.json", "was changed"),
        ("report/report.json", "missing"),
    ],
)
def test_a_damaged_version_is_named_and_the_others_are_shown(
    dataset: Path, tmp_path: Path, name: str, fault: str
) -> None:
    """Figures that the manifest does not vouch for are not shown; the rest of the history is."""
    copy = linked_copy(dataset, tmp_path / "copy")
    copied = Dataset(copy)
    folder = copied.current["versions"][1]["folder"]
    if fault == "missing":
        (copy / folder / name).unlink()
    else:
        data = (copy / folder / name).read_bytes()
        copied.put(f"{folder}/{name}", data.replace(b"eligible", b"eligibel", 1))
    document = document_of(copy, code=1)
    assert [one["version"] for one in document["versions"]] == [1, 3, 4]
    assert document["versions"][1]["compared_with"] == 1
    (bad,) = document["damaged"]
    assert bad["version"] == 2
    assert bad["fault"].startswith(f"{folder}/{name}: {fault}")
    printed = chatsieve("history", copy)
    assert printed.returncode == 1
    assert "version 2: cannot be shown" in printed.stdout


def test_a_history_without_a_readable_version_says_so(dataset: Path, tmp_path: Path) -> None:
    """No empty page without a reason."""
    copy = linked_copy(dataset, tmp_path / "copy")
    for one in Dataset(copy).current["versions"]:
        (copy / one["folder"] / "manifest.json").unlink()
    document = document_of(copy, code=1)
    assert (document["versions"], len(document["damaged"])) == ([], 4)
    assert b"No version can be read" in history_page(document)
    assert chatsieve("history", copy).stdout.count("cannot be shown") == 4


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    """One line and exit code 2, as for the other commands that read a dataset."""
    done = chatsieve("history", tmp_path)
    assert done.returncode == 2
    assert "not a dataset or audit" in done.stderr


def test_a_dataset_in_a_bucket_has_the_same_history(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Manifest and report of each version are read, nothing else."""
    local = history(dataset)
    bucket = memory_bucket(monkeypatch)
    for path in dataset.rglob("*"):
        if path.is_file() and not path.is_symlink():
            bucket.put(f"out/{path.relative_to(dataset)}", path.read_bytes())
    remote = history(location(f"{URL}/out"))
    assert {**remote, "path": "", "name": ""} == {**local, "path": "", "name": ""}
    assert {request.key.rpartition("/")[2] for request in bucket.requests} == {
        "CURRENT",
        "manifest.json",
        "report.json",
    }


@pytest.fixture(scope="module")
def pages(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of four versions, and of 30 with markup in every text and a damaged version."""
    root = tmp_path_factory.mktemp("pages")
    done = chatsieve("history", dataset, "--page", root / "few.html", "--json")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    evil = "<script>alert(1)</script>\"'&`"
    row = {"decision": "eligible", "sessions": 5, "share": 0.5, "moved": None}
    version = {**document["versions"][0], "policy_id": evil, "failed": [evil], "warnings": [evil]}
    version["reasons"] = [{**row, "reason": evil}]
    many = [{**version, "version": number} for number in range(1, 31) if number != 15]
    damaged = [{"version": 15, "at": "2026-01-01T00:00:00Z", "fault": evil}]
    (root / "many.html").write_bytes(
        history_page({**document, "name": evil, "current": 30, "versions": many, "damaged": damaged})
    )
    return root


@pytest.mark.parametrize(("name", "width"), [("few", 360), ("many", 1000)])
def test_the_page_is_drawn_quiet_accessible_and_fits_a_phone(
    pages: Path, browser: Browser, name: str, width: int
) -> None:
    """No request, no error, no dialog of a planted script, a chart for each reason with a known share."""
    path = pages / f"{name}.html"
    opened = Opened(browser, path, width)
    drawn = opened.page.evaluate(
        "() => [...document.querySelectorAll('figure[data-chart]')].map(figure => [figure.dataset.chart,"
        " figure.querySelectorAll('svg .mark-symbol.role-mark path, svg .mark-rect.role-mark path').length])"
    )
    found = Axe().run(opened.page).response["violations"]
    complaints, wider = opened.complaints, opened.overflow()
    opened.close()
    assert (complaints, wider, found) == ([], 0, [])
    assert drawn
    assert all(marks for _, marks in drawn), drawn
    assert path.stat().st_size < 3_000_000
    if name == "many":
        assert dict(drawn)["trend:0"] == 29  # a gap at the damaged version


def test_the_tables_of_the_page_equal_the_document(dataset: Path, pages: Path, browser: Browser) -> None:
    """The table beside each chart, cell by cell."""
    document = document_of(dataset)
    opened = Opened(browser, pages / "few.html")
    for place, head in enumerate(document["versions"][0]["reasons"]):
        rows = opened.rows(f"trend-{place}")
        told = [[row[0], row[2], row[3].replace("\u00a0", " "), row[4]] for row in rows]
        wanted = []
        for version in reversed(document["versions"]):
            row = version["reasons"][place]
            assert row["reason"] == head["reason"]
            sessions = "–" if row["sessions"] is None else str(row["sessions"])
            part = "–" if row["share"] is None else f"{row['share'] * 100:.2f} %"
            moved = "–" if row["moved"] is None else f"{row['moved'] * 100:+.2f}".replace("-", "−")
            wanted.append([str(version["version"]), sessions, part, moved])
        assert told == wanted
    assert [row[0] for row in opened.rows("versions")] == ["4 (current)", "3", "2", "1"]
    opened.close()


def test_equal_documents_give_equal_pages_and_no_page_is_overwritten(dataset: Path, tmp_path: Path) -> None:
    """A page that a mail links to stays what it was."""
    page = tmp_path / "page.html"
    assert chatsieve("history", dataset, "--page", page).returncode == 0
    assert page.read_bytes() == history_page(document_of(dataset))
    again = chatsieve("history", dataset, "--page", page)
    assert again.returncode == 2
    assert again.stderr.endswith("exists already; give another --page\n")
