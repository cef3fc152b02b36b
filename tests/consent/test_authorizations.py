"""A row of authorisations that could never apply is refused with file, line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import ConfigError
from schemas.keys import KeyedHasher
from transforms.consent.authorizations import read_authorizations

HASHER = KeyedHasher(bytes(32))
HEADER = "organization_id,surface,valid_from,valid_to,reference"
GOOD = "org-1,api,2025-09-01T00:00:00Z,2026-09-01T00:00:00Z,contract 7"


def read(tmp_path: Path, *lines: str) -> list[dict[str, object]]:
    path = tmp_path / "authorizations.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found: list[dict[str, object]] = read_authorizations(path, HASHER, {"api", "chat"}).to_pylist()
    return found


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("org-1,api,2025-09-01T00:00:00Z,2025-08-01T00:00:00Z,x", "valid_to is not after valid_from"),
        ("org-1,api,2025-09-01T00:00:00Z,2025-09-01T00:00:00Z,x", "valid_to is not after valid_from"),
        ("org-1,api,2025-09-01T02:00:00+02:00,2025-09-01T00:00:00Z,x", "valid_to is not after valid_from"),
        ("org-1,API,2025-09-01T00:00:00Z,,x", "surface is none of the policy (api, chat)"),
        ("org-1,api ,2025-09-01T00:00:00Z,,x", "surface is none of the policy (api, chat)"),
        ("org-1,web,2025-09-01T00:00:00Z,,x", "surface is none of the policy (api, chat)"),
        ("org-1,api,,,x", "valid_from is empty"),
        ("org-1,api,2025-09-01,,x", "valid_from is not an RFC 3339 time with an offset"),
        ("org-1,api,2025-09-01T00:00:00Z,soon,x", "valid_to is not an RFC 3339 time with an offset"),
        (",api,2025-09-01T00:00:00Z,,x", "organization_id is empty"),
        ("  ,api,2025-09-01T00:00:00Z,,x", "organization_id is empty"),
        (" org-1,api,2025-09-01T00:00:00Z,,x", "organization_id has white space or an invisible character"),
        ("org-1\u200b,api,2025-09-01T00:00:00Z,,x", "organization_id has white space or an invisible"),
        ("org-1,api,2025-09-01T00:00:00Z,,x,y", "the row has more or fewer fields than the header"),
    ],
)
def test_a_row_that_could_never_apply_is_refused(tmp_path: Path, row: str, why: str) -> None:
    """Otherwise a typing error silently leaves an organisation out, or a surface."""
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, HEADER, GOOD, row)
    assert str(refused.value).startswith(f"{tmp_path}/authorizations.csv:3: {why}")
    assert "org-1" not in str(refused.value)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (HEADER + ",surface", "column surface occurs twice; keep one"),
        (HEADER.replace("valid_to,", ""), "column valid_to is missing"),
    ],
)
def test_a_column_is_there_once(tmp_path: Path, header: str, why: str) -> None:
    """Readers keep one of two columns, and which one is not known."""
    with pytest.raises(ConfigError, match=f"authorizations.csv:1: {why}"):
        read(tmp_path, header, GOOD)


def test_valid_rows_are_read(tmp_path: Path) -> None:
    """The other side of each refusal: one microsecond of validity, no end, every surface."""
    found = read(
        tmp_path,
        HEADER,
        GOOD,
        "org-1,,2025-09-01T00:00:00Z,2025-09-01T00:00:00.000001Z,x",
        "org 2,chat,2025-09-01T00:00:00+02:00,,x",
    )
    assert [row["surface"] for row in found] == ["api", None, "chat"]
    assert [row["valid_to"] is None for row in found] == [False, False, True]
