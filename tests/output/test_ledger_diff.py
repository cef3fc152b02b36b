"""Two ledgers compared window by window, against a comparison that holds both whole."""

from __future__ import annotations

import collections
import itertools
import random
from collections.abc import Iterator

import pyarrow as pa
import pytest

from pipeline.commands.diff import deciding_rule
from schemas.decisions import RULES, Reason
from transforms.output.ledger_diff import PAIRS, pairs

SIDE = pa.schema(
    [(name, pa.string()) for name in ("conversation_key", "decision", "reason", "tier", "surface")]
    + [("messages_kept", pa.int32())]
)
Row = dict[str, object]


def batches(rows: list[Row], size: int) -> Iterator[pa.RecordBatch]:
    table = pa.Table.from_pylist(rows, schema=SIDE)
    for start in range(0, len(rows), size):
        yield from table.slice(start, size).combine_chunks().to_batches()


def ledger(rng: random.Random) -> list[Row]:
    """Rows by key, some keys several times; records without a key anywhere, as parts end with them."""
    rows: list[Row] = [
        {
            "conversation_key": rng.choice("abcdefgh"),
            "decision": "excluded",
            "reason": rng.choice("xyz"),
            "tier": rng.choice(["free", None]),
            "surface": "chat",
            "messages_kept": rng.randint(0, 3),
        }
        for _ in range(rng.randint(0, 12))
    ]
    rows.sort(key=lambda row: (str(row["conversation_key"]), str(row["reason"])))
    for _ in range(rng.randint(0, 3)):
        rows.insert(rng.randint(0, len(rows)), {"decision": "quarantined", "reason": "malformed_json"})
    return rows


def test_any_two_ledgers_in_any_batches_are_paired_as_whole_ones_are() -> None:
    """A window cut in the wrong place would lose sessions, or call every one of them changed."""
    for seed in range(600):
        rng = random.Random(seed)
        a, b = ledger(rng), ledger(rng)
        windows = [*pairs(batches(a, rng.randint(1, 4)), batches(b, rng.randint(1, 4)))]
        got = pa.concat_tables([PAIRS.empty_table(), *windows]).to_pylist()
        by_key: dict[object, tuple[list[object], list[object]]] = collections.defaultdict(lambda: ([], []))
        for side, rows in enumerate((a, b)):
            for row in rows:
                by_key[row.get("conversation_key")][side].append(row["reason"])
        wanted: collections.Counter[tuple[object, object, object]] = collections.Counter()
        for key, (left, right) in by_key.items():
            if key is None:
                wanted.update([(None, reason, None) for reason in left] + [(None, None, r) for r in right])
            else:
                wanted.update((key, x, y) for x, y in itertools.zip_longest(left, right))
        found = collections.Counter(
            (row["conversation_key"], row["a_reason"], row["b_reason"]) for row in got
        )
        assert found == wanted
        keys = [row["conversation_key"] for row in got if row["conversation_key"]]
        assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("a", "b", "rule", "fires_in"),
    [
        ("eligible", "opted_out", "opted_out", "b"),
        ("undecided", "eligible", "undecided", "a"),
        ("no_exchange", "tier_excluded", "tier_excluded", "b"),
        ("deleted", "retention_expired", "deleted", "a"),
        ("malformed_json", "eligible", "malformed_json", "a"),
        (None, "eligible", "absent", "a"),
        ("eligible", None, "absent", "b"),
    ],
)
def test_the_rule_that_flipped_is_the_earlier_of_the_two(
    a: str | None, b: str | None, rule: str, fires_in: str
) -> None:
    """Rules are tried in one order, so up to the earlier reason both went the same way."""
    assert deciding_rule(a, b) == (rule, fires_in)


def test_every_reason_has_a_place_in_the_order_of_rules() -> None:
    """A reason without one would be taken for a code of the record, which comes before all."""
    assert set(Reason) - {rule.reason for rule in RULES} == {Reason.ELIGIBLE}
