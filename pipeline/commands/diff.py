"""`chatsieve diff`: sessions with different decisions in two runs or audits, and the deciding rule."""

from __future__ import annotations

import collections
import contextlib
import functools
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.dataset.committed import Committed, ledger_batches, open_committed
from schemas.decisions import RULES, Decision
from schemas.errors import ConfigError, OutputError
from transforms.output.file_names import masked_name
from transforms.output.ledger_diff import COLUMNS, PAIRS, pairs
from transforms.storage.places import resolved

_BATCH_ROWS = 1 << 17
_ORDER = {str(rule.reason): place for place, rule in enumerate(RULES)}
_NUMBER = {str(rule.reason): rule.number for rule in RULES}
#: The file of changed sessions (--out): PAIRS, and the deciding rule of each.
CHANGED = pa.schema([*PAIRS, ("rule", pa.string()), ("fires_in", pa.string())])

Pair = tuple[str | None, str | None, str | None, str | None]


class DecidingRule(NamedTuple):
    """The rule that makes the difference: it fires in run `fires_in` (a or b) and not in the other.

    `rule` is "absent" if the session is not in the ledger of `fires_in`.
    """

    rule: str
    fires_in: str


class _Tally:
    """Sessions by pair of reasons, also by tier and surface, and some keys of each changed pair."""

    def __init__(self, most_keys: int) -> None:
        self.matrix: collections.Counter[Pair] = collections.Counter()
        self.groups: dict[str, collections.Counter[tuple[str | None, Pair]]] = {
            "tier": collections.Counter(),
            "surface": collections.Counter(),
        }
        self.keys: dict[Pair, list[str]] = collections.defaultdict(list)
        self.keyless = {side: collections.Counter[str]() for side in ("a", "b")}
        self.kept_changed = 0
        self._most_keys = most_keys

    def add(self, rows: pa.Table) -> None:
        columns = ["a_decision", "a_reason", "b_decision", "b_reason", "tier", "surface"]
        for row in rows.group_by(columns).aggregate([([], "count_all")]).to_pylist():
            pair = (row["a_decision"], row["a_reason"], row["b_decision"], row["b_reason"])
            self.matrix[pair] += row["count_all"]
            for name, group in self.groups.items():
                group[row[name], pair] += row["count_all"]
        both = rows.filter(pc.and_(pc.is_valid(rows["a_decision"]), pc.is_valid(rows["b_decision"])))
        other = pc.and_(
            pc.equal(both["a_reason"], both["b_reason"]),
            pc.not_equal(both["a_messages_kept"], both["b_messages_kept"]),
        )
        self.kept_changed += pc.sum(other).as_py() or 0

    def add_keyless(self, rows: pa.Table) -> None:
        """Counts records without a readable id; they cannot be paired."""
        for side, counter in self.keyless.items():
            counter.update(rows[f"{side}_reason"].drop_null().to_pylist())

    def note_keys(self, changed: pa.Table) -> None:
        """Collects up to `most_keys` conversation keys of each pair."""
        columns = ["a_decision", "a_reason", "b_decision", "b_reason"]
        for row in changed.select(columns).group_by(columns).aggregate([]).to_pylist():
            pair = tuple(row[name] for name in columns)
            missing = self._most_keys - len(self.keys[pair])
            if missing > 0:
                same = changed
                for name in columns:
                    same = same.filter(pc.is_in(same[name], value_set=pa.array([row[name]], pa.string())))
                self.keys[pair] += same["conversation_key"].drop_null().slice(0, missing).to_pylist()


def diff(path_a: PurePath, path_b: PurePath, most_keys: int = 20, out: Path | None = None) -> dict[str, Any]:
    """The comparison as a JSON document; all changed sessions are written to `out`, as Parquet.

    `most_keys`: how many conversation keys are listed per pair of reasons. Raises ConfigError if the runs
    were made with different keys, InputError if one is not a committed run or audit.
    """
    a, b = open_committed(path_a), open_committed(path_b)
    if a.manifest.key_id != b.manifest.key_id:
        raise ConfigError(
            f"{path_a} and {path_b}: made with different keys, so conversation keys do not match; "
            "audit one of the inputs again with the other key"
        )
    tally = _Tally(most_keys)
    windows = pairs(ledger_batches(a, COLUMNS, _BATCH_ROWS), ledger_batches(b, COLUMNS, _BATCH_ROWS))
    with _writer(out) as write:
        for window in windows:
            keyless = pc.is_null(window["conversation_key"])
            tally.add_keyless(window.filter(keyless))
            keyed = window.filter(pc.invert(keyless))
            tally.add(keyed)
            changed = keyed.filter(_changed(keyed))
            if changed.num_rows:
                tally.note_keys(changed)
                write(_with_rule(changed))
    return _document(a, b, tally)


@functools.cache
def deciding_rule(reason_a: str | None, reason_b: str | None) -> DecidingRule:
    """The first rule with different outcomes in the two runs; quarantine codes come before all rules.

    Rules are tried in the same order until one fires. So all rules before the earlier of the two reasons had
    the same outcome, and the rule of the earlier reason fires in one run only.
    """
    places = [(_place(reason_a), "a", reason_a), (_place(reason_b), "b", reason_b)]
    _, side, reason = min(places)
    return DecidingRule(reason or "absent", side)


def _place(reason: str | None) -> int:
    if reason is None:
        return -2  # the session is in one of the two only
    return len(_ORDER) if reason == Decision.ELIGIBLE else _ORDER.get(reason, -1)


def _changed(window: pa.Table) -> Any:
    same = pc.and_(
        pc.equal(window["a_decision"], window["b_decision"]), pc.equal(window["a_reason"], window["b_reason"])
    )
    return pc.invert(pc.fill_null(same, False))


def _with_rule(changed: pa.Table) -> pa.Table:
    flips = [
        deciding_rule(a, b)
        for a, b in zip(changed["a_reason"].to_pylist(), changed["b_reason"].to_pylist(), strict=True)
    ]
    columns = [pa.array([flip.rule for flip in flips]), pa.array([flip.fires_in for flip in flips])]
    return pa.table([*changed.columns, *columns], schema=CHANGED)


@contextlib.contextmanager
def _writer(out: Path | None) -> Iterator[Any]:
    """A function that appends a table to `out`, if given; on an error the file is removed."""
    if out is None:
        yield lambda _: None
        return
    if out.exists():
        raise OutputError(f"{out}: exists already; give another --out")
    try:
        with pq.ParquetWriter(out, CHANGED, compression="zstd") as writer:
            yield writer.write_table
    except OSError as error:
        out.unlink(missing_ok=True)
        raise OutputError(f"{out}: cannot be written ({error.strerror}); give another --out") from None
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def _document(a: Committed, b: Committed, tally: _Tally) -> dict[str, Any]:
    both = {pair: n for pair, n in tally.matrix.items() if pair[0] and pair[2]}
    changed = {pair: n for pair, n in tally.matrix.items() if pair[:2] != pair[2:]}
    return {
        "a": _side(a),
        "b": _side(b),
        "sessions": {
            "in_both": sum(both.values()),
            "changed": sum(n for pair, n in changed.items() if pair in both),
            "only_in_a": sum(n for pair, n in tally.matrix.items() if not pair[2]),
            "only_in_b": sum(n for pair, n in tally.matrix.items() if not pair[0]),
            "same_reason_other_messages_kept": tally.kept_changed,
        },
        "records_without_key": {side: dict(sorted(found.items())) for side, found in tally.keyless.items()},
        "matrix": [{**_named(pair), "sessions": n} for pair, n in _by_number(tally.matrix.items())],
        "changed": [
            {
                **_named(pair),
                **_flip(pair),
                "sessions": n,
                **{f"by_{name}": _group(group, pair) for name, group in tally.groups.items()},
                "keys": tally.keys[pair],
            }
            for pair, n in _by_number(changed.items())
        ],
        **{f"by_{name}": _balance(group) for name, group in tally.groups.items()},
    }


def _side(run: Committed) -> dict[str, Any]:
    manifest = run.manifest
    return {
        "path": masked_name(str(resolved(run.path))),
        "kind": manifest.kind,
        "policy_id": manifest.policy["id"],
        "policy_sha256": manifest.policy["sha256"],
        "as_of": manifest.as_of,
        "known_until": manifest.known_until,
        "ledger_rows": manifest.counts["ledger_rows"],
    }


def _named(pair: Pair) -> dict[str, str | None]:
    return dict(zip(("a_decision", "a_reason", "b_decision", "b_reason"), pair, strict=True))


def _flip(pair: Pair) -> dict[str, Any]:
    flip = deciding_rule(pair[1], pair[3])
    return {"rule": flip.rule, "rule_number": _NUMBER.get(flip.rule), "fires_in": flip.fires_in}


def _by_number(items: Iterable[tuple[Pair, int]]) -> list[tuple[Pair, int]]:
    return sorted(items, key=lambda item: (-item[1], [str(part) for part in item[0]]))


def _group(group: collections.Counter[tuple[str | None, Pair]], pair: Pair) -> dict[str, int]:
    found = {value or "none": n for (value, other), n in group.items() if other == pair}
    return dict(sorted(found.items()))


def _balance(group: collections.Counter[tuple[str | None, Pair]]) -> list[dict[str, Any]]:
    """For each tier or surface: eligible sessions in A and in B, and changed sessions."""
    rows: dict[str, dict[str, int]] = {}
    for (value, pair), n in group.items():
        row = rows.setdefault(value or "none", {"eligible_in_a": 0, "eligible_in_b": 0, "changed": 0})
        row["eligible_in_a"] += n * (pair[0] == Decision.ELIGIBLE)
        row["eligible_in_b"] += n * (pair[2] == Decision.ELIGIBLE)
        row["changed"] += n * (pair[:2] != pair[2:])
    return [{"value": value, **row} for value, row in sorted(rows.items())]
