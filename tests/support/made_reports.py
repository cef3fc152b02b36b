"""A report for a ledger of any size, made by the same code as reports of audits."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from pipeline.inputs.config import load_settings
from pipeline.pages.report import Identity
from pipeline.report.full import ReportContext, report_of
from schemas.decisions import Decision, decision_of
from schemas.tables import LEDGER
from tests.support.command import Corpus
from transforms.consent.snapshots import Snapshot
from transforms.decide.consent_status import CONSENT_STATUSES
from transforms.output.counts import cells_of

REASONS = ("eligible", "opted_out", "tier_excluded", "not_resumed", "undecided", "consent_unknown")
TIERS = ("free", "pro", "max", "team", "api")
SURFACES = ("chat", "code", "api")
BASES = ("user_consent", "separate_authorization")
AS_OF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
#: What the page of a made report is signed for.
IDENTITY = Identity("made", 3, "2026-03-02T01:02:03Z", "0123456789abcdef" * 4)


def ledger_of(rows: int, seed: int = 1) -> tuple[pa.Table, pa.ChunkedArray]:
    """A LEDGER of `rows` rows, and the consent state of their users. No refusing user is eligible."""
    rng = np.random.default_rng(seed)
    reason = rng.choice(len(REASONS), rows, p=[0.4, 0.2, 0.15, 0.15, 0.07, 0.03])
    decisions = [str(decision_of(word)) for word in REASONS]
    words = [str(decision) for decision in Decision]
    kept = np.where(reason == 0, rng.integers(2, 20, rows), 0)
    days = rng.integers(19_000, 20_500, rows).astype("datetime64[D]")
    standing = np.where(reason == 1, CONSENT_STATUSES.index("refused"), CONSENT_STATUSES.index("granted"))
    columns: dict[str, Any] = {
        "decision": _words(np.array([words.index(decision) for decision in decisions])[reason], words),
        "reason": _words(reason, REASONS),
        "tier": _words(rng.integers(0, len(TIERS), rows), TIERS),
        "surface": _words(rng.integers(0, len(SURFACES), rows), SURFACES),
        "basis": _words(rng.integers(0, len(BASES), rows), BASES, mask=reason != 0),
        "created_on": pa.array(days),
        "messages_seen": pa.array(kept + 2, pa.int32()),
        "messages_kept": pa.array(kept, pa.int32()),
    }
    table = pa.table({field.name: columns[field.name] for field in LEDGER if field.name in columns})
    return table, pa.chunked_array([pa.array(standing.astype(np.int8))])


def report_over(ledger: pa.Table, standing: pa.ChunkedArray, corpus: Corpus) -> dict[str, Any]:
    """The report.json of an audit with this ledger."""
    settings = load_settings(corpus.config, {})
    users = dict.fromkeys(CONSENT_STATUSES, 1000)
    catalog = {
        "read": [
            {
                "input": 0,
                "sessions": ledger.num_rows,
                "quarantined": 0,
                "parts": 0,
                "quarantined_parts": 0,
                "unknown": {"records": {"hologram": 3}, "blocks": {}},
            }
        ],
        "decided": [{"records": ledger.num_rows, "sessions": ledger.num_rows}],
        "input": [{"input": 0, "file": 0, "bytes": 10**9}],
        "users": [{"statuses": users, "undecided_after_deadline": 7, "stale": 3}],
        "ledger": [
            {
                "rows": ledger.num_rows,
                "cells": cells_of(ledger, standing, AS_OF),
                "expiries": [("2031-01", 10), ("2031-02", 20)],
                "unreadable": [],
            }
        ],
    }
    context = ReportContext(
        kind="audit",
        config=settings.config,
        policy=settings.packs[0].policy,
        policy_sha256=settings.packs[0].sha256,
        as_of=AS_OF,
        known_until=AS_OF - dt.timedelta(hours=6),
        snapshots=[Snapshot("s.parquet", (AS_OF - dt.timedelta(hours=6),), 5)],
    )
    document: dict[str, Any] = msgspec.to_builtins(report_of(catalog, context)[0])
    return document


def example() -> dict[str, Any]:
    """The synthetic report of a large run, with every section."""
    path = Path(__file__).resolve().parents[2] / "tests/golden/report-example.json"
    document: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return document


def _words(places: Any, words: Any, mask: Any = None) -> pa.DictionaryArray:
    indices = pa.array(places.astype(np.int32), mask=mask)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(words)))
