"""Names of source files are written masked, whichever way they are read."""

from __future__ import annotations

import itertools

import pytest

import transforms.output.file_names as file_names

NAMES = {
    "logs/part-00000.parquet": "logs/part-00000.parquet",
    "export-maria.schmidt@example.org.zip": "<EMAIL_ADDRESS>",
    "maria\u200b.schmidt@example.org/conversations.json": "<EMAIL_ADDRESS>/conversations.json",
    "calls/+49 30 901820.jsonl": "calls/<PHONE_NUMBER>.jsonl",
    "": "",
    "Anna Kowalska chats.jsonl": "<NAME> chats.jsonl",
    "-Users-ako-code/3f2a1b4c-11aa-4bcd-9e0f-aabbccddeeff.jsonl": "-Users-<USERNAME>-code/<NAME>.jsonl",
    "export-Łukasz_Żółć.zip": "export-<NAME>.zip",
    "anna/v0012-3fa9c1": "<NAME>/v0012-3fa9c1",
    "anna-v0012-3fa9c1/v0012-3fa9c1x": "<NAME>-v0012-<NAME>/v0012-<NAME>",
    "Export ANNA.ZIP": "Export <NAME>.ZIP",
    "chatsanna/annachats.json": "<NAME>/<NAME>.json",
    "logs/user-4711/part-00001-of-00004.json": "logs/user-<NAME>/part-00001-of-00004.json",
    "snapshot_at=2026-02-28/v2/**/[a-z]?.parquet": "snapshot_at=2026-02-28/v2/**/[a-z]?.parquet",
    "policies/consumer-terms-2025-09-28.yaml": "policies/consumer-terms-2025-09-28.yaml",
    "1985/19850312/2026/20260229/123456": "1985/19850312/2026/20260229/<NAME>",
}


@pytest.mark.parametrize("asked", [0, file_names._FEW])
def test_names_are_masked_alike_one_by_one_and_by_the_scanner(
    asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few names are masked without the scanner (half a second to build); the result must be equal."""
    monkeypatch.setattr(file_names, "_ASKED", itertools.count(asked))
    file_names.masked_name.cache_clear()
    assert {name: file_names.masked_name(name) for name in NAMES} == NAMES
