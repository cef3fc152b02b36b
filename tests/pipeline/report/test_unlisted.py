"""The operator's list: sums over all units, bounded, and equal whatever the order of the entries."""

from __future__ import annotations

import base64
import itertools
from typing import Any

import msgspec

from pipeline.report.unlisted import FORMAT, Unlisted, unlisted_file
from tests.support.eligibility_cases import POLICY as PACK

FILES = [(0, number, f"/logs/{number}.jsonl") for number in range(20)]


def entry(number: int, *rows: tuple[str, str | None, int], more: int = 1) -> dict[str, str]:
    """An entry of a unit of the files from `number` on."""
    paths = tuple(path for _, _, path in FILES[number : number + more])
    found = [dict(zip(("column", "value", "records"), row, strict=True)) for row in rows]
    return {"sealed": base64.b64encode(msgspec.json.encode((0, paths, found))).decode()}


def listed(*entries: dict[str, str]) -> Unlisted | None:
    """The list, the same for every order of the entries."""
    made = {unlisted_file(some, unsealed, FILES, PACK) for some in itertools.permutations(entries)}
    assert len(made) == 1
    data = made.pop()
    return data and msgspec.json.decode(data, type=Unlisted)


def unsealed(data: bytes) -> Any:
    number, paths, rows = msgspec.json.decode(data)
    return number, tuple(paths), rows


def test_records_and_files_of_a_value_are_summed() -> None:
    """Most records first, then by value; what units left out is counted."""
    found = listed(
        entry(0, ("tier", "b", 1), ("surface", "b", 9)),
        entry(3, ("tier", "b", 2), ("tier", "a", 3), ("tier", None, 40)),
        entry(3, ("tier", "c", 7)),
    )
    assert msgspec.json.decode(msgspec.json.encode(found)) == {
        "format": FORMAT,
        "policy_id": PACK.id,
        "tier": [
            {"value": "c", "records": 7, "file_count": 1, "files": [[0, 3]]},
            {"value": "a", "records": 3, "file_count": 1, "files": [[0, 3]]},
            {"value": "b", "records": 3, "file_count": 2, "files": [[0, 0], [0, 3]]},
        ],
        "surface": [{"value": "b", "records": 9, "file_count": 1, "files": [[0, 0]]}],
        "other_records": {"tier": 40, "surface": 0},
    }


def test_the_list_has_a_limit_and_counts_the_rest() -> None:
    """A field with another value in each record must not make a file of the size of the logs."""
    rows = [("tier", f"t{number:04d}", 1) for number in range(502)]
    found = listed(entry(0, *rows, more=15))
    assert found is not None
    assert (len(found.tier), found.tier[-1].value, found.other_records["tier"]) == (500, "t0499", 2)
    assert (found.tier[0].file_count, len(found.tier[0].files)) == (15, 10)


def test_values_of_this_policy_are_left_out() -> None:
    """With several policies the reading counts what any of them does not list."""
    assert listed(entry(0, ("tier", PACK.tiers.excluded[0], 1), ("surface", "chat", 1))) is None
    assert listed() is None
