"""Sources of consent through the whole program: the decisions of canonical snapshots, no id on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.config import RunConfig
from schemas.errors import ConfigError
from schemas.strict_yaml import load_model
from schemas.tables import GRANTED
from tests.support.command import Corpus, chatsieve, current, table_of
from tests.support.consent_systems import AS_OF, HASHER, Read, configured, snapshots_of, source_of, write
from tests.support.source_files import RUN_KEY
from transforms.consent.spilled import ConsentRow, rows_of_users, spill_rows, temporary_spill


def as_fides(row: dict[str, Any]) -> dict[str, Any]:
    """A row as Fides would have saved it; who decided nothing closed the notice."""
    at = row["decided_at"] or row["snapshot_at"]
    return {
        "external_id": row["user_id"],
        "request_timestamp": at.isoformat(),
        "request_type": "consent",
        "notice_name": "Model training",
        "preference": "opt_out" if row["state"] == "refused" else "opt_in",
        "method": "save" if row["decided_at"] else "dismiss",
    }


def as_iso27560(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a consent record; who decided nothing was asked."""
    name = {"granted": "ConsentGiven", "refused": "ConsentWithdrawn", None: "ConsentRequested"}[row["state"]]
    at = row["decided_at"] or row["snapshot_at"]
    return {
        "dpv:hasDataSubject": {"dpv:hasIdentifier": row["user_id"]},
        "dpv:hasProcess": [
            {
                "dpv:hasPurpose": "dpv:ImproveExistingProductsAndServices",
                "dpv:hasConsentStatus": [{"@type": [f"dpv:{name}"], "dpv:isIndicatedAtTime": at.isoformat()}],
            }
        ],
    }


@pytest.fixture(scope="module")
def canonical(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit by the corpus's own snapshots."""
    out = tmp_path_factory.mktemp("canonical") / "out"
    done = chatsieve("audit", "-c", corpus.config, "--output", out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("make", "source"),
    [
        (as_fides, {"format": "fides", "preference": "Model training"}),
        (as_iso27560, {"format": "iso-27560", "purpose": "dpv:ImproveExistingProductsAndServices"}),
    ],
)
def test_a_source_decides_as_equal_snapshots(
    corpus: Corpus, canonical: Path, tmp_path: Path, make: Any, source: dict[str, Any]
) -> None:
    """Another form of the same consent changes no row of the ledger, and leaves no file behind."""
    for at, rows in snapshots_of(corpus).items():
        write(tmp_path / f"in/snapshot_at={at}/records.jsonl", *map(make, rows))
    path = str(tmp_path / "in/*/records.jsonl")
    config = configured(corpus, tmp_path / "c.yaml", {"sources": [{"path": path, **source}]})
    (tmp_path / "tmp").mkdir()
    out = tmp_path / "out"
    done = chatsieve("audit", "-c", config, "--output", out, TMPDIR=str(tmp_path / "tmp"))
    assert done.returncode == 0, done.stderr
    assert table_of(out, "ledger") == table_of(canonical, "ledger")
    assert not list((tmp_path / "tmp").glob("chatsieve-*"))
    manifest = json.loads((current(out) / "manifest.json").read_text())
    assert {entry["format"] for entry in manifest["snapshots"]} == {source["format"]}
    assert manifest["arguments"]["consent"]["sources"][0]["format"] == source["format"]
    other = json.loads((current(canonical) / "manifest.json").read_text())
    assert "sources" not in other["arguments"]["consent"]
    kept = next(row for row in table_of(out, "ledger") if row["basis"] == "user_consent")
    messages = [
        json.loads(chatsieve("explain", "-c", each, kept["conversation_key"], "--json").stdout)
        for each in (config, corpus.config)
    ]
    assert messages[0]["sessions"][0]["consent"]["in_snapshot"]
    assert [messages[0]["decision"], messages[0]["reason"]] == [
        messages[1]["decision"],
        messages[1]["reason"],
    ]


def test_workers_elsewhere_do_not_get_a_source_of_consent(corpus: Corpus, tmp_path: Path) -> None:
    """Its rows are in a file of this machine: the job would fail hours later, at the first bundle."""
    for at, rows in snapshots_of(corpus).items():
        write(tmp_path / f"in/snapshot_at={at}/records.jsonl", *map(as_fides, rows))
    source = {"path": str(tmp_path / "in/*/records.jsonl"), "format": "fides", "preference": "Model training"}
    config = configured(corpus, tmp_path / "c.yaml", {"sources": [source]})
    runner = "{name: portable, job_endpoint: 'j:1', environment: {type: DOCKER, config: i}}"
    done = chatsieve("audit", "-c", config, "--output", tmp_path / "out", "--set", f"runner={runner}")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "chatsieve: runner: portable: consent.sources are kept in files of this machine"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.e2e
def test_an_unknown_state_stops_the_run_before_it_starts(corpus: Corpus, tmp_path: Path) -> None:
    """Exit 2, one line with the file and the state, no user's id, and nothing written."""
    entry = as_fides({"user_id": "zoe-77", "decided_at": AS_OF, "snapshot_at": AS_OF, "state": "granted"})
    records = write(tmp_path / "records.jsonl", entry | {"preference": "opt_maybe"})
    source = {"path": str(records), "format": "fides", "preference": "Model training"}
    config = configured(corpus, tmp_path / "c.yaml", {"sources": [source]})
    done = chatsieve("audit", "-c", config, "--output", tmp_path / "out")
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert str(records) in line
    assert "'opt_maybe'" in line
    assert "zoe-77" not in done.stderr + done.stdout
    assert not (tmp_path / "out").exists()
    stale = configured(
        corpus,
        tmp_path / "s.yaml",
        {"snapshots": [str(corpus.path / "consent/*")], "sources": [source | {"max_age": "P1D"}]},
    )
    write(records, entry)
    done = chatsieve("audit", "-c", stale, "--output", tmp_path / "out")
    assert done.returncode == 2
    assert "consent.sources[0]: stale: the newest entry is of 2026-01-01T00:00:00Z" in done.stderr


def test_kept_rows_are_noise_on_disk_and_gone_in_the_end() -> None:
    """Whoever finds what a killed run left behind learns neither who nor what."""
    keys = [HASHER.user(f"u{number}") for number in range(5000)]
    rows = [ConsentRow(key, GRANTED, AS_OF, AS_OF) for key in keys]
    with temporary_spill(RUN_KEY) as spill:
        kept = list(spill_rows(rows, spill))
        (file,) = Path(spill.folder).iterdir()
        assert Path(spill.folder).stat().st_mode & 0o77 == 0
        written = file.read_bytes()
        assert not any(key in written for key in keys[:200])
        assert b"ARROW" not in written
        assert [row for each in kept for row in rows_of_users(each, keys[7:9])] == rows[7:9]
    assert not Path(spill.folder).exists()


def test_files_of_one_source_are_one_history(tmp_path: Path) -> None:
    """A refusal in one file is not lost because another one ends later, or the run is for a day between."""
    source = source_of(format="fides", preference="Model training")
    row = {"user_id": "u-77", "snapshot_at": AS_OF}
    times = [AS_OF.replace(year=2025, month=month) for month in (3, 5, 7)]
    states = ["granted", "refused", "granted"]
    entries = [
        as_fides({**row, "decided_at": at, "state": state}) for at, state in zip(times, states, strict=True)
    ]
    one, two = write(tmp_path / "1.jsonl", entries[0]), write(tmp_path / "2.jsonl", *entries[1:])
    read = Read([one, two], source, as_of=AS_OF.replace(year=2025, month=6))
    assert read.state("u-77", "2025-05-02T00:00:00Z") == "refused"
    assert read.newest == "2025-05-01T00:00:00Z"


HEAD = "inputs: [{path: x}]\npolicy: p\ndeid: d\noutput: {path: o}\nconsent:\n  sources:\n    - path: a\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("      format: fides\n      prefrence: x\n", "c.yaml:9: consent.sources[0].prefrence: unknown key"),
        ("      format: fides\n", "c.yaml:7: consent.sources[0].preference: is missing; add it"),
        ("      format: fidez\n", "c.yaml:7: consent.sources[0]: unknown format; expected one of 'fides'"),
        ("      purpose: p\n", "c.yaml:7: consent.sources[0]: format is missing"),
        (
            "      format: iso-27560\n      purpose: p\n      time_zone: Mars\n",
            "c.yaml:10: consent.sources[0].time_zone",
        ),
        ("      format: segment\n      category: ''\n", "c.yaml:9: consent.sources[0].category"),
        (
            "      format: segment\n      category: c\n      user: x\n",
            "c.yaml:10: consent.sources[0].user: unknown",
        ),
    ],
)
def test_a_source_with_an_invalid_config_is_refused_with_its_line(
    tmp_path: Path, text: str, words: str
) -> None:
    """An ignored config key could be the one that defines which decisions count."""
    (tmp_path / "c.yaml").write_text(HEAD + text)
    with pytest.raises(ConfigError) as refused:
        load_model(tmp_path / "c.yaml", RunConfig)
    assert words in str(refused.value)
