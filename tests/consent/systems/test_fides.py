"""Preference history of Fides: the notice that counts, and no record of it that is passed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.consent_systems import Read, refused, source_of, write
from tests.support.samples import sample

SOURCE = source_of(format="fides", preference="model_training")


def saved(preference: str, at: str, **keys: Any) -> dict[str, Any]:
    return {
        "id": "pri_1",
        "external_id": "u-77",
        "request_timestamp": at,
        "request_type": "consent",
        "preference": preference,
        "notice_key": "model_training",
        "notice_name": "Model training",
        "method": "save",
        **keys,
    }


@pytest.mark.samples
def test_the_vendors_own_export_is_read() -> None:
    """The fixture of the vendor's tests: four decisions of three people about Analytics."""
    folder = sample("consent/fides/admin-ui/cypress/fixtures/consent-reporting")
    _has_its_own_states(folder / "historical-privacy-preferences.json", people=3)


def test_an_export_with_every_field_of_the_vendors_is_read(tmp_path: Path) -> None:
    """The same shape as the vendor's export: all its fields, one page, people named by e-mail alone."""
    others = {
        "fides_user_device_id": None,
        "external_id": None,
        "phone_number": None,
        "tcf_preferences": None,
    }
    entries = [
        {
            **saved(preference, at, notice_name=notice, notice_key=notice.lower()),
            **others,
            "email": email,
            "user_geography": "us_ca",
            "served_notice_history_id": "ser_1",
            "truncated_ip_address": "192.168.65.0",
        }
        for email, at, preference, notice in (
            ("ada@example.com", "2025-03-01T21:49:46.128411Z", "opt_out", "Analytics"),
            ("ada@example.com", "2025-03-02T21:49:46.128411Z", "opt_in", "Analytics"),
            ("bob@example.com", "2025-03-03T21:49:46.128411Z", "opt_out", "Analytics"),
            ("bob@example.com", "2025-03-04T21:49:46.128411Z", "opt_out", "Marketing"),
            ("bob@example.com", "2025-03-06T21:49:46.128411Z", "opt_in", "Analytics"),
            (None, "2025-03-05T21:49:46.128411Z", "opt_in", "Analytics"),
        )
    ]
    path = tmp_path / "export.json"
    path.write_text(json.dumps({"items": entries, "total": 6, "page": 1, "size": 25, "pages": 1}, indent=2))
    _has_its_own_states(path, people=2)


def _has_its_own_states(path: Path, people: int) -> None:
    source = source_of(format="fides", preference="Analytics", user="email", without_user="skip")
    read = Read([path], source)
    assert read.records.fault is None
    assert read.newest == "2025-03-06T21:49:46Z"
    entries = [
        entry
        for entry in json.loads(path.read_text())["items"]
        if entry["notice_name"] == "Analytics" and entry["email"]
    ]
    assert (len(entries), len({entry["email"] for entry in entries})) == (4, people)
    for entry in entries:
        state = {"opt_in": "granted", "opt_out": "refused"}[entry["preference"]]
        assert read.state(entry["email"], entry["request_timestamp"]) == state


def test_a_withdrawal_holds_until_the_next_yes(tmp_path: Path) -> None:
    """The whole history is a timeline, in whatever order and however often its pages repeat it."""
    entries = [
        saved("opt_in", "2025-10-05T00:00:00Z"),
        saved("opt_out", "2025-10-03T00:00:00Z", method="gpc"),
        saved("opt_in", "2025-10-01T00:00:00.123456Z"),
        saved("opt_in", "2025-10-04T00:00:00Z", notice_key="marketing", notice_name="Marketing"),
    ]
    pages = [
        {"items": entries[:2], "page": 1, "pages": 2, "size": 2, "total": 4},
        {"items": entries[2:], "page": 2, "pages": 2, "size": 2, "total": 4},
    ]
    for path in (
        write(tmp_path / "items.jsonl", *entries, entries[0]),
        write(tmp_path / "pages.jsonl", *pages),
        write(tmp_path / "array.json", entries),
    ):
        read = Read([path], SOURCE)
        states = [read.state("u-77", f"2025-10-0{day}T12:00:00Z") for day in range(1, 6)]
        assert states == ["granted", "granted", "refused", "refused", "granted"]
        assert read.state("u-78", "2025-10-05T12:00:00Z") == "unknown"
    (tmp_path / "indented.json").write_text(json.dumps(pages[0] | {"pages": 1}, indent=2))
    assert Read([tmp_path / "indented.json"], SOURCE).state("u-77", "2025-10-06T00:00:00Z") == "granted"


def test_a_record_counts_from_when_it_was_saved_or_from_the_export(tmp_path: Path) -> None:
    """A run for a past moment uses only records saved by then; an export with a time counts from it."""
    entries = [saved("opt_in", "2025-10-01T00:00:00Z"), saved("sold", "2026-03-01T00:00:00Z")]
    assert Read([write(tmp_path / "a.jsonl", *entries)], SOURCE).newest == "2025-10-01T00:00:00Z"
    dated = write(tmp_path / "snapshot_at=2025-12-31/a.jsonl", entries[0])
    assert Read([dated], SOURCE).newest == "2025-12-31T00:00:00Z"
    configured = source_of(format="fides", preference="model_training", snapshot_at="2025-12-30T00:00:00Z")
    assert Read([write(tmp_path / "b.jsonl", entries[0])], configured).newest == "2025-12-30T00:00:00Z"
    late = write(tmp_path / "snapshot_at=2026-01-02/a.jsonl", saved("sold", "2025-10-01T00:00:00Z"))
    assert Read([late], SOURCE).records.snapshots == []


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({"preference": "opt_in", "method": None}, "granted"),
        ({"preference": "opt_in", "method": "accept"}, "granted"),
        ({"preference": "opt_in", "method": "individual_notice"}, "granted"),
        ({"preference": "opt_in", "method": "dismiss"}, "undecided"),
        ({"preference": "opt_in", "method": "gpc"}, "undecided"),
        ({"preference": "opt_in", "method": "reject"}, "undecided"),
        ({"preference": "opt_out", "method": "reject"}, "refused"),
        ({"preference": "opt_out", "method": "dismiss"}, "refused"),
    ],
)
def test_only_an_act_of_the_user_grants(tmp_path: Path, changed: dict[str, Any], state: str) -> None:
    """Closing a notice saves its default, which is not a grant. A refusal needs no form."""
    path = write(tmp_path / "a.jsonl", saved("", "2025-10-01T00:00:00Z") | changed)
    assert Read([path], SOURCE).state("u-77", "2025-10-02T00:00:00Z") == state


def test_closing_a_notice_keeps_the_earlier_decision(tmp_path: Path) -> None:
    """Closing a notice is no decision, so the earlier decision remains valid."""
    entries = [
        saved("opt_out", "2025-10-01T00:00:00Z"),
        saved("opt_in", "2025-10-02T00:00:00Z", method="dismiss"),
    ]
    assert (
        Read([write(tmp_path / "a.jsonl", *entries)], SOURCE).state("u-77", "2025-10-03T00:00:00Z")
        == "refused"
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"preference": "acknowledge"}, "line 2: preference is 'acknowledge'; expected opt_in or opt_out"),
        ({"preference": "tcf"}, "line 2: preference is 'tcf'"),
        ({"preference": "Opt_In"}, "line 2: preference is 'Opt_In'"),
        ({"preference": None}, "line 2: preference is null"),
        ({"preference": "u-77"}, "line 2: preference is a text that is no plain word"),
        ({"preference": 1}, "line 2: Expected `str"),
        ({"method": "telepathy"}, "line 2: method is 'telepathy'"),
        ({"request_type": "erasure"}, "line 2: request_type is 'erasure'"),
        ({"request_timestamp": "2025-10-01T00:00:00"}, "line 2: request_timestamp has no time zone"),
        ({"request_timestamp": "soon"}, "line 2: request_timestamp is not"),
        ({"request_timestamp": None}, "line 2: request_timestamp is missing"),
        ({"external_id": None}, "line 2: has no external_id; `without_user: skip`"),
        ({"external_id": " "}, "line 2: has no external_id"),
    ],
)
def test_a_record_that_is_not_understood_refuses_the_source(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    """It could be an opt-out. The error names file, place and state, but no user."""
    first, second = saved("opt_in", "2025-10-01T00:00:00Z"), saved("opt_in", "2025-10-02T00:00:00Z")
    refused(write(tmp_path / "a.jsonl", first, second | changed), SOURCE, words, "u-77")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"items": [', "the document: not a JSON object"),
        ('[{"request_timestamp": "2025-10-01T00:00:00Z"}', "ends too early"),
        ('[{"request_timestamp": "2025-10-01T00:00:00Z"}] {}', "something follows"),
        ("<html>", "holds no JSON"),
        ("[1]", "item 0: Expected `object`"),
        ('{"items": [{"preference": "opt_out", "preference": "opt_in", "request_timestamp": "x"}]}', "twice"),
        ('{"request_timestamp": "2025-10-01T00:00:00Z"}\n{"preference":', "line 2: not a JSON object"),
    ],
)
def test_a_damaged_export_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """The missing part could contain an opt-out."""
    (tmp_path / "a.json").write_text(text)
    refused(tmp_path / "a.json", SOURCE, words)


def test_a_page_that_is_missing_and_a_notice_that_is_in_no_record_are_faults(tmp_path: Path) -> None:
    """Both would leave opt-outs out without a word."""
    page = {"items": [saved("opt_in", "2025-10-01T00:00:00Z")], "page": 1, "pages": 2, "size": 1, "total": 2}
    path = write(tmp_path / "1.json", page)
    assert Read([path], SOURCE).records.fault == "page 2 of 2 is missing; export all pages"
    other = write(tmp_path / "2.json", page | {"page": 2})
    assert Read([path, other], SOURCE).records.fault is None
    later = write(tmp_path / "snapshot_at=2025-12-01/1.json", page)
    assert Read([path, other, later], SOURCE).records.fault == "page 2 of 2 is missing; export all pages"
    misspelt = source_of(format="fides", preference="model-training")
    assert "there are: model_training" in str(Read([path, other], misspelt).records.fault)
