"""A run over logs of an own schema writes what a run over the same sessions in canonical form writes."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_lists import records
from tests.support.command import Corpus, chatsieve, current

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
TIERS = {"pro": "plus", "free": "gratis"}
TURN = ("message_id", "role", "content", "sent_at")


def plain_sessions(corpus: Corpus) -> list[dict[str, Any]]:
    """Sessions of the corpus that an own schema without blocks, branches and threads can have."""
    found = {}
    for record in records(corpus):
        turns = record.get("messages") or []
        try:
            times = [dt.datetime.fromisoformat(turn["sent_at"]) for turn in turns]
            zones = {at.tzinfo for at in (*times, dt.datetime.fromisoformat(record["created_at"]))}
        except (KeyError, TypeError, ValueError):
            continue
        fits = all(
            isinstance(turn.get("content"), str) and turn.keys() <= {*TURN, "origin"} for turn in turns
        )
        extra = {"deleted_at", "incognito", "current_message_id"} & record.keys()
        if fits and turns and None not in zones and times == sorted(times) and not extra:
            found.setdefault(record["conversation_id"], record)
    return [*found.values()]


def own_turn(turn: dict[str, Any]) -> dict[str, Any]:
    at = dt.datetime.fromisoformat(turn["sent_at"])
    micros = (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    who = {"user": "Kunde", "assistant": "Berater"}.get(turn["role"], turn["role"])
    own = {"nr": turn["message_id"], "wer": who, "text": turn["content"], "zeit": micros}
    return own | ({"herkunft": turn["origin"]} if "origin" in turn else {})


def own_session(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "gespraech": record["conversation_id"],
        "kunde": {"id": record.get("user_id"), "firma": record.get("organization_id")},
        "tarif": TIERS.get(record.get("tier", ""), record.get("tier")),
        "weg": record.get("surface"),
        "beginn": record["created_at"],
        "verlauf": [own_turn(turn) for turn in record["messages"]],
    }


def fields(each: str, record_id: str) -> dict[str, Any]:
    return {
        record_id: "gespraech",
        "user_id": "kunde.id",
        "organization_id": "kunde.firma",
        "tier": {"path": "tarif", "values": {own: tier for tier, own in TIERS.items()}},
        "surface": "weg",
        "created_at": "beginn",
        "messages": {
            "role": {"path": f"{each}wer", "values": {"Kunde": "user", "Berater": "assistant"}},
            "content": f"{each}text",
            "sent_at": {"path": f"{each}zeit", "unit": "us"},
            "message_id": f"{each}nr",
            "origin": f"{each}herkunft",
        },
    }


def bytes_of(out: Path) -> dict[str, bytes]:
    folders = [current(out) / part for part in ("data", "ledger")]
    return {path.name: path.read_bytes() for folder in folders for path in folder.iterdir()}


def test_the_shards_and_the_ledger_have_the_bytes_of_the_canonical_run(
    corpus: Corpus, tmp_path: Path
) -> None:
    """The schema of a log must not decide who is trained on, nor what is written."""
    sessions = plain_sessions(corpus)
    assert len(sessions) > 50
    own = [own_session(record) for record in sessions]
    rows = [
        {**{name: value for name, value in session.items() if name != "verlauf"}, **turn}
        for place in range(max(len(session["verlauf"]) for session in own))
        for session in own
        for turn in session["verlauf"][place : place + 1]
    ]
    written: dict[str, dict[str, bytes]] = {}
    for name, items, format_, mapping in (
        ("canonical", sessions, "canonical", None),
        ("sessions", own, "mapped", fields("verlauf[].", "conversation_id")),
        ("rows", rows, "mapped", fields("", "group_by")),
    ):
        path = tmp_path / f"{name}.jsonl.gz"
        path.write_bytes(gzip.compress("".join(json.dumps(item) + "\n" for item in items).encode()))
        entry = {"path": str(path), "format": format_} | ({"fields": mapping} if mapping else {})
        out = tmp_path / name
        done = chatsieve(
            "run", "-c", corpus.config, "--output", out, "--quiet", "--set", f"inputs={json.dumps([entry])}"
        )
        assert done.returncode == 0, done.stderr
        written[name] = bytes_of(out)
    assert written["sessions"] == written["canonical"]
    assert written["rows"] == written["canonical"]
    assert sum(map(len, written["canonical"].values())) > 10_000
    arguments = json.loads((current(tmp_path / "sessions") / "manifest.json").read_text())["arguments"]
    assert arguments["inputs"][0]["fields"]["user_id"] == {"path": "kunde.id"}
